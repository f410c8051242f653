/** Wheels by pip: of the user's own Python, with its own index, proxy and credentials. */
import { runTool, type ToolResult } from './tool';

/**
 * Downloads the wheel of one requirement into a folder. Nothing of a package is run: wheels alone are taken, never an
 * archive of sources, whose setup would run, and not what it depends on. Nobody is asked anything. A network that drops
 * packets is told within ten seconds; one that is only slow gets a second, patient try.
 */
export async function pipDownload(
  python: string,
  requirement: string,
  into: string,
  more: readonly string[] = [],
): Promise<ToolResult> {
  const first = await runPip(python, requirement, into, ['--retries=1', '--timeout=4', ...more]);
  const isSlow = /timed out/i.test(first.err) && !/ConnectTimeoutError/.test(first.err);
  if (first.code === 0 || !isSlow) return first;
  return await runPip(python, requirement, into, ['--retries=2', '--timeout=20', ...more]);
}

function runPip(python: string, requirement: string, into: string, more: readonly string[]): Promise<ToolResult> {
  return runTool(
    python,
    [
      '-m',
      'pip',
      'download',
      '--no-deps',
      '--only-binary=:all:',
      '--no-input',
      '--disable-pip-version-check',
      '--progress-bar=off',
      '-d',
      into,
      ...more,
      requirement,
    ],
    { seconds: 3600 },
  );
}

/**
 * Whether pip failed because no index answered. Without a network it says at last that nothing matches; what it said
 * before tells the two apart.
 */
export function isOffline(result: ToolResult): boolean {
  return /Retrying \(|connection broken|Could not fetch URL|Name or service not known|Network is unreachable/i.test(
    result.err,
  );
}
