/**
 * The readers of the published formats by the name that a task manifest gives. A new one is a file beside these, a line
 * here and one in task.schema.json; what its answers are scored by is a line of metrics.ts.
 */
import { join } from 'node:path';
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

/** A reader, and the file beside this one that defines it. */
const from = (file: string, read: Reader) => ({ read, file: join(__dirname, file) });

export const readers: Readonly<Record<TaskFormat, { read: Reader; file: string }>> = {
  jsonl: from('jsonl.ts', readJsonl),
  textvqa: from('textvqa.ts', readTextVqa),
  iconqa: from('iconqa.ts', readIconQa),
  'a-okvqa': from('aokvqa.ts', readAokVqa),
  'clotho-aqa': from('clothoAqa.ts', readClothoAqa),
  macs: from('macs.ts', readMacs),
  'song-describer': from('songDescriber.ts', readSongDescriber),
  daquar: from('daquar.ts', readDaquar),
};
