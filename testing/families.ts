/** Reference folders of the published families, and models on them. */
import { completeSpec } from '../src/parts/define';
import { optimisers } from '../src/tensor/optimiserKinds';
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isObject } from '../src/json';
import { loadFamily } from '../src/models/published';
import { familyModel, type FamilyOptions } from '../src/models/published/family';
import { openSession, type Session } from '../src/tensor/program';
import { readReference, type Reference } from '../src/train/checkReference';
import { familyForwardProgram, type FamilySetting } from '../src/train/familyPrograms';
import { initialState } from '../src/train/programs';
import { packStep } from '../src/train/stepInputs';
import { trainProgram } from '../src/train/trainProgram';
import { both, moduleNames } from '../src/modules';

export const referenceFolder = (name: string): string => join(__dirname, '..', 'test', 'fixtures', 'families', name);
export const published = ['blip2-opt', 'llava-1.5', 'internvl2', 'salmonn-whisper'];
export const variants = ['blip2-postnorm', 'llava-grouped', 'internvl2-normalised'];

/** A copy that a test may change. */
export function copyOf(name: string): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'equipoise-family-')), name);
  cpSync(referenceFolder(name), folder, { recursive: true });
  return folder;
}

/** Changes a JSON file of a folder. */
export function edit(folder: string, file: string, change: (value: Record<string, unknown>) => void): void {
  const path = join(folder, file);
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!isObject(value)) throw new Error(`${path} is not an object`);
  change(value);
  writeFileSync(path, JSON.stringify(value));
}

export interface OpenFamily {
  setting: FamilySetting;
  reference: Reference;
  session: Session;
  logits(): Promise<Float32Array>;
  step(number: number, rate?: number): Promise<number>;
}

/** Opens a session on the current backend with the programs of training and of a forward pass. */
export function openFamily(folder: string, options: FamilyOptions = {}): OpenFamily {
  const model = familyModel(loadFamily(folder), options);
  const reference = readReference(folder, model);
  const setting: FamilySetting = {
    model,
    vocabulary: model.composition.decoder.vocabulary,
    optimiser: completeSpec(optimisers, { kind: 'adam', clip: 0 }),
    regulariser: { kind: 'none' },
  };
  const modules = moduleNames.filter((module) => model.trainable[module].length > 0);
  const session = openSession(
    {
      train: trainProgram(setting, reference.shape, modules, null),
      forward: familyForwardProgram(model, reference.shape),
    },
    initialState(setting, 0),
  );
  return {
    setting,
    reference,
    session,
    logits: async () =>
      (await session.run('forward', { features: reference.batch.features, tokens: reference.batch.tokens }))['logits']!,
    async step(number, rate = 1e-2) {
      const update = both(() => ({
        rate,
        active: 1,
        correction1: 1 - 0.9 ** number,
        correction2: 1 - 0.999 ** number,
      }));
      return (await session.run('train', packStep({ batch: reference.batch, update })))['numbers']![0]!;
    },
  };
}

export const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
