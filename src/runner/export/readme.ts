/** README.md of what is exported for users of Python. */
import { cardHead } from './card';
import type { BackboneForm, BaseFacts, CheckpointFacts, ExportFacts, RunFacts } from './facts';

const origin = ({ url, license, files }: BaseFacts): string =>
  `${url} (${license}), ${files.map(({ contentUrl, sha256 }) => `\`${contentUrl}\`, sha256 \`${sha256}\``).join('; ')}`;

const forms: Record<BackboneForm, (facts: ExportFacts) => string> = {
  adapter: ({
    backbone,
  }) => `\`adapter_model.safetensors\` and \`adapter_config.json\` are the LoRA adapter of the backbone in PEFT's layout. It touches no embedding, so it fits the backbone with its whole vocabulary:

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

/** `card`: the front matter of the page. */
function head({ run, weights }: RunFacts, model: string, card: string): string {
  const accuracy =
    weights.accuracy === null
      ? ''
      : `; accuracy ${weights.accuracy.toFixed(3)} on the evaluation split of ${run.spec.task}`;
  return `${card}# Run ${run.id} of ${run.experiment}

Written by \`equipoise export peft\`. Task ${run.spec.task}, ${model}.
The parameters are those after step ${weights.step} of ${weights.steps} (${weights.which === 'last' ? 'the last' : 'the best validation'})${accuracy}.
\`equipoise.json\` holds the whole description of the run, the origin of all base weights, and the hash of each file here.`;
}

/** README.md of an exported run from a published checkpoint. */
export function readmeOfCheckpointRun(facts: CheckpointFacts): string {
  const { name, identity, published } = facts.checkpoint;
  const adapter = `    from peft import PeftModel
    model = PeftModel.from_pretrained(model, '.')    # model: the checkpoint, as transformers loads it
`;
  const others = `    from safetensors.torch import load_file
    module.load_state_dict(load_file('trained_parameters.safetensors'), strict=False)    # module: ${facts.adapter ? 'model.base_model.model' : 'the checkpoint, as transformers loads it'}
`;
  const card = cardHead(facts, published, facts.adapter);
  return `${head(facts, `checkpoint ${name}`, card)}

${
  facts.adapter
    ? `${facts.form === 'adapter' ? 'The LoRA adapter of the language model' : 'The LoRA adapter'}, and the layers that were trained in full, the connector's among them:

${adapter}`
    : ''
}${
    facts.parameters
      ? `${facts.adapter ? '\nTrained tensors that are no layer, for which PEFT has no place' : 'All that was trained'}, by published name:

${others}`
      : ''
  }
## Base weights, which keep their own licence

- ${name}: ${published === null ? `a folder of its owner; sha256 over its files ${identity}` : origin(published)}
`;
}

/** README.md of an exported run. */
export function readmeOfRun(facts: ExportFacts): string {
  const { run, backbone, connector, encoder } = facts;
  const scaled =
    run.spec.tuning.tower.kind !== 'scale-shift'
      ? ''
      : '\nBefore it, each feature channel is multiplied by `features.scale` and shifted by `features.shift`.';
  const { tower } = run.spec.tuning;
  const ofTower = !encoder.trained
    ? ''
    : `## Tower

\`tower.safetensors\` holds what was trained inside the encoder's tower, ${
        tower.kind === 'lora'
          ? `LoRA adapters of rank ${tower.rank} and alpha ${tower.alpha}: beside each weight \`lora_A\` [rank, in] and \`lora_B\` [out, rank], as in PEFT`
          : 'all of its weights but the constants'
      }. Names and layouts are those of \`src/models/parts\` in that version of Equipoise.

`;
  const card = cardHead(facts, backbone.base, backbone.form === 'adapter');
  return `${head(facts, `encoder ${encoder.name}, connector ${connector.spec.kind}, backbone ${backbone.name}`, card)}

## Backbone

${forms[backbone.form](facts)}

## Connector

\`connector.safetensors\` holds what was trained between the ${encoder.trained ? 'tower of the' : 'frozen'} encoder and the backbone: the connector, which turns ${connector.rows} x ${connector.features} features of the encoder into
${connector.tokens} prefix tokens.${scaled} They stand between the opening token and the text. Matrices are [out, in] as in PyTorch; what is computed with them is written in
\`src/models/zoo/connectors\` of Equipoise ${run.code.version}, method ${run.code.method ?? 'unknown'}${run.code.commit === null ? '' : `, commit ${run.code.commit}`}.

${ofTower}## Base weights, which keep their own licences

- backbone ${backbone.name}: ${origin(backbone.base)}
- encoder ${encoder.name}: ${encoder.bases.length === 0 ? 'without pretrained weights' : encoder.bases.map(origin).join(' ')}
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
