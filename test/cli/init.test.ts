/** `equipoise init`, and `equipoise` alone: what a new project holds, and what is said to come next. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { initProject } from '../../src/cli/init';
import { tellNext } from '../../src/cli/next';
import { otherConfig } from '../../src/cli/sweep';
import { projectRoot } from '../../src/files';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import { loadParts } from '../../src/ownParts';
import { configFile, configuredParts } from '../../src/project';
import { runFolder } from '../../src/runner/folders';
import { runQueue } from '../../src/runner/queue';
import { fakeRuns, inProcess, queueOptions } from '../../testing/fakeRuns';
import { exampleParts } from '../../testing/ownParts';

const base = realpathSync(mkdtempSync(join(tmpdir(), 'equipoise-init-')));
afterAll(() => rmSync(base, { recursive: true, force: true }));
beforeEach(() => {
  for (const name of ['RESULTS', 'FIGURES', 'TASKS', 'CHECKPOINTS']) vi.stubEnv(`EQUIPOISE_${name}`, undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

let count = 0;
const fresh = (): string => join(base, String(++count));
const text = (...path: string[]): string => readFileSync(join(...path), 'utf8');
const workIn = (folder: string): void => void vi.spyOn(process, 'cwd').mockReturnValue(folder);

/** What `equipoise` alone prints in a folder. */
function next(folder: string): string {
  workIn(folder);
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    tellNext();
    return out.mock.calls.map(([line]) => String(line)).join('');
  } finally {
    out.mockRestore();
  }
}

describe('a new project', () => {
  // Before any manifest is read: parts cannot be registered later.
  it('may have a part of one’s own, that of the page on parts, in its manifest too', () => {
    const folder = fresh();
    expect(initProject(folder, { withPart: true, ts: true }).written).toEqual([
      'equipoise.config.ts',
      'experiments/first.json',
      'parts/brake.ts',
      '.gitignore',
    ]);
    expect(text(folder, 'parts', 'brake.ts')).toBe(exampleParts.brake);
    workIn(folder);
    expect(configuredParts()).toBe(join(folder, 'parts'));
    expect(loadParts(configuredParts()!).map(({ name }) => name)).toEqual(['brake']);
    const kinds = expand(loadManifest(join(folder, 'experiments', 'first.json'))).map(
      ({ scheduler }) => scheduler.kind,
    );
    expect(new Set(kinds)).toEqual(new Set(['constant', 'commit-clr', 'brake']));
  });

  it('has a config that counts there and a manifest that its profile smoke shortens', () => {
    const folder = fresh();
    const { written, kept, notes } = initProject(folder, {});
    expect(written).toEqual(['equipoise.config.json', 'experiments/first.json', '.gitignore']);
    expect([kept, notes]).toEqual([[], []]);
    workIn(folder);
    expect(configFile()).toBe(join(folder, 'equipoise.config.json'));
    const path = join(folder, 'experiments', 'first.json');
    const manifest = loadManifest(path);
    expect(manifest.warnings).toEqual([]);
    expect(expand(manifest)).toHaveLength(8);
    const smoke = expand(loadManifest(path, { profile: 'smoke' }));
    expect(smoke.map(({ scheduler, duration, seed }) => [scheduler.kind, duration, seed])).toEqual([
      ['constant', { steps: 6 }, 1],
      ['commit-clr', { steps: 6 }, 1],
    ]);
    expect(text(path)).toContain('"$schema": "');
    expect(text(folder, '.gitignore')).toMatch(/^results\/\nfigures\/\n/);
  });

  it('leaves what is there, and says what that lacks', () => {
    const folder = fresh();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '.gitignore'), '/results\n');
    writeFileSync(join(folder, 'equipoise.config.ts'), 'export default {};');
    const { written, kept, notes } = initProject(folder, {});
    expect(written).toEqual(['experiments/first.json']);
    expect(kept).toEqual(['equipoise.config.ts', '.gitignore']);
    expect(notes).toEqual([expect.stringMatching(/\.gitignore does not have figures\/, crates\/, node_modules\/;/)]);
    expect(text(folder, '.gitignore')).toBe('/results\n');
    expect(initProject(folder, {}).written).toEqual([]);
  });

  it('has its own manifests; one below another config is told to have no say', () => {
    const [mine, theirs] = [fresh(), fresh()];
    for (const folder of [mine, theirs]) initProject(folder, {});
    workIn(mine);
    expect(otherConfig(join(mine, 'experiments', 'first.json'))).toBeNull();
    expect(otherConfig(join(mine, 'experiments', 'absent.json'))).toBeNull();
    const said = otherConfig(join(theirs, 'experiments', 'first.json'));
    expect(said).toContain(`lies below ${join(theirs, 'equipoise.config.json')}, which does not count here`);
    expect(said).toContain(`that of the working folder does, ${join(mine, 'equipoise.config.json')}`);
    expect(said).toContain(`results are in ${join(mine, 'results')}`);
  });

  it('says which config it takes the place of, and is refused where it cannot be', () => {
    const folder = fresh();
    initProject(folder, {});
    expect(initProject(join(folder, 'inner'), {}).notes[0]).toContain(join(folder, 'equipoise.config.json'));
    expect(() => initProject(join(folder, '.gitignore'), {})).toThrow(/is a file; expected a folder/);
    expect(() => initProject(projectRoot, {})).toThrow(/is the folder of Equipoise itself/);
  });
});

describe('equipoise alone', () => {
  it('says how to begin where there is no project', () => {
    const folder = fresh();
    mkdirSync(folder);
    vi.stubEnv('EQUIPOISE_RESULTS', join(folder, 'none'));
    const said = next(folder);
    expect(said).toMatch(/^no project here .*\n {2}no runs yet\nNext:\n/);
    expect(said).toContain('equipoise init my-study');
    expect(said).toContain('equipoise doctor');
  });

  it('goes from a manifest to runs that are left, to figures that are missing, to looking at them', async () => {
    const folder = fresh();
    initProject(folder, {});
    expect(next(folder)).toMatch(/ {2}no runs yet\nNext:\n {2}equipoise plan first {2}/);
    const results = join(folder, 'results');
    await runQueue(queueOptions(results, fakeRuns(1, 2), { start: inProcess }));
    expect(next(folder)).toMatch(/ {2}test {2}1 of 1 run done\n/);
    expect(next(folder)).toMatch(/Next:\n {2}equipoise figures test {2}draw/);
    const other = runFolder(results, 'test', '0123456789abcdef');
    mkdirSync(other.folder, { recursive: true });
    writeFileSync(other.runJson, '{');
    expect(next(folder)).toMatch(/1 of 2 runs done {2}1 interrupted or failed\nNext:\n {2}equipoise run test {2}/);
    rmSync(other.folder, { recursive: true });
    mkdirSync(join(folder, 'figures', 'test'), { recursive: true });
    writeFileSync(join(folder, 'figures', 'test', 'report.html'), '');
    utimesSync(join(folder, 'figures', 'test', 'report.html'), new Date(), new Date(Date.now() + 60_000));
    const drawn = next(folder);
    expect(drawn).toContain('figures drawn');
    expect(drawn).toContain('equipoise ui test');
    expect(drawn).not.toContain('equipoise figures');
  });
});
