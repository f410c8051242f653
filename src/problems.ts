/** Problems as data: every fault of a user's input is collected first and shown together, never thrown one by one. */

export interface Problem {
  /** file and place inside it, e.g. `experiments/quickstart.json /axes/encoder/0` */
  where: string;
  /** what is wrong, with the value found */
  what: string;
  /** what was expected */
  expected?: string;
  /** nearest valid name, or the command that mends it */
  hint?: string;
}

/** Exit codes of the `equipoise` command. */
export const exitCode = { ok: 0, failed: 1, badInput: 2, unavailable: 3, interrupted: 130 } as const;

/** An error whose message is meant for a person; the command line prints it without a stack trace. */
export class UserError extends Error {
  constructor(
    readonly problems: Problem[],
    readonly code: number = exitCode.badInput,
  ) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'UserError';
  }
}

/** A UserError with a single problem. */
export function userError(problem: Problem, code: number = exitCode.badInput): UserError {
  return new UserError([problem], code);
}

/** Letters of each part of a line: names and values of strangers' files have no end of their own. */
const longestPart = 1500;

const cut = (text: string): string => (text.length > longestPart ? `${text.slice(0, longestPart - 3)}...` : text);

/** One line for one problem: `where: what; expected ...; hint`. */
export function formatProblem(problem: Problem): string {
  const parts = [`${cut(problem.where)}: ${cut(problem.what)}`];
  if (problem.expected !== undefined) parts.push(`expected ${cut(problem.expected)}`);
  if (problem.hint !== undefined) parts.push(cut(problem.hint));
  return parts.join('; ');
}
