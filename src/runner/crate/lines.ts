/** What an error says of a crate's content. */
import { formatProblem, UserError } from '../../problems';

/**
 * An error about a crate's content as lines. Not only UserError: what a hostile file makes of a reader is a failure
 * too.
 */
export function linesOf(error: unknown): string[] {
  if (error instanceof UserError) return error.problems.map(formatProblem);
  return [`cannot be read: ${error instanceof Error ? error.message : String(error)}`];
}
