/** The imports between the project's TypeScript files, of values and of types, from their syntax trees. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/** Files by their path below a root, each with the files of these folders that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/**
 * Reads every TypeScript file below `folders` of `root`. `import`, `export from`, `import()` and `typeof import()`
 * count alike.
 */
export function importsOf(root: string, folders: readonly string[]): ImportGraph {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(root, folder, name)),
  );
  return new Map(
    files.sort().map((file) => {
      const imported = specifiersOf(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => fileOf(join(dirname(file), specifier)))
        .filter((path) => path !== undefined && files.includes(path))
        .map((path) => relative(root, path!));
      return [relative(root, file), [...new Set(imported)].sort()];
    }),
  );
}

/** What a file's imports say, in their order. */
function specifiersOf(path: string): string[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
          ? node.argument.literal
          : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
            ? node.arguments[0]
            : undefined;
    if (specifier !== undefined && ts.isStringLiteral(specifier)) found.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const fileOf = (path: string): string | undefined =>
  [path, `${path}.ts`, join(path, 'index.ts')].find((candidate) => candidate.endsWith('.ts') && existsSync(candidate));

/** Every circle as the sorted list of its files: the strongly connected parts with more than one file (Tarjan 1972). */
export function circlesOf(graph: ImportGraph): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const part = stack.splice(stack.indexOf(file));
    if (part.length > 1) circles.push(part.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles.sort();
}

/**
 * Imports from a room to one that stands after it, as `from -> to`. A room is a folder or a file; one inside another is
 * a room of its own. A file of no room may be imported by all and must import none.
 */
export function arrowsUp(graph: ImportGraph, rooms: readonly string[]): string[] {
  const innermost = [...rooms].sort((a, b) => b.length - a.length);
  const place = (file: string) =>
    rooms.indexOf(innermost.find((room) => file === room || file.startsWith(`${room}/`)) ?? '');
  return [...graph].flatMap(([from, imported]) =>
    imported.filter((to) => place(to) > place(from)).map((to) => `${from} -> ${to}`),
  );
}
