/** Writes output.schema.json and its table in docs/commands.md: `npx ts-node src/cli/outputs/write.ts`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, writeWhole } from '../../files';
import { withBlocks } from '../../manifest/reference';
import { outputSchemaText, outputTable } from './index';

const page = join(projectRoot, 'docs', 'commands.md');
writeWhole(join(projectRoot, 'src', 'cli', 'output.schema.json'), outputSchemaText());
writeWhole(page, withBlocks(readFileSync(page, 'utf8'), { outputs: outputTable() }));
