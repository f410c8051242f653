/**
 * Writes manifest.schema.json and the tables of docs/manifests.md: `npx ts-node src/manifest/writeSchema.ts` after a
 * change of names or fields.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, writeWhole } from '../files';
import { schemaText, withTables } from './reference';

const page = join(projectRoot, 'docs', 'manifests.md');
writeWhole(join(projectRoot, 'src', 'manifest', 'manifest.schema.json'), schemaText());
writeWhole(page, withTables(readFileSync(page, 'utf8')));
