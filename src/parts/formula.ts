/**
 * Formulas as data: an expression of stated symbols that a manifest may hold, read by mathjs. Only arithmetic,
 * comparisons and a short list of functions pass; nothing in it can reach outside, assign, or loop.
 */
import { createRequire } from 'node:module';
import type { ConstantNode, FunctionNode, MathNode, OperatorNode, SymbolNode } from 'mathjs';

/** What a formula may call. */
export const formulaFunctions = 'abs ceil cos exp floor log log10 max min pow round sign sin sqrt tanh'.split(' ');
/** Numbers that have names. */
export const formulaNumbers = ['pi', 'e'] as const;

const operators = new Set(
  (
    'add subtract multiply divide pow unaryMinus unaryPlus ' +
    'smaller smallerEq larger largerEq equal unequal and or not'
  ).split(' '),
);
/** Longest formula; its work is bounded with it. */
export const longestFormula = 500;
/** What a constant or a state of a formula may be called. */
export const symbolPattern = '^[A-Za-z][A-Za-z0-9]{0,23}$';
/** Words that mathjs reads otherwise than as names. */
const reserved = new Set('end mod to in and or not xor true false null undefined NaN Infinity i'.split(' '));

/** Gives a formula's value; throws RangeError where it is not a finite number. */
export type Formula = (values: ReadonlyMap<string, number>) => number;

// On first use: mathjs takes half a second to load, and few runs have a formula.
let loaded: Pick<typeof import('mathjs'), 'parse'> | undefined;
const mathjs = () => (loaded ??= createRequire(__filename)('mathjs/number') as NonNullable<typeof loaded>);

/** Why a name cannot be given to a constant or a state; null when it can. */
export function nameFault(name: string, taken: readonly string[]): string | null {
  if (!new RegExp(symbolPattern).test(name)) return `the name ${JSON.stringify(name)} is not letters and digits`;
  const known = [...taken, ...formulaFunctions, ...formulaNumbers, ...reserved];
  return known.includes(name) ? `the name ${name} is taken` : null;
}

/**
 * Reads a formula of the given symbols. Throws RangeError, in words, for text that is none, for an unknown symbol or
 * function, and for whatever is not arithmetic.
 */
export function readFormula(text: string, symbols: readonly string[]): Formula {
  if (text.length > longestFormula)
    throw new RangeError(`it is ${text.length} characters long, at most ${longestFormula} are read`);
  let tree: MathNode;
  try {
    tree = mathjs().parse(text);
  } catch (error) {
    throw new RangeError(`it cannot be read: ${(error as Error).message}`);
  }
  tree.traverse((node, path, parent) => checkNode(node, path, parent, symbols));
  const code = tree.compile();
  return (values) => {
    const value: unknown = code.evaluate(new Map(values));
    if (typeof value !== 'number') throw new RangeError(`it gives ${String(value)} instead of a number`);
    if (!Number.isFinite(value)) throw new RangeError(`it gives ${value}`);
    return value;
  };
}

function checkNode(node: MathNode, path: string, parent: MathNode | null, symbols: readonly string[]): void {
  switch (node.type) {
    case 'ConstantNode':
      if (typeof (node as ConstantNode).value === 'number') return;
      throw new RangeError(`${node.toString()} is not a number`);
    case 'OperatorNode':
      if (operators.has((node as OperatorNode).fn)) return;
      throw new RangeError(`the operator ${(node as OperatorNode).op} is not among those that a formula may use`);
    case 'FunctionNode': {
      const { name } = (node as FunctionNode).fn as SymbolNode;
      if (formulaFunctions.includes(name)) return;
      throw new RangeError(
        `there is no function ${name || node.toString()}; it may call ${formulaFunctions.join(', ')}`,
      );
    }
    case 'SymbolNode': {
      if (path === 'fn' && parent?.type === 'FunctionNode') return;
      const { name } = node as SymbolNode;
      if (symbols.includes(name) || (formulaNumbers as readonly string[]).includes(name)) return;
      throw new RangeError(`there is no symbol ${name}; it may use ${[...symbols, ...formulaNumbers].join(', ')}`);
    }
    case 'ParenthesisNode':
    case 'ConditionalNode':
    case 'RelationalNode':
      return;
    default:
      throw new RangeError(`${JSON.stringify(node.toString())} is not arithmetic`);
  }
}
