/** README.md of what is exported for users of Python, and the facts that stand beside it in equipoise.json. */
import type { ConnectorSpec, RunSpec } from '../../manifest/run';
import type { RunFile } from '../runFile';
import type { Which } from './trained';
import type { BackboneForm } from './write';

/** Where base weights come from. */
export interface BaseFacts { source: string; identity: string; license: string; url: string; citeAs: string; files: { name: string; contentUrl: string; sha256: string }[] }

/** equipoise.json without the hashes of the other files. */
export interface ExportFacts {
  format: 'equipoise-export/1';
  run: { id: string; identity: string; experiment: string; code: RunFile['code']; data: RunFile['data']; spec: RunSpec };
  weights: { which: Which; step: number; steps: number; /** of the final evaluation; null for `best`, which it did not see */ accuracy: number | null };
  backbone: { name: string; form: BackboneForm; base: BaseFacts; /** rows of the whole embedding */ vocabularySize: number | null; /** ids whose rows were trained; null where the embedding was not trained */ trainedRows: readonly number[] | null };
  connector: { spec: ConnectorSpec; /** prefix tokens for the backbone */ tokens: number; /** features of the encoder, [rows, features] */ rows: number; features: number; startsFrom: BaseFacts[] };
  encoder: { name: string; trained: false; base: BaseFacts };
}

const origin = ({ url, license, files }: BaseFacts): string => `${url} (${license}), ${files.map(({ contentUrl, sha256 }) => `\`${contentUrl}\`, sha256 \`${sha256}\``).join('; ')}`;

const forms: Record<BackboneForm, (facts: ExportFacts) => string> = {
  adapter: ({ backbone }) => `\`adapter_model.safetensors\` and \`adapter_config.json\` are the LoRA adapter of the backbone in PEFT's layout. It touches no embedding, so it fits the backbone with its whole vocabulary:

    equipoise export backbone ${backbone.name} base

    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained('base'), '.')

Rows of queries and keys are in the order of transformers (half-split rotation).`,
  whole: ({ backbone }) => `\`model.safetensors\` and \`config.json\` are the whole backbone, which was trained in full:

    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained('.')

The run knew only the ${backbone.trainedRows?.length ?? 0} tokens of its texts (\`backbone.trainedRows\` in \`equipoise.json\`). Their rows of the embedding are as trained, all others as pretrained;
the run's probabilities are those among its own tokens.`,
  frozen: () => 'The backbone was frozen: there is nothing of it here.',
};

/** README.md of an exported run. */
export function readmeOfRun(facts: ExportFacts): string {
  const { run, weights, backbone, connector, encoder } = facts;
  const accuracy = weights.accuracy === null ? '' : `; accuracy ${weights.accuracy.toFixed(3)} on the evaluation split of ${run.spec.task}`;
  return `# Run ${run.id} of ${run.experiment}

Written by \`equipoise export peft\`. Task ${run.spec.task}, encoder ${encoder.name}, connector ${connector.spec.kind}, backbone ${backbone.name}.
The parameters are those after step ${weights.step} of ${weights.steps} (${weights.which === 'last' ? 'the last' : 'the best validation'})${accuracy}.
\`equipoise.json\` holds the whole description of the run, the origin of all base weights, and the hash of each file here.

## Backbone

${forms[backbone.form](facts)}

## Connector

\`connector.safetensors\` holds the trained part of the encoder: the connector, which turns ${connector.rows} x ${connector.features} features of the frozen encoder into
${connector.tokens} prefix tokens. They stand between the opening token and the text. Matrices are [out, in] as in PyTorch; what is computed with them is written in
\`src/models/connectors\` of Equipoise ${run.code.version}, method ${run.code.method ?? 'unknown'}${run.code.commit === null ? '' : `, commit ${run.code.commit}`}.

## Base weights, which keep their own licences

- backbone ${backbone.name}: ${origin(backbone.base)}
- encoder ${encoder.name}: ${origin(encoder.base)}
${connector.startsFrom.map((base) => `- the connector started from ${base.source}: ${origin(base)}\n`).join('')}`;
}

/** README.md of an exported backbone. */
export function readmeOfBackbone(name: string, base: BaseFacts): string {
  return `# ${name}

Written by \`equipoise export backbone\`: pretrained weights, unchanged but for their layout, which is that of transformers' LlamaForCausalLM in float32.

    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained('.')

There is no tokenizer here. \`eos_token_id\` of config.json is the token that ends an answer in Equipoise.

From ${origin(base)}. ${base.citeAs}
`;
}
