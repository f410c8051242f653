/** What a file of code says, whatever its form: what identities hash of this program's parts and of a user's own. */
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { canonicalJson } from './files';

/**
 * A file as swc prints it without types, comments and spaces; names and expressions stay as they are. JSON with its
 * keys in order. Throws for text that cannot be read as what its name says.
 */
export function contentOf(text: string, filename: string): string {
  if (extname(filename) === '.json') return canonicalJson(JSON.parse(text));
  const { transformSync } = createRequire(__filename)('@swc/core') as typeof import('@swc/core');
  return transformSync(text, {
    filename,
    swcrc: false,
    minify: true,
    sourceMaps: false,
    module: { type: 'es6' },
    jsc: {
      target: 'es2022',
      parser: { syntax: extname(filename) === '.ts' ? 'typescript' : 'ecmascript' },
      minify: { compress: false, mangle: false, format: { comments: false } },
    },
  }).code;
}
