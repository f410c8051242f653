/**
 * Lists the code of the parts as it is now: `npm run code same` for code that gives the same numbers, `npm run code
 * changed` for code that does not; with files behind it, only theirs. `npm run build` calls it for the package's list.
 */
import { join } from 'node:path';
import { projectRoot, writeWhole } from '../files';
import { builtCode, fileCode, knownCode } from '../parts/code';
import { methodVersion } from '../version';
import { listed, listedAnew, partCodes, unlistedFiles } from './partCodes';

const [as, ...only] = process.argv.slice(2);
const parts = partCodes();
if (as === 'built') {
  const files = [...new Set(parts.flatMap(({ code }) => Object.keys(code)))].sort();
  writeWhole(
    join(projectRoot, builtCode),
    JSON.stringify(Object.fromEntries(files.map((file) => [file, fileCode(file)]))),
  );
} else if (as === 'same' || as === 'changed') {
  const isNew = knownCode.methodVersion !== methodVersion;
  const unlisted = unlistedFiles(parts, knownCode.files).filter(({ file }) => only.length === 0 || only.includes(file));
  const files = isNew ? listedAnew(parts) : listed(knownCode.files, unlisted, as);
  const lines = Object.entries(files).map(
    ([file, hashes]) => `    ${JSON.stringify(file)}: [${hashes.map((hash) => JSON.stringify(hash)).join(', ')}]`,
  );
  const text = `{\n  "methodVersion": ${JSON.stringify(methodVersion)},\n  "files": {\n${lines.join(',\n')}\n  }\n}\n`;
  writeWhole(join(projectRoot, 'src', 'parts', 'knownCode.json'), text);
  if (isNew) process.stdout.write(`all files listed for version ${methodVersion} of the method\n`);
  else if (unlisted.length === 0) process.stdout.write('nothing to list\n');
  else for (const { file, parts } of unlisted) process.stdout.write(`${as}: ${file} (${parts.join(', ')})\n`);
} else {
  process.stderr.write('usage: npm run code same [FILE...], or npm run code changed [FILE...]\n');
  process.exitCode = 2;
}
