/** The files that `equipoise init` writes. */
import type { ProjectConfig } from '../../project';

/** A file of a new project: its path below the folder, and its text. */
export interface ProjectFile {
  path: string;
  text: string;
}

export interface ProjectChoices {
  /** the config in TypeScript */
  ts: boolean;
  /** a scheduler of one's own, and the manifest compares it */
  withPart: boolean;
  /** where the schemas of manifests and configs lie, as the folder sees it */
  schemas: { manifest: string; config: string };
}

/** The path of the example manifest in a project. */
export const firstManifest = 'experiments/first.json';

/** Folders that git should not keep, as lines of .gitignore. */
export const ignored = ['results/', 'figures/', 'crates/', 'node_modules/'];

/** All files of a new project, in the order in which they are told. */
export function projectFiles(choices: ProjectChoices): ProjectFile[] {
  const { withPart, ts } = choices;
  return [
    ts ? { path: 'equipoise.config.ts', text: typescriptConfig(withPart) } : jsonConfig(choices),
    { path: firstManifest, text: manifest(choices) },
    ...(withPart ? [{ path: 'parts/brake.ts', text: part }] : []),
    { path: '.gitignore', text: `${ignored.join('\n')}\n` },
  ];
}

const folders = (withPart: boolean): ProjectConfig => ({
  results: 'results',
  figures: 'figures',
  ...(withPart ? { parts: 'parts' } : {}),
});

const jsonConfig = ({ withPart, schemas }: ProjectChoices): ProjectFile => ({
  path: 'equipoise.config.json',
  text: `${JSON.stringify({ $schema: schemas.config, ...folders(withPart) }, null, 2)}\n`,
});

const typescriptConfig = (withPart: boolean): string =>
  `import type { ProjectConfig } from 'equipoise';

/** Folders of this project, relative to this file; \`tasks\` and \`checkpoints\` may be named too. */
export default {
${Object.entries(folders(withPart))
  .map(([name, value]) => `  ${name}: '${String(value)}',`)
  .join('\n')}
} satisfies ProjectConfig;
`;

/** A small ablation: two or three ways to schedule the rates, at equal rates and with the backbone's ten times too high. */
const manifest = ({ withPart, schemas }: ProjectChoices): string => `{
  "$schema": ${JSON.stringify(schemas.manifest)},
  // Also the name of its folder in the results.
  "name": "first",
  "about": {
    "what": "Questions about small pictures, at equal rates and with the backbone's rate ten times too high: do coordinated rates mend that?",
    "command": "equipoise run ${firstManifest}",
    "expectedTime": "${withPart ? 12 : 8} runs of 40 steps: half a minute of one processor each with a linked TensorFlow, some minutes on wasm, after data and features are there",
    "lookFor": "kappa far above 1 with the backbone x10, and whether commit-clr brings loss and accuracy back. Forty steps and two seeds show a tendency, not a proof."
  },
  // The same for every run. docs/manifests.md lists all fields; an editor completes them from the schema above.
  "fixed": { "task": "emoji-icon-qa-2", "encoder": "resnet50", "backbone": "stories15m", "align.steps": 40, "warmup": 5 },
  "steps": 40,
  // kappa is measured every fourth step.
  "measure": { "every": 4 },
  // Fewer questions than there are, to be quick; without this line the evaluation takes all.
  "evaluate": { "every": 20, "limit": 128, "validation": 32 },
  // Every combination is a run. Values of a list are compared; seeds repeat them.
  "axes": {
    "scheduler": ["constant", "commit-clr"${withPart ? ', { "kind": "brake", "factor": 0.5 }' : ''}],
    "learningRate.backbone": [3e-4, 3e-3],
    "seed": [1, 2]
  },
  "profiles": {
    // equipoise run ${firstManifest} --profile smoke: does it run at all? Its numbers mean nothing.
    "smoke": {
      "about": "Every scheduler once, six steps each.",
      "keep": { "seed": 1, "learningRate.backbone": 3e-4 },
      "steps": 6,
      "measure": { "every": 2 },
      "evaluate": { "every": 0, "limit": 8 },
      "fixed": { "align.steps": 3, "align.batch": 4, "batch": 4, "warmup": 2 }
    }
  }
}
`;

/** The example of docs/extending.md. */
const part = `import { bothActive, defineScheduler, number, type Decision } from 'equipoise/parts';

export const name = 'brake';
export const scheduler = defineScheduler({
  about: 'slows the module that moves the answers further',
  options: { factor: number('what brake multiplies a rate by', 0, 1, 0.5) },
  facts: { ignoresKappa: false },
  make: ({ factor }) => ({
    initial: bothActive(),
    next(before: Decision, { logKappas }) {
      const logKappa = logKappas.at(-1);
      if (logKappa === undefined) return { state: before, decision: before };
      const decision = bothActive(logKappa > 0 ? { encoder: 1, backbone: factor } : { encoder: factor, backbone: 1 });
      return { state: decision, decision };
    },
  }),
});
`;
