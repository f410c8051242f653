/** Fills in the numbers of docs/report.md: `npx ts-node analysis/writePreprint.ts` after a change of claims or manifests. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, writeWhole } from '../src/files';
import { withNumbers } from './preprint';

const page = join(projectRoot, 'docs', 'report.md');
writeWhole(page, withNumbers(readFileSync(page, 'utf8')));
