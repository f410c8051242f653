/**
 * The readers of the published formats by the name that a task manifest gives. A new one is a file beside these, a line
 * here and one in task.schema.json; what its answers are scored by is a line of metrics.ts.
 */
import type { TaskFormat } from '../../manifest/taskManifest';
import { readAokVqa } from './aokvqa';
import { readClothoAqa } from './clothoAqa';
import { readDaquar } from './daquar';
import { readIconQa } from './iconqa';
import { readJsonl } from './jsonl';
import { readMacs } from './macs';
import type { Reader } from './reader';
import { readSongDescriber } from './songDescriber';
import { readTextVqa } from './textvqa';

export const readers: Readonly<Record<TaskFormat, Reader>> = {
  jsonl: readJsonl,
  textvqa: readTextVqa,
  iconqa: readIconQa,
  'a-okvqa': readAokVqa,
  'clotho-aqa': readClothoAqa,
  macs: readMacs,
  'song-describer': readSongDescriber,
  daquar: readDaquar,
};
