/** The trained parameters of a finished run, read from its folder and checked against what its manifest trains. */
import { existsSync } from 'node:fs';
import type { ModuleName } from '../../manifest/run';
import { openSafetensors, type SafetensorsFile } from '../../models/weights/safetensors';
import { allFinite, type WeightTensor } from '../../models/weights/weight';
import type { ParameterSpec } from '../../tensor/parameters';
import { changedPart } from '../../ownParts';
import { exitCode, UserError, userError, type Problem } from '../../problems';
import { readRunFile, type RunFolder } from '../folders';
import { weightIdentities } from '../identify';
import type { RunFile } from '../runFile';

/** `last`: after the last step, what the final evaluation saw; `best`: after the best validation. */
export type Which = 'last' | 'best';

export interface TrainedRun {
  file: RunFile;
  /** step of the parameters */
  step: number;
  /** by module and our names */
  trained: Record<ModuleName, Record<string, WeightTensor>>;
}

/** run.json of a finished run. Throws UserError for any other. */
export function finishedFile({ runJson }: RunFolder, name: string): RunFile {
  const read = readRunFile(runJson);
  if (read.state !== 'read')
    throw userError(
      {
        where: `run ${name}`,
        what: read.state === 'absent' ? 'has no run.json' : read.why,
        expected: 'a finished run',
      },
      exitCode.failed,
    );
  if (read.file.status !== 'done')
    throw userError({
      where: `run ${name}`,
      what: read.file.status === 'failed' ? 'failed' : `is at step ${read.file.step} of ${read.file.steps}`,
      expected: 'a finished run',
      hint: 'equipoise run goes on with it',
    });
  const fault = changedPart(read.file.parts ?? {});
  if (fault !== null)
    throw userError({
      where: `run ${name}`,
      what: `was trained with a part from outside: ${fault}`,
      expected: 'the parts that it was trained with',
      hint: 'name their folder with --parts',
    });
  return read.file;
}

/** Throws UserError when the weights that the run began with are not those of here. */
function requireBaseWeights(file: RunFile): void {
  for (const [name, identity] of Object.entries(weightIdentities(file.spec))) {
    if (identity !== file.weights[name])
      throw userError({
        where: `run ${file.id}`,
        what: `was trained on other weights than ${name} has now`,
        hint: 'bring those weights back, or use the version of Equipoise that trained it',
      });
  }
}

/** Where the parameters lie. Throws UserError when they are not there, with the command that makes them. */
export function parameterFile(paths: RunFolder, { id, experiment }: RunFile, which: Which): string {
  const path = which === 'best' ? paths.best : paths.checkpoint;
  if (existsSync(path)) return path;
  throw userError(
    {
      where: `run ${id}`,
      what: which === 'best' ? 'kept no parameters of a best validation' : 'has no checkpoint.safetensors',
      expected:
        which === 'best'
          ? 'a run that was trained with --best and evaluate.every above 0'
          : 'the folder as the run left it',
      hint:
        which === 'best'
          ? `equipoise run ${experiment} --again ${id} --best trains it anew and keeps them; or take --weights last`
          : 'kept and packed results hold no weights; train it again',
    },
    exitCode.unavailable,
  );
}

/** The tensors of both modules. Throws UserError with every tensor that is missing, surplus, misshapen or not finite. */
function readModules(
  stored: SafetensorsFile,
  where: string,
  trainable: Record<ModuleName, readonly ParameterSpec[]>,
): TrainedRun['trained'] {
  const trained: TrainedRun['trained'] = { encoder: {}, backbone: {} };
  const problems: Problem[] = [];
  const surplus = new Set(stored.entries.keys());
  for (const module of ['encoder', 'backbone'] as const) {
    for (const { name, shape } of trainable[module]) {
      const full = `${module}.${name}`;
      const found = stored.entries.get(full);
      surplus.delete(full);
      if (found === undefined || found.shape.join() !== shape.join()) {
        const what =
          found === undefined ? `no tensor "${full}"` : `tensor "${full}" has the shape [${found.shape.join(', ')}]`;
        problems.push({ where, what, expected: `[${shape.join(', ')}]` });
        continue;
      }
      const { data } = stored.read(full);
      if (!allFinite(data)) {
        const what = `tensor "${full}" holds values that are not finite numbers`;
        problems.push({ where, what, expected: 'finite numbers' });
      }
      trained[module][name] = { shape, data };
    }
  }
  for (const name of surplus)
    problems.push({ where, what: `tensor "${name}" is surplus`, expected: 'no tensor of this name for this run' });
  if (problems.length > 0) throw new UserError(problems, exitCode.failed);
  return trained;
}

/**
 * Reads what a run trained.
 * @param trainable of the run's model
 * @throws UserError when the parameters are not there, are not those of this run's model, or the base weights are no
 * longer those of the training
 */
export function readTrained(
  paths: RunFolder,
  file: RunFile,
  which: Which,
  trainable: Record<ModuleName, readonly ParameterSpec[]>,
): TrainedRun {
  requireBaseWeights(file);
  const path = parameterFile(paths, file, which);
  const stored = openSafetensors(path);
  try {
    const trained = readModules(stored, path, trainable);
    const step = which === 'best' ? Number(stored.metadata['step']) : file.step;
    if (!Number.isInteger(step))
      throw userError(
        { where: path, what: 'does not say after which step it was kept', expected: 'a file that Equipoise wrote' },
        exitCode.failed,
      );
    return { file, step, trained };
  } finally {
    stored.close();
  }
}
