/**
 * The rules of length of this project: a file is read in one sitting and a function on one screen. A place that is
 * better longer says so, and why: a file in its first lines, a function in the comment above it, with the words `longer
 * than a screen: REASON`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** Lines of a file at most, as Prettier writes it. */
export const mostFileLines = 300;
/** Lines of a function at most, from its first to its last. */
export const mostFunctionLines = 60;

/** A file or function that is too long without a reason. */
export interface TooLong {
  /** `src/train/run.ts`, or `src/train/run.ts trainRun` for a function */
  place: string;
  lines: number;
}

/** The reason in a comment; words must follow the colon, or there is none. */
const reason = /longer than a screen: \S/;

/** Lines at the head of a file in which its reason stands. */
const headLines = 12;

/** Source files below the folders, generated declarations left out; paths from `root`, with slashes, sorted. */
export function sourceFiles(root: string, folders: readonly string[]): string[] {
  const all = folders.flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }));
  return all
    .filter((entry) => entry.isFile() && /\.(ts|cts|mts|cjs|mjs)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** What of one file is too long; `path` names it in the places. */
export function tooLong(path: string, text: string): TooLong[] {
  const lines = text.replace(/\n$/, '').split('\n');
  const excused = reason.test(lines.slice(0, headLines).join('\n'));
  const file = lines.length > mostFileLines && !excused ? [{ place: path, lines: lines.length }] : [];
  return [...file, ...longFunctions(path, text)];
}

type WithBody = ts.FunctionLikeDeclaration & { body: ts.Node };

const hasBody = (node: ts.Node): node is WithBody =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;

/**
 * Functions, methods and arrows that are too long. One within another that is reported already is not said again: it is
 * the same screen.
 */
function longFunctions(path: string, text: string): TooLong[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const found: TooLong[] = [];
  const visit = (node: ts.Node): void => {
    if (hasBody(node)) {
      const lines = lineOf(node.getEnd()) - lineOf(node.getStart(source)) + 1;
      const excused = lines > mostFunctionLines && commentsAbove(node, text).some((comment) => reason.test(comment));
      if (lines > mostFunctionLines && !excused) {
        found.push({ place: `${path} ${nameOf(node, source)}`, lines });
        return;
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** A function's name: its own, or that of the variable or field that holds it. */
function nameOf(node: WithBody, source: ts.SourceFile): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  const holder = node.name === undefined ? node.parent : node;
  const named = ts.isVariableDeclaration(holder) || ts.isPropertyAssignment(holder) || holder === node;
  if (named && 'name' in holder && holder.name !== undefined) return (holder.name as ts.Node).getText(source);
  return `line ${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`;
}

/** Comments directly above the function, or above the statement or member that holds it. */
function commentsAbove(node: ts.Node, text: string): string[] {
  const at = (each: ts.Node) =>
    (ts.getLeadingCommentRanges(text, each.getFullStart()) ?? []).map(({ pos, end }) => text.slice(pos, end));
  const comments = at(node);
  for (
    let above = node.parent;
    above !== undefined && !ts.isBlock(above) && !ts.isSourceFile(above);
    above = above.parent
  ) {
    comments.push(...at(above));
    if (ts.isStatement(above) || ts.isClassElement(above) || ts.isPropertyAssignment(above)) break;
  }
  return comments;
}

/** What is too long in all source files below the folders. */
export function tooLongIn(root: string, folders: readonly string[]): TooLong[] {
  return sourceFiles(root, folders).flatMap((path) => tooLong(path, readFileSync(join(root, path), 'utf8')));
}
