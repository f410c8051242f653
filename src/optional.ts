/**
 * Packages that few need and that are large, or under a licence that is not permissive: package.json names them as
 * optional peers with their version, npm leaves them out, and what needs one says how it is installed.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { projectRoot } from './files';
import { exitCode, userError } from './problems';

const installed = createRequire(__filename);
let pins: Record<string, string> | undefined;

/** The pinned version of an optional package. */
export function optionalVersion(name: string): string {
  pins ??= (
    JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { peerDependencies: Record<string, string> }
  ).peerDependencies;
  const version = pins[name];
  if (version === undefined) throw new Error(`${name} is no optional package of package.json`);
  return version;
}

/**
 * The command that installs optional packages. Without `--save-prod` npm takes them for the optional peers that
 * package.json of a checkout names, and installs nothing.
 */
export const installLine = (names: readonly string[]): string =>
  `npm install --no-save --save-prod ${names.map((name) => `${name}@${optionalVersion(name)}`).join(' ')}`;

/**
 * Checks that optional packages are there in their pinned version.
 * @param where what needs them, for the message
 * @throws UserError (exit code 3) with the command that installs them
 */
export function requireOptional(where: string, names: readonly string[]): void {
  for (const name of names) {
    const found = versionOf(name);
    if (found === optionalVersion(name)) continue;
    throw userError(
      {
        where,
        what:
          found === null
            ? `the package ${name} is not installed; it is optional, since few need it`
            : `the package ${name} has version ${found}`,
        expected: `version ${optionalVersion(name)}`,
        hint: installLine(names),
      },
      exitCode.unavailable,
    );
  }
}

/** The installed version of a package; null where there is none. */
export function versionOf(name: string): string | null {
  try {
    return (installed(`${name}/package.json`) as { version: string }).version;
  } catch {
    return null;
  }
}
