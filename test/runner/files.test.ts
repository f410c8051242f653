/** Journal and claim: what survives a crash, and who may train. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import fs, { appendFileSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/problems';
import { codeDiff, codeVersion, packageVersions } from '../../src/runner/code';
import { holdsClaim, isClaimed, takeClaim } from '../../src/claim';
import { runFolder } from '../../src/runner/folders';
import { createJournal, cutTornLine, lastRecord, readJournal } from '../../src/runner/journal';
import { runWriter } from '../../src/runner/runWriter';
import { methodVersion } from '../../src/version';
import { freshResults } from '../../testing/fakeRuns';

const notice = (step: number, message = 'é') => ({ kind: 'notice' as const, step, message });

describe('a journal', () => {
  it('keeps its whole lines wherever a write was torn', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), fc.nat(), (messages, at) => {
        const path = join(freshResults(), 'metrics.jsonl');
        const journal = createJournal(path);
        messages.forEach((message, step) => journal.append(notice(step, message)));
        journal.close();
        const whole = readFileSync(path);
        const cut = at % (whole.length + 1);
        writeFileSync(path, whole.subarray(0, cut));
        const lines = whole.subarray(0, cut).toString('latin1').split('\n').length - 1;
        const torn = cut - (whole.subarray(0, cut).lastIndexOf(10) + 1);
        expect(readJournal(path).records).toEqual(
          messages.slice(0, lines).map((message, step) => notice(step, message)),
        );
        expect(readJournal(path).torn).toBe(torn > 0);
        expect(lastRecord(path)?.step).toBe(lines === 0 ? undefined : lines - 1);
        expect(cutTornLine(path)).toBe(torn);
        expect(cutTornLine(path)).toBe(0);
        expect(readFileSync(path)).toEqual(whole.subarray(0, cut - torn));
      }),
      { numRuns: 50 },
    );
  });

  it('cuts a torn line longer than a read of the file', () => {
    const path = join(freshResults(), 'metrics.jsonl');
    const journal = createJournal(path);
    journal.append(notice(1));
    journal.close();
    appendFileSync(path, 'x'.repeat(200_000));
    expect(cutTornLine(path)).toBe(200_000);
    expect(readJournal(path)).toEqual({ records: [notice(1)], torn: false });
  });

  it('refuses a damaged line in the middle, an existing file, and numbers that JSON cannot hold', () => {
    const path = join(freshResults(), 'metrics.jsonl');
    const journal = createJournal(path);
    expect(() =>
      journal.append({
        kind: 'train',
        step: 1,
        loss: Infinity,
        learningRate: { encoder: 0, backbone: 0 },
        gradientNorm: { encoder: 0, backbone: 0 },
      }),
    ).toThrow('Infinity for loss');
    journal.append(notice(1));
    journal.close();
    expect(() => createJournal(path)).toThrow('EEXIST');
    writeFileSync(path, `{"kind":"train"}\n${readFileSync(path, 'utf8')}`);
    expect(() => readJournal(path)).toThrow(UserError);
    expect(() => readJournal(path)).toThrow('line 1');
  });
});

describe('a claim', () => {
  const place = () => join(freshResults(), 'run', 'claim');
  const age = (path: string, seconds: number) => {
    const then = new Date(Date.now() - seconds * 1000);
    utimesSync(path, then, then);
  };

  it('is held by one, until it is given back', () => {
    const path = place();
    const claim = takeClaim(path)!;
    expect(isClaimed(path)).toBe(true);
    expect(takeClaim(path)).toBeNull();
    expect(holdsClaim(path, claim.token)).toBe(true);
    claim.release();
    expect(existsSync(path)).toBe(false);
    expect(takeClaim(path)).not.toBeNull();
  });

  it('is taken over when it was watched for the stated time without a heartbeat, and the old holder knows', async () => {
    const path = place();
    const old = takeClaim(path)!;
    expect(takeClaim(path, 0.1)).toBeNull(); // the watch begins
    await sleep(60);
    expect(old.touch()).toBe(true);
    await sleep(60);
    expect(takeClaim(path, 0.1)).toBeNull(); // touched meanwhile: it begins again
    await sleep(120);
    const fresh = takeClaim(path, 0.1)!;
    expect(old.touch()).toBe(false);
    old.release();
    expect(holdsClaim(path, fresh.token)).toBe(true);
    expect(fresh.touch()).toBe(true);
    expect(isClaimed(path)).toBe(true);
  });

  it('is not lost when the clock jumps, nor kept for ever when it goes back', async () => {
    const path = place();
    const alive = takeClaim(path)!;
    for (const jump of [3600, -3600]) {
      age(path, jump); // what the file's time looks like after the clock has jumped
      expect(takeClaim(path, 60)).toBeNull();
      expect(holdsClaim(path, alive.token)).toBe(true);
    }
    takeClaim(path, 0.05);
    await sleep(80);
    expect(takeClaim(path, 0.05)).not.toBeNull(); // an hour in the future, and silent all the same
  });

  it('shows by the clock in plan and status', () => {
    const path = place();
    takeClaim(path);
    age(path, 59);
    expect(isClaimed(path)).toBe(true);
    age(path, 61);
    expect(isClaimed(path)).toBe(false);
  });

  it('works where the file system has no hard links', () => {
    const { linkSync } = fs;
    let asked = 0;
    fs.linkSync = () => {
      asked += 1;
      throw Object.assign(new Error('no links'), { code: 'EPERM', syscall: 'link' });
    };
    syncBuiltinESMExports();
    try {
      const path = place();
      expect(takeClaim(path)).not.toBeNull();
      expect(takeClaim(path)).toBeNull();
      expect(asked).toBeGreaterThan(0);
    } finally {
      fs.linkSync = linkSync;
      syncBuiltinESMExports();
    }
  });

  it('is stale at once when its process has ended on this machine', () => {
    const path = place();
    takeClaim(path);
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), pid: ended }));
    expect(isClaimed(path)).toBe(false);
    expect(takeClaim(path)).not.toBeNull();
  });

  it('of another machine is judged by its age alone', () => {
    const path = place();
    takeClaim(path);
    writeFileSync(
      path,
      JSON.stringify({ token: 't', pid: spawnSync(process.execPath, ['-e', '']).pid, machine: 'another' }),
    );
    expect(takeClaim(path)).toBeNull();
  });

  it('is not taken over while another runner is taking it over', async () => {
    const path = place();
    takeClaim(path);
    takeClaim(path, 0.05);
    writeFileSync(`${path}.takeover`, '');
    await sleep(80);
    expect(takeClaim(path, 0.05)).toBeNull();
    await sleep(80);
    expect(takeClaim(path, 0.05)).toBeNull(); // removes the dead guard
    expect(takeClaim(path, 0.05)).not.toBeNull();
  });
});

describe('folders and versions', () => {
  it('never lead out of the results folder', () => {
    for (const name of ['..', '.', '', 'a/b', '/etc', 'reference', 'x'.repeat(101), 'a\0'])
      expect(() => runFolder('results', name, '0'.repeat(16)), name).toThrow(UserError);
    for (const id of ['..', '../x', '']) expect(() => runFolder('results', 'quickstart', id)).toThrow(UserError);
  });

  it('name the code and the packages that make the numbers', () => {
    const code = codeVersion();
    expect(code).toMatchObject({ method: methodVersion, lockfile: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    if (code.commit !== null) expect(code.commit).toMatch(/^[0-9a-f]{40}/);
    expect(packageVersions()['@tensorflow/tfjs-core']).toMatch(/^\d+\.\d+/);
  });
});

describe('the code of a checkout', () => {
  it('counts as changed only where what decides a result is, and the difference can be applied', () => {
    const root = freshResults();
    const git = (...words: string[]) => {
      const run = spawnSync('git', ['-C', root, '-c', 'user.name=test', '-c', 'user.email=none', ...words], {
        encoding: 'utf8',
      });
      expect(run.stderr + run.status).toBe('0');
      return run.stdout;
    };
    git('init', '--quiet');
    for (const folder of ['src', 'docs', 'results']) mkdirSync(join(root, folder));
    const put = (name: string, text: string) => writeFileSync(join(root, name), text);
    put('src/rule.ts', 'export const rule = 1;\n');
    put('docs/page.md', 'a page\n');
    put('package.json', '{ "version": "3.2.1" }\n');
    git('add', '.');
    git('commit', '--quiet', '--message', 'first');
    put('docs/page.md', 'another page\n');
    put('results/new.json', '{}\n');
    expect(codeVersion(root)).toMatchObject({ version: '3.2.1', dirty: false });
    expect(codeDiff(root)).toBeNull();
    put('src/rule.ts', 'export const rule = 2;\n');
    put('src/brake.ts', 'export const brake = 3;\n');
    expect(codeVersion(root).dirty).toBe(true);
    const diff = codeDiff(root)!;
    expect(diff).not.toContain('another page');
    git('stash', '--quiet', '--include-untracked');
    writeFileSync(join(root, 'code.diff'), diff);
    git('apply', 'code.diff');
    expect(readFileSync(join(root, 'src/rule.ts'), 'utf8')).toBe('export const rule = 2;\n');
    expect(readFileSync(join(root, 'src/brake.ts'), 'utf8')).toBe('export const brake = 3;\n');
    put('src/brake.ts', 'export const brake = 3; // and more\n'.repeat(20_000));
    expect(codeDiff(root)!.length).toBeLessThan(201_000);
    expect(codeDiff(root)).toMatch(/cut here: the diff is longer\n$/);
    expect(codeDiff(join(root, 'src'))).toBeNull();
  });

  it('is kept beside run.json, behind what an earlier attempt has kept, and forgotten by a run that begins', () => {
    const paths = runFolder(freshResults(), 'test', '0'.repeat(16));
    const writer = runWriter(paths, takeClaim(paths.claim)!.token);
    writer.keepDiff('a\n', true);
    writer.keepDiff('a\n', false);
    expect(readFileSync(paths.diff, 'utf8')).toBe('a\n');
    writer.keepDiff('b\n', false);
    expect(readFileSync(paths.diff, 'utf8')).toBe('a\n\nthe run went on with this code:\nb\n');
    writer.keepDiff(null, true);
    expect(existsSync(paths.diff)).toBe(false);
    expect(() => runWriter(paths, 'another').keepDiff('c', true)).toThrow('another runner');
  });
});
