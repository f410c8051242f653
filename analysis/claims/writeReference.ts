/**
 * Writes what the committed runs say beside every claim: `npx ts-node analysis/claims/writeReference.ts` after a change
 * of claims/ or results/reference.
 */
import { readFileSync } from 'node:fs';
import { writeWhole } from '../../src/files';
import { committedRuns } from '../../src/runner/folders';
import { readClaims } from './claim';
import { allClaims, withReferences } from './referenceFile';
import { evaluateNamed, folderBelow } from './sources';

async function write(): Promise<void> {
  const files = readClaims();
  const evaluations = await evaluateNamed(allClaims(files), folderBelow(committedRuns));
  for (const { path } of files) writeWhole(path, withReferences(readFileSync(path, 'utf8'), evaluations));
}
void write();
