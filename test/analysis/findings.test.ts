/**
 * The numbers of docs/findings.md and of README's finding do not drift: an estimate with its interval stands in one row
 * of a table of the experiments that its section links to, or is the reference of a claim. A number alone stands
 * somewhere in a table or figure that is linked, or in a claim: a weaker hold, since it may stand there by chance. What
 * comes from elsewhere is listed with its source.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readClaims } from '../../analysis/claims/claim';
import { allClaims } from '../../analysis/claims/referenceFile';
import { tables } from '../../analysis/tables/registry';
import { projectRoot } from '../../src/files';

/** Numbers that no table, figure or claim holds, by section, with where they are from. */
const elsewhere: Record<string, Record<string, string>> = {
  'Is it the ratio of the rates that harms, or their level?': {
    '.537': 'export metrics paper-fair-fight: validation/choice/accuracy, seeds 11 to 13, constant rates 1e-4 and 1e-3',
    '.533': 'the same at 3e-4 and 1e-3',
    '.525': 'the same at 1e-3 both',
    '.617': 'the same at 3e-4 both',
  },
  'What was found': {
    '.217': 'docs/data/emoji-icon-qa.md: the question-only baseline',
  },
  'Is coordination an insurance against badly chosen rates?': {
    '.275': 'journals: validation at the last step, coordinated minus constant, sounds, backbone x10',
    '.178': 'the same on pictures',
  },
  'Does it help to follow kappa, or only to have its rates?': {
    '.454': 'journals: mean of seeds 1 to 15; the table of results has seed 16, too',
    '.025': '90 % interval of the claim follows-kappa-idle-pictures',
    '-.027': '90 % interval of the claim follows-kappa-idle-sounds',
    '.022': 'the same',
  },
  'Weight of the regulariser': {
    '-.055 [-.129, .019]': 'paper-rate-ratio/regulariser-gain, which its text names',
    '1.4': 'paper-rate-ratio/regulariser-gain, as a percentage',
    '.652': 'paper-regulariser/results',
    '.649': 'paper-regulariser/results',
    '.217': 'paper-regulariser/results',
    '.232': 'paper-regulariser/results',
  },
};

const figures = join(projectRoot, 'paper-figures');
const number = '[-−+]?\\d*\\.\\d+';
const withInterval = new RegExp(`(?<![\\w.])(${number})\\s*\\[(${number}),\\s*(${number})\\]`, 'g');
const alone = /(?<![\w.\d])[-−+]?\d*\.\d+(?![\w.]|\d)/g;

const valueOf = (text: string) => Number(text.replace('−', '-').replace('+', ''));
/** Whether `value` is printed as this text. */
function isPrinted(value: number, text: string): boolean {
  const digits = text.split('.')[1]!.length;
  return Math.abs(value - valueOf(text)) <= 0.5 * 10 ** -digits + 1e-9;
}

/** The rows of a CSV, numbers only. */
const rowsOf = (path: string): number[][] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) =>
      line.split(',').flatMap((cell) => (cell !== '' && Number.isFinite(Number(cell)) ? [Number(cell)] : [])),
    );

/** Every reference of a claim, as a row. */
const ofClaims = allClaims(readClaims()).flatMap(({ reference }) =>
  reference === undefined
    ? []
    : [[reference.estimate, reference.low, reference.high].filter((value) => value !== null)],
);

interface Section {
  title: string;
  /** without the targets of links */
  text: string;
  /** `experiment/name` of each table or figure that it links to */
  links: string[];
}

function sectionsOf(page: string): Section[] {
  return page.split(/\n(?=#{2,3} )/).map((part) => ({
    title: part.split('\n')[0]!.replace(/^#+ /, ''),
    text: part.replace(/\]\([^)]*\)/g, ']').replace(/\s+/g, ' '),
    links: [
      ...new Set([...part.matchAll(/paper-figures\/([\w-]+\/[\w-]+)\.(?:md|png|pdf|csv)/g)].map((found) => found[1]!)),
    ],
  }));
}

/** The rows of what a section links to. */
const linked = ({ links }: Section): number[][] =>
  links
    .map((link) => join(figures, `${link}.csv`))
    .filter((path) => existsSync(path))
    .flatMap(rowsOf);

/** The rows of all tables of the experiments that a section links to. */
function beside({ links }: Section): number[][] {
  const names = new Set(tables.map(({ name }) => `${name}.csv`));
  return [...new Set(links.map((link) => link.split('/')[0]!))].flatMap((experiment) =>
    readdirSync(join(figures, experiment))
      .filter((file) => names.has(file))
      .flatMap((file) => rowsOf(join(figures, experiment, file))),
  );
}

/** Numbers of a section that are nowhere to be found. */
function unfounded(section: Section): string[] {
  const near = [...linked(section), ...ofClaims];
  const rows = [...near, ...beside(section)];
  const holds = (row: readonly number[], text: string, sign: 1 | -1) =>
    row.some((value) => isPrinted(sign * value, text));
  // What a table has as a loss may stand as a gain, its interval turned round.
  const inOneRow = ([value, low, high]: string[]) =>
    rows.some((row) => ([1, -1] as const).some((sign) => [value, low, high].every((text) => holds(row, text!, sign))));
  const estimates = [...section.text.matchAll(withInterval)].filter((found) => !inOneRow(found.slice(1)));
  const rest = section.text.replace(withInterval, ' ');
  const singles = [...rest.matchAll(alone)].filter(
    ([text]) => !near.some((row) => holds(row, text, 1) || holds(row, text, -1)),
  );
  return [...estimates, ...singles].map(([text]) => text);
}

const findings = sectionsOf(readFileSync(join(projectRoot, 'docs', 'findings.md'), 'utf8'));
const finding = sectionsOf(readFileSync(join(projectRoot, 'README.md'), 'utf8')).find(
  ({ title }) => title === 'What was found',
)!;

describe('findings', () => {
  test('link to tables and figures that are there', () => {
    const links = findings.flatMap((section) => section.links);
    expect(links.length).toBeGreaterThan(30);
    expect(links.filter((link) => !existsSync(join(figures, `${link}.csv`)))).toEqual([]);
  });

  test.each(findings.filter(({ links }) => links.length > 0).map((section) => [section.title, section] as const))(
    '%s',
    (title, section) => {
      const known = Object.keys(elsewhere[title] ?? {});
      expect(unfounded(section).filter((text) => !known.includes(text))).toEqual([]);
      expect(known.filter((text) => !section.text.includes(text))).toEqual([]);
    },
  );

  test('name no number from elsewhere in a section that is not there', () => {
    const titles = findings.map(({ title }) => title);
    expect(Object.keys(elsewhere).filter((title) => !titles.includes(title))).toEqual([]);
  });

  test("README's finding has no number of its own", () => {
    expect(unfounded({ ...finding, links: ['paper-rate-ratio/differences', 'paper-rivals/rivals'] })).toEqual([]);
  });
});

describe('the search itself', () => {
  const section = (text: string): Section => ({ title: '', text, links: ['paper-rate-ratio/differences'] });

  test('finds an estimate in one row, with the other sign too, and not one with a wrong end or from two rows', () => {
    expect(unfounded(section('gains .226 [.156, .297]'))).toEqual([]);
    expect(unfounded(section('loses -.226 [-.297, -.156]'))).toEqual([]);
    expect(unfounded(section('gains .226 [.156, .298]'))).toEqual(['.226 [.156, .298]']);
    expect(unfounded(section('gains .226 [.142, .353]'))).toEqual(['.226 [.142, .353]']);
    expect(unfounded(section('by 17.25, at 3e-4 with v1.2.3'))).toEqual(['17.25']);
  });
});
