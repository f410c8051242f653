/**
 * card.json of a generated set: what it holds, where it comes from, what was left out, and what a blind guess scores.
 */
import type { Generated, SetGenerator, Source } from './generator';
import { countBy, type PriorBaseline, priorBaseline } from './checks';

/** The machine-readable data card that lies beside the items. */
export interface SetCard {
  format: 'equipoise-set/1';
  task: string;
  modality: 'image' | 'audio';
  identity: string;
  version: string;
  options: Record<string, unknown>;
  sources: { source: string; licence: string }[];
  classes: string[];
  counts: {
    items: number;
    media: number;
    alignment: number;
    bySplit: Record<string, number>;
    byKind: Record<string, number>;
    bySlice: Record<string, number>;
    /** keys `split/slice/kind` */
    byCell: Record<string, number>;
    /** keys `split/kind/answer` */
    answers: Record<string, number>;
  };
  /** reason -> source files left out */
  skipped: Record<string, number>;
  /** names of the checks that this set passed before it was kept */
  checks: string[];
  /** question-only accuracy; keys `all` of an evaluation slice, or `slice/kind` */
  prior: Record<string, PriorBaseline>;
  /** sha256 of the index files, so that a damaged cache is noticed */
  files: Record<string, string>;
  /** facts that only this generator knows */
  notes: Record<string, unknown>;
}

/** Names of what findProblems rules out; a kept set has passed all of them. */
const checks = [
  'ids unique',
  'answers among choices',
  'choices distinct',
  'texts trimmed',
  'media present',
  'no media bytes shared between train, validation and evaluation',
  'no repeated (media, prompt)',
  'alignment media not in validation or evaluation',
];

/** Those that a released set passes: it may repeat itself, and its notes say how often. */
const releasedChecks = checks.slice(0, 5);

/** The card of a generated set; a pure function of its arguments. */
export function makeCard(
  generator: SetGenerator,
  identity: string,
  sources: readonly Source[],
  made: Generated,
  files: Record<string, string>,
): SetCard {
  const tested = made.items.filter((item) => item.split !== 'train');
  const prior: Record<string, PriorBaseline> = {};
  for (const slice of Object.keys(countBy(tested, (item) => item.slice))) {
    prior[`${slice}/all`] = priorBaseline(made.items, (item) => item.slice === slice);
    for (const kind of Object.keys(
      countBy(
        tested.filter((item) => item.slice === slice),
        (item) => item.kind,
      ),
    )) {
      prior[`${slice}/${kind}`] = priorBaseline(made.items, (item) => item.slice === slice && item.kind === kind);
    }
  }
  return {
    format: 'equipoise-set/1',
    task: generator.task,
    modality: generator.modality,
    identity,
    version: generator.version,
    options: generator.options,
    sources: sources.map(({ name, licence }) => ({ source: name, licence })),
    classes: made.classes,
    counts: {
      items: made.items.length,
      media: made.media.length,
      alignment: made.alignment.length,
      bySplit: countBy(made.items, (item) => item.split),
      byKind: countBy(made.items, (item) => item.kind),
      bySlice: countBy(made.items, (item) => item.slice),
      byCell: countBy(made.items, (item) => `${item.split}/${item.slice}/${item.kind}`),
      answers: countBy(made.items, (item) => `${item.split}/${item.kind}/${item.answer}`),
    },
    skipped: Object.fromEntries(Object.entries(made.skipped).sort(([a], [b]) => (a < b ? -1 : 1))),
    checks: generator.released === true ? releasedChecks : checks,
    prior,
    files,
    notes: made.notes,
  };
}
