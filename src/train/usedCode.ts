/** The code of this repository that belongs to a run: of its parts, and of what makes its sets. */
import { regulariserFile } from '../balance/regularisers';
import { schedulerFile } from '../balance/schedulers';
import { setCode } from '../data';
import type { RunSpec } from '../manifest/run';
import { modelCode } from '../models/inputs/modelCode';
import { codeOf, saidCode, type Code } from '../parts/code';
import { codeOfOptimisers } from '../tensor/optimiserCode';
import { alignmentOptimiser } from '../tensor/optimiserKinds';

/** The code of schedulers and regularisers, by file. */
export const codeOfBalance = (files: readonly (string | undefined)[]): Code =>
  codeOf(files, { rooms: ['src/balance/'], lists: ['src/balance/schedulers/index.ts'] });

/** Of a run: all code by file, and what of it enters the identity. */
export interface UsedCode {
  files: Code;
  /** as `saidCode`; what makes sets is not here, since their own identities have it */
  said?: Code;
}

/**
 * The code that belongs to a run that reads the sets of `tasks`, as it was when this process first asked. Throws
 * UserError for an unknown task.
 */
export function usedCode(spec: RunSpec, tasks: readonly string[]): UsedCode {
  const { checkpoint, encoder, connector, backbone, optimiser, scheduler, regulariser } = spec;
  const models = [checkpoint, encoder, connector.kind, backbone];
  const names = [...models, optimiser.kind, scheduler.kind, regulariser.kind, tasks];
  const key = JSON.stringify(names);
  const code = used.get(key) ?? findCode(spec, tasks);
  used.set(key, code);
  return code;
}

/** By the names of parts and tasks: a plan of thousands of runs has a few of them. */
const used = new Map<string, UsedCode>();

function findCode(spec: RunSpec, tasks: readonly string[]): UsedCode {
  const { optimiser, scheduler, regulariser } = spec;
  const parts = {
    ...modelCode(spec),
    ...codeOfOptimisers([optimiser.kind, alignmentOptimiser(optimiser).kind]),
    ...codeOfBalance([schedulerFile(scheduler.kind), regulariserFile(regulariser)]),
  };
  const said = saidCode(parts);
  return {
    files: Object.assign({}, parts, ...tasks.map(setCode)) as Code,
    ...(said === undefined ? {} : { said }),
  };
}
