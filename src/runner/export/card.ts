/**
 * The head of a README.md by which the Hugging Face hub and its library know a model: YAML front matter after the model card's
 * specification. It says nothing that its origin does not say: where the base is not on the hub there is no `base_model`.
 */
import { stringify } from 'yaml';
import { definitionOf } from '../../data/tasks';
import type { BaseFacts, RunFacts } from './facts';

/** What the hub calls licences that base weights have here. */
const hubLicences: Readonly<Record<string, string>> = {
  'Apache-2.0': 'apache-2.0',
  MIT: 'mit',
  'CC-BY-4.0': 'cc-by-4.0',
  'Llama 2 Community License': 'llama2',
  'LLAMA-2-Community': 'llama2',
};

/** Licence fields: of the base weights, which what is trained on them inherits. */
function licenceOf(base: BaseFacts | null): Record<string, string> {
  if (base === null) return { license: 'unknown' };
  const stated = base.license.split(' (')[0]!;
  const known = hubLicences[stated];
  return known === undefined ? { license: 'other', license_name: stated, license_link: base.url } : { license: known };
}

/** owner/name on the hub, from where the files of the base come. */
function repositoryOf(base: BaseFacts | null): string | null {
  const names = (base?.files ?? []).map(({ contentUrl }) => /^hf:([\w.-]+\/[\w.-]+)@/.exec(contentUrl)?.[1] ?? null);
  return new Set(names).size === 1 ? names[0]! : null;
}

const hubTasks = { image: 'visual-question-answering', audio: 'audio-text-to-text' } as const;

/** The result as the hub lists it; only of the weights that the final evaluation saw. */
function resultsOf({ run, weights }: RunFacts): object[] {
  if (weights.accuracy === null) return [];
  const { task } = run.spec;
  const modality = definitionOf(task)?.modality;
  return [
    {
      task: { type: modality === undefined ? 'question-answering' : hubTasks[modality] },
      dataset: { type: task, name: task, split: 'evaluation', revision: run.data.identity },
      metrics: [{ type: 'accuracy', name: 'accuracy', value: weights.accuracy }],
    },
  ];
}

/**
 * The front matter with its rules and an empty line.
 *
 * @param base the weights that were trained on; null where nothing is known of them
 * @param adapter whether PEFT loads what lies beside the page
 */
export function cardHead(facts: RunFacts, base: BaseFacts | null, adapter: boolean): string {
  const results = resultsOf(facts);
  const repository = repositoryOf(base);
  const head = {
    ...(adapter ? { library_name: 'peft' } : {}),
    ...(repository === null ? {} : { base_model: repository, base_model_relation: adapter ? 'adapter' : 'finetune' }),
    ...licenceOf(base),
    tags: ['equipoise', ...(adapter ? ['lora'] : []), facts.run.spec.task],
    ...(results.length === 0
      ? {}
      : { metrics: ['accuracy'], 'model-index': [{ name: `${facts.run.experiment}-${facts.run.id}`, results }] }),
  };
  return `---\n${stringify(head)}---\n\n`;
}
