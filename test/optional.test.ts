/** What the message about an optional package tells to type, tried by npm itself in a folder like a checkout. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../src/files';
import { saysOffline } from '../src/tool';
import { installLine, optionalVersion } from '../src/optional';
import { notEmpty } from '../testing/lists';

const names = ['js-synthesizer', 'webgpu'];

test('the command that is told installs optional packages in a checkout', { timeout: 60_000 }, (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'equipoise-optional-'));
  try {
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      copyFileSync(join(projectRoot, file), join(folder, file));
    const [command, ...words] = installLine(names).split(' ');
    const { status, stdout, stderr } = spawnSync(command!, [...words, '--dry-run', '--json', '--prefer-offline'], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (stderr.split('\n').some(saysOffline)) context.skip('no registry is reachable');
    expect(status, stderr).toBe(0);
    for (const name of notEmpty(names)) expect(stdout).toContain(`add ${name} ${optionalVersion(name)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
