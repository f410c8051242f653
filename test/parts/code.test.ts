/** The code of parts as a piece of identity: what moves its hash, what the list makes of it, and that the list is whole. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../src/files';
import { codeOf, knownCode, readCode, saidCode } from '../../src/parts/code';
import { listed, listedAnew, partCodes, unlistedFiles, type PartCode } from '../../src/train/partCodes';
import { codeOfBalance, usedCode } from '../../src/train/usedCode';
import { methodVersion } from '../../src/version';
import { codeOfOptimisers } from '../../src/tensor/optimiserCode';
import { optimisers } from '../../src/tensor/optimiserKinds';
import { completeSpec } from '../../src/parts/define';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';

const made = mkdtempSync(join(tmpdir(), 'equipoise-code-'));
afterAll(() => rmSync(made, { recursive: true, force: true }));

const commitFile = 'src/balance/schedulers/commit.ts';
const commitText = readFileSync(join(projectRoot, commitFile), 'utf8');

function hashOf(text: string): string {
  writeFileSync(join(made, 'part.ts'), text);
  return readCode(made, 'part.ts').sha256;
}

describe('the hash of a file', () => {
  it('stays with other formatting, comments and types', async () => {
    const narrow = await format(commitText, {
      parser: 'typescript',
      printWidth: 40,
      singleQuote: false,
      trailingComma: 'none',
      tabWidth: 8,
    });
    expect(narrow).not.toBe(commitText);
    expect(hashOf(narrow)).toBe(hashOf(commitText));
    expect(hashOf('// now\nexport const a = (x: number): number => x /* twice */ * 2;\n')).toBe(
      hashOf('import type { B } from "./b";\nexport type C = B;\nexport const a = (x: number) => x * 2;\n'),
    );
  });

  it('moves with a comparison, a number, a name and an import', () => {
    const base = 'export const a = (x: number) => (x > 0 ? 1 : 0.5);\n';
    const changed = [base.replace('x > 0', 'x < 0'), base.replace('0.5', '0.25'), base.replace('const a', 'const b')];
    const hashes = [base, ...changed, `import './part';\n${base}`].map(hashOf);
    expect(new Set(hashes).size).toBe(5);
  });
});

describe('the code of a part', () => {
  it('is its file with what that imports of the room, without the list of parts', () => {
    expect(Object.keys(codeOfBalance([join(projectRoot, commitFile)]))).toEqual([
      'src/balance/schedulers/commit.ts',
      'src/balance/schedulers/scheduler.ts',
      'src/balance/window.ts',
    ]);
    const narrow = codeOf([join(projectRoot, commitFile)], { rooms: ['src/balance/schedulers/'], lists: [] });
    expect(Object.keys(narrow)).toEqual(['src/balance/schedulers/commit.ts', 'src/balance/schedulers/scheduler.ts']);
  });

  it('is of an optimiser its update rule with what all share, and of a run also that of its alignment phase', () => {
    const shared = ['src/tensor/optimiser.ts', 'src/tensor/optimiserStep.ts'];
    expect(Object.keys(codeOfOptimisers(['lamb']))).toEqual(['src/tensor/lamb.ts', ...shared]);
    expect(Object.keys(codeOfOptimisers(['sgd']))).toEqual(shared);
    const [run] = expand(loadManifest(join(projectRoot, 'experiments', 'quickstart.json')));
    const optimiser = completeSpec(optimisers, { kind: 'lamb' });
    const used = usedCode({ ...run!, optimiser }, [run!.task]);
    expect(Object.keys(used.files)).toEqual(
      expect.arrayContaining(['src/tensor/adam.ts', 'src/tensor/lamb.ts', ...shared]),
    );
    expect(used.said).toBeUndefined(); // it counts as the code of before
    expect(Object.keys(usedCode(run!, [run!.task]).files)).not.toContain('src/tensor/lamb.ts');
  });

  it('is said as the list has it: nothing, the first hash that counts as the same, or its own', () => {
    const list = { old: [null, 'a', 'b'], later: ['c', 'd'] } as const;
    expect(saidCode({ old: 'a', later: 'c' }, list)).toEqual({ later: 'c' });
    expect(saidCode({ old: 'b', later: 'd' }, list)).toEqual({ later: 'c' });
    expect(saidCode({ old: 'x', later: 'y', mine: 'z' }, list)).toEqual({ old: 'x', later: 'y', mine: 'z' });
    expect(saidCode({ old: 'b' }, list)).toBeUndefined();
  });
});

describe('the list of known code', () => {
  const part = (name: string, code: PartCode['code']): PartCode => ({ part: name, file: Object.keys(code)[0]!, code });
  const list = { old: [null, 'a'] } as const;

  it('moves no identity of what is listed as the same, and none of a new part', () => {
    const parts = [part('old', { old: 'b', helper: 'h' }), part('brake', { brake: 'k' })];
    const before = saidCode(parts[1]!.code, list);
    const unlisted = unlistedFiles(parts, list);
    expect(unlisted.map(({ file, parts: needing }) => [file, ...needing])).toEqual([
      ['brake', 'brake'],
      ['helper', 'old'],
      ['old', 'old'],
    ]);
    const after = listed(list, unlisted, 'same');
    expect(after).toEqual({ brake: ['k'], helper: [null, 'h'], old: [null, 'a', 'b'] });
    expect(unlistedFiles(parts, after)).toEqual([]);
    expect(saidCode(parts[0]!.code, after)).toBeUndefined();
    expect(saidCode(parts[1]!.code, after)).toEqual(before);
  });

  it('lets identities say code that makes other numbers, and starts again with the method', () => {
    const parts = [part('old', { old: 'b' }), part('other', { other: 'o' })];
    const after = listed({ ...list, other: [null, 'o'] }, unlistedFiles([parts[0]!], list), 'changed');
    expect(after).toEqual({ old: ['b'], other: [null, 'o'] });
    expect(listedAnew(parts)).toEqual({ old: [null, 'b'], other: [null, 'o'] });
  });

  it('has the code of every part as it is', () => {
    const sentences = unlistedFiles(partCodes(), knownCode.files).map(
      ({ file, parts }) =>
        `${file} (${parts.slice(0, 3).join(', ')}${parts.length > 3 ? ', ...' : ''}) is not in the list of known code, so runs that use it count as new. ` +
        'Are the numbers as before, or was a version raised that stands for the change (of the method, a set, a tower)? Then `npm run code same`. ' +
        'Are they others? Then `npm run code changed`, which makes only the runs that use it new.',
    );
    expect(sentences).toEqual([]);
    const renew = `src/version.ts says ${methodVersion}: \`npm run code same\` begins the list of that version`;
    expect(knownCode.methodVersion === methodVersion ? '' : renew).toBe('');
  });
});
