/** Registries that cannot be reached: told once, for all that they would have given. */
import { exitCode, UserError, type Problem } from '../problems';

/** That a registry did not answer. */
export class Unreachable extends UserError {
  constructor(
    readonly registry: string,
    /** what the tool that asked it says */
    readonly reason: string,
    /** the file that is missing for it */
    readonly file: string,
  ) {
    super([problemOf(registry, reason, [file])], exitCode.unavailable);
  }
}

const problemOf = (registry: string, reason: string, files: readonly string[]): Problem => ({
  where: registry,
  what: `cannot be reached (${reason}), so ${files.length === 1 ? 'this is' : 'these are'} not here: ${files.join(', ')}`,
  hint: 'mend the connection or the setting of its address, and run the command again; copies from elsewhere will do: equipoise data fetch --from FOLDER, for libraries EQUIPOISE_LIBRARIES',
});

/** Milliseconds for which a registry that did not answer is not asked again. */
const restMs = 60_000;
const silent = new Map<string, { reason: string; since: number }>();

/** Throws Unreachable for a registry that did not answer a moment ago: each try takes seconds. */
export function requireAnswering(registry: string, file: string): void {
  const known = silent.get(registry);
  if (known !== undefined && performance.now() - known.since < restMs)
    throw new Unreachable(registry, known.reason, file);
}

/** The error for a registry that has just not answered, which is remembered. */
export function notAnswering(registry: string, reason: string, file: string): Unreachable {
  silent.set(registry, { reason, since: performance.now() });
  return new Unreachable(registry, reason, file);
}

/** The problems of several errors, one for each registry that did not answer. */
export function problemsOfAll(errors: readonly UserError[]): Problem[] {
  const files = new Map<string, string[]>();
  const reasons = new Map<string, string>();
  for (const error of errors)
    if (error instanceof Unreachable) {
      files.set(error.registry, [...new Set([...(files.get(error.registry) ?? []), error.file])]);
      reasons.set(error.registry, error.reason);
    }
  return [
    ...[...files].map(([registry, list]) => problemOf(registry, reasons.get(registry)!, list)),
    ...errors.flatMap((error) => (error instanceof Unreachable ? [] : error.problems)),
  ];
}
