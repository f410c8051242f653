/** `equipoise export backbone`: base weights for users of Python. */
import { resolve } from 'node:path';
import { printable } from '../../printable';
import { exportBackbone } from '../../runner/export/write';
import type { Define } from '../command';
import { count, say, sayJson } from '../text';

/** `export backbone <name> <folder>`. */
export const define: Define = (command) => {
  command.option('--json', 'print JSON').action(async (name: string, folder: string, options: { json?: boolean }) => {
    const written = await exportBackbone(name, resolve(folder));
    if (options.json === true) sayJson('export-backbone', written);
    else say(`${printable(name)}: ${count(written.files.length, 'file')} in ${written.out}`);
  });
};
