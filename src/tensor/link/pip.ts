/** Wheels by pip: of the user's own Python, with its own settings of where they come from. */
import { runTool, type ToolResult } from '../../tool';

/** Downloads the wheel of one requirement, without what it depends on, into a folder. */
export function pipDownload(python: string, requirement: string, into: string, more: string[]): Promise<ToolResult> {
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
      '--retries=2',
      '--timeout=20',
      '-d',
      into,
      ...more,
      requirement,
    ],
    { seconds: 3600 },
  );
}

/** Whether pip failed because no index answered. */
export function isOffline(result: ToolResult): boolean {
  return /Retrying \(|connection broken|Could not fetch URL|Name or service not known|Network is unreachable/i.test(
    result.err,
  );
}
