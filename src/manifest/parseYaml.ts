/**
 * YAML 1.2 that says what JSON can say and nothing more: no anchors and aliases, no tags, no directives, one document, keys
 * once. A hostile text is refused before the library, which nests by recursion, sees it.
 */
import { createRequire } from 'node:module';
import type { Document } from 'yaml';
import { pointer } from './content';
import type { Problem } from '../problems';

/** The library, loaded by those whose manifests are YAML. */
const yaml = () => createRequire(__filename)('yaml') as typeof import('yaml');

/** Largest text in bytes: the library takes a second for so much. */
export const yamlSizeLimit = 200_000;

/** What YAML has and JSON has not, by the lexer's name of it. */
const refused: Readonly<Record<string, string>> = {
  anchor: 'an anchor (&), which manifests do not take',
  alias: 'an alias (*), which manifests do not take',
  tag: 'a tag (!), which manifests do not take',
  'directive-line': 'a directive (%), which manifests do not take',
};

/** Problems of a text, or its value as JSON has it. `where` is its path; `depth` the deepest nesting. */
export function parseYaml(
  where: string,
  text: string,
  depth: number,
): { problems: Problem[] } | { problems: null; value: unknown } {
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  lines.lineStarts.unshift(0);
  const at = (offset: number, what: string): Problem => {
    const { line, col } = lines.linePos(offset);
    return {
      where: `${where}:${line}:${col}`,
      what: `cannot be read on line ${line}, column ${col}: ${what}`,
      expected: 'YAML 1.2 that says what JSON can say',
    };
  };
  const fault = tokenFault(text, depth);
  if (fault !== null) return { problems: [at(fault.offset, fault.what)] };
  // Keys that are given twice are looked for below: the library compares each with each.
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    stringKeys: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) return { problems: [at(error.pos[0], error.message)] };
  const found = nodeFaults(document, where, at);
  return found.length > 0 ? { problems: found } : { problems: null, value: document.toJS() };
}

/** The first token that is refused, or that nests too deep. */
function tokenFault(text: string, depth: number): { offset: number; what: string } | null {
  const { CST, Lexer } = yaml();
  let [offset, open, inLine] = [0, 0, 0];
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    const what = refused[type ?? ''];
    if (what !== undefined) return { offset, what };
    if (type === 'flow-map-start' || type === 'flow-seq-start') open += 1;
    else if (type === 'flow-map-end' || type === 'flow-seq-end') open -= 1;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind') inLine += 1;
    else if (type === 'newline') inLine = 0;
    if (open > depth || inLine > depth) return { offset, what: `more than ${depth} levels inside one another` };
    // Tokens of the lexer itself stand for no text.
    if (type !== 'doc-mode' && type !== 'flow-error-end' && type !== 'scalar') offset += token.length;
  }
  return null;
}

/** Keys given twice, and numbers that JSON does not have. */
function nodeFaults(document: Document, where: string, at: (offset: number, what: string) => Problem): Problem[] {
  const { isMap, isScalar, visit } = yaml();
  const problems: Problem[] = [];
  const offsetOf = (node: unknown): number => (isScalar(node) ? (node.range?.[0] ?? 0) : 0);
  visit(document, (_key, node, path) => {
    if (isScalar(node) && typeof node.value === 'number' && !Number.isFinite(node.value))
      problems.push(at(offsetOf(node), `${String(node.source)} is no number of JSON`));
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const { key } of node.items) {
      const name = String(isScalar(key) ? key.value : key);
      if (seen.has(name))
        problems.push({
          ...at(offsetOf(key), `the key "${name.slice(0, 80)}" is given twice`),
          where: `${where} ${pointer('', ...placeOf(path), name)}`,
          expected: 'each key once',
        });
      seen.add(name);
    }
  });
  return problems;
}

/** Keys and places above a node. */
function placeOf(path: readonly unknown[]): (string | number)[] {
  const { isMap, isScalar } = yaml();
  return path.flatMap((node, i): (string | number)[] => {
    const parent = path[i - 1] as { items?: unknown[] } | undefined;
    if (isPairLike(node)) return [String(isScalar(node.key) ? node.key.value : node.key)];
    return Array.isArray(parent?.items) && !isMap(parent) ? [parent.items.indexOf(node)] : [];
  });
}

const isPairLike = (node: unknown): node is { key: unknown } =>
  typeof node === 'object' && node !== null && 'key' in node && 'value' in node;
