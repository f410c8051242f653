/** Completion scripts in the shells themselves, those that this machine has, with a program that answers for names. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../src/files';
import { findTool } from '../../src/tool';

const folder = mkdtempSync(join(tmpdir(), 'equipoise-completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shells = ['bash', 'zsh', 'fish'] as const;
const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, HOME: folder, NO_COLOR: '1' };

beforeAll(() => {
  // In a process of its own: a test's runner loads TypeScript in another way.
  const made = execFileSync(process.execPath, [
    '-e',
    `require(${JSON.stringify(join(projectRoot, 'bin', 'typescript.cjs'))});
    const load = (name) => require(${JSON.stringify(join(projectRoot, 'src', 'cli'))} + '/' + name + '.ts');
    const all = load('completion').completedOf(load('commands').commands);
    const { bashScript, zshScript, fishScript } = load('completionScripts');
    console.log(JSON.stringify({ bash: bashScript(all), zsh: zshScript(all), fish: fishScript(all) }));`,
  ]);
  for (const [shell, script] of Object.entries(JSON.parse(made.toString()) as Record<string, string>))
    writeFileSync(join(folder, `script.${shell}`), script);
  // Stands in for the program: what it was asked comes back as a name.
  writeFileSync(
    join(folder, 'equipoise'),
    '#!/bin/sh\n[ "$1" = complete-names ] && printf "%s\\n" "$2-one" "$2-two" quickstart paper/clip\n',
  );
  chmodSync(join(folder, 'equipoise'), 0o755);
  mkdirSync(join(folder, 'work'));
  writeFileSync(join(folder, 'work', 'my.json'), '{}');
});

/** What a shell offers after a line; the last word is what was begun. */
function offered(shell: (typeof shells)[number], line: string): string[] {
  const path = join(folder, `script.${shell}`);
  const words = line.split(' ');
  const list = words.map((word) => `'${word}'`).join(' ');
  const script = {
    bash: `source ${path}; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _equipoise; printf '%s\\n' "\${COMPREPLY[@]}"`,
    // Outside of its editor zsh has no completion: what would be added is printed.
    zsh: `compdef() { :; }; compadd() { print -l -- $list }; _files() { print -l -- *(N) }; source ${path}; words=(${list}); CURRENT=${words.length}; _equipoise`,
    fish: `source ${path}; complete -C '${line}'`,
  }[shell];
  const { stdout, stderr, status } = spawnSync(shell, ['-c', script], {
    env,
    encoding: 'utf8',
    cwd: join(folder, 'work'),
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const begun = words.at(-1)!;
  return stdout
    .split('\n')
    .map((each) => each.split('\t')[0]!)
    .filter((each) => each !== '' && each.startsWith(begun));
}

describe.each(shells)('%s', (shell) => {
  it.skipIf(findTool(shell) === null)('completes commands, options, values and names', () => {
    expect(offered(shell, 'equipoise pl')).toEqual(['plan']);
    expect(offered(shell, 'equipoise data f')).toEqual(['fetch']);
    expect(offered(shell, 'equipoise plan --wor')).toEqual(['--workers']);
    expect(offered(shell, 'equipoise run quickstart --launcher ').sort()).toEqual(['local', 'slurm']);
    expect(offered(shell, 'equipoise completion ').sort()).toEqual(['bash', 'fish', 'zsh']);
    expect(offered(shell, 'equipoise plan q')).toEqual(['quickstart']);
    expect(offered(shell, 'equipoise plan m')).toEqual(
      expect.arrayContaining(['manifests-one', 'manifests-two', 'my.json']),
    );
    expect(offered(shell, 'equipoise status --sort accuracy ')).toEqual(
      expect.arrayContaining(['experiments-one', 'experiments-two']),
    );
    expect(offered(shell, 'equipoise why r')).toEqual(['runs-one', 'runs-two']);
    expect(offered(shell, 'equipoise why x --manifest manifests-o')).toEqual(['manifests-one']);
    expect(offered(shell, 'equipoise worker')).toEqual([]);
  });
});

it('the script names every command that help names', () => {
  const script = readFileSync(join(folder, 'script.bash'), 'utf8');
  for (const name of ['compare', 'export metrics', 'data fetch', 'doctor']) expect(script).toContain(`'${name}'`);
});
