/** The step of the benchmark at the paper's sizes, through the product's own reading of weights and its own programs. */
import { regularisers } from '../../src/balance/regularisers';
import { familyOf, loadStoredFamily } from '../../src/models/published';
import {
  cachedFamilyModel,
  withoutWeights,
  type FamilyModel,
  type StoredFamily,
} from '../../src/models/published/family';
import { predictedAt } from '../../src/models/sequence';
import { frozenFolder, openFrozenFiles } from '../../src/models/weights/frozenFiles';
import { readConfig } from '../../src/models/checkpoint/checkpoint';
import { isNarrow } from '../../src/models/tuning';
import type { Checkpointing } from '../../src/models/tuningKinds';
import { both, moduleNames } from '../../src/modules';
import { completeSpec } from '../../src/parts/define';
import type { Kernels } from '../../src/tensor/kernels';
import { adamDecays, optimisers } from '../../src/tensor/optimiserKinds';
import type { Precision } from '../../src/tensor/precision';
import { openSession, type Program } from '../../src/tensor/program';
import type { BatchArrays, BatchShape } from '../../src/train/batches';
import { initialState, type Setting } from '../../src/train/programs';
import { resourceNeeds, type ResourceNeeds } from '../../src/train/resources';
import { packStep, updateValues } from '../../src/train/stepInputs';
import { unpackStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import type { LargeKind } from './protocol';
import { adapter, configOf, rate, stepSize, type LargeSizeName } from './sizes';

/** What the recorded step follows from. */
interface LargeOptions {
  precision: Precision;
  checkpointing: Checkpointing;
}

/** The model with its adapters, all else of the language model frozen and the connector trained whole. */
const largeModel = (
  loaded: Pick<StoredFamily, 'family' | 'weights'>,
  { precision, checkpointing }: LargeOptions,
): FamilyModel =>
  cachedFamilyModel(loaded, [stepSize.start], {
    precision,
    checkpointing,
    tuning: { backbone: { kind: 'lora', ...adapter, targets: [...adapter.targets] } },
  });

/** What is trained: AdamW, the gradient clipped to norm 1 over both modules, as runs have it by default. */
const settingOf = (model: FamilyModel, { precision }: LargeOptions, kind: LargeKind): Setting => ({
  model,
  vocabulary: model.composition.decoder.vocabulary,
  optimiser: completeSpec(optimisers, { kind: 'adamw' }),
  precision,
  regulariser: kind === 'regularised' ? completeSpec(regularisers, { kind: 'commit', lambda: 0.1 }) : { kind: 'none' },
});

/** The program of a kind of step. */
const programOf = (model: FamilyModel, batch: number, options: LargeOptions, kind: LargeKind): Program =>
  trainProgram(
    settingOf(model, options, kind),
    shapeOf(model, batch),
    moduleNames,
    kind === 'kappa' ? { variant: 'a', probe: null } : null,
  );

const shapeOf = (model: FamilyModel, batch: number): BatchShape => ({
  batch,
  tokens: stepSize.text,
  labels: stepSize.labels,
  rows: stepSize.rows,
  width: stepSize.width,
  prefixTokens: model.decoding.before - 1,
});

/** The batch of every step; bench/reference/large_torch.py makes the same. */
export function largeBatch({ batch, tokens, labels, rows, width, prefixTokens }: BatchShape): BatchArrays {
  return {
    features: Float32Array.from({ length: batch * rows * width }, (_, i) => ((i * 7919) % 1013) / 1013 - 0.5),
    tokens: Int32Array.from({ length: batch * tokens }, (_, i) => 10 + ((i * 7919) % 600)),
    labels: Int32Array.from({ length: batch * labels }, (_, i) => 10 + ((i * 31) % 600)),
    positions: Int32Array.from({ length: batch * labels }, (_, i) =>
      predictedAt(Math.floor(i / labels), tokens - labels + (i % labels), prefixTokens, tokens),
    ),
    mask: new Float32Array(batch * labels).fill(1),
  };
}

/** What the files of a checkpoint's frozen weights are named by: its weights follow from its configuration. */
const described = (folder: string) => ({ benchmark: readConfig(folder) });

/** Where the product keeps files of a checkpoint's frozen weights. */
export const filesOf = (folder: string): string => frozenFolder(described(folder));

/**
 * Reads a checkpoint of checkpoint.ts, all but its tower, the frozen matrices in the precision asked for: from files
 * that processes share, as runs do, where the current backend maps them. Throws UserError for a checkpoint that is none.
 */
export function loadLarge(folder: string, precision: Precision): StoredFamily & { notices: string[] } {
  const files = openFrozenFiles(described(folder));
  const read = loadStoredFamily(folder, ['connector', 'backbone'], () => ({
    isNarrow: ({ part, shape }) => part === 'backbone' && isNarrow(precision, shape),
    files: ({ part }) => (part === 'backbone' ? files : null),
  }));
  return { ...read, notices: files?.notices ?? [] };
}

/** A model that takes steps. */
export interface OpenedLarge {
  precision: Precision;
  /** something a person should know of how it runs */
  notice: string | null;
  /** takes one step; gives the loss before its update */
  step(): Promise<number>;
  dispose(): void;
}

/** Opens a session of a checkpoint on the current backend. Throws UserError as `loadLarge`. */
export function openLarge({
  folder,
  batch,
  kernels,
  kind,
  ...options
}: LargeOptions & { folder: string; batch: number; kernels: Kernels; kind: LargeKind }): OpenedLarge {
  const loaded = loadLarge(folder, options.precision);
  const model = largeModel(loaded, options);
  const setting = settingOf(model, options, kind);
  const session = openSession({ step: programOf(model, batch, options, kind) }, initialState(setting, 0), { kernels });
  const arrays = largeBatch(shapeOf(model, batch));
  const decays = adamDecays(setting.optimiser);
  let updates = 0;
  return {
    precision: options.precision,
    notice: [...loaded.notices, ...(session.notice === undefined ? [] : [session.notice])].join('; ') || null,
    async step() {
      updates += 1;
      const update = both(() => updateValues(decays, updates, rate));
      const inputs = packStep({ batch: arrays, update, weights: { encoder: 0.5, backbone: 0.5 } });
      return unpackStep((await session.run('step', inputs))['numbers']!).step.loss;
    },
    dispose: () => session.dispose(),
  };
}

/** What a case needs as the product predicts it, from shapes alone. */
export interface LargePlan {
  parameters: number;
  trained: number;
  /** peak of a process that takes steps of one kind, bytes */
  memory: Record<LargeKind, number>;
  /** multiplications and additions in the products of one step */
  flops: Record<LargeKind, number>;
}

/** The prediction of one case for one way of computing its step. */
export function planLarge(
  size: LargeSizeName,
  batch: number,
  { kernels, ...options }: LargeOptions & { kernels: Kernels },
): LargePlan {
  const model = largeModel(withoutWeights(familyOf(configOf(size))), options);
  const needs = (kind: LargeKind): ResourceNeeds =>
    resourceNeeds({
      model,
      programs: { train: programOf(model, batch, options, kind) },
      optimiser: settingOf(model, options, kind).optimiser,
      regularised: kind === 'regularised',
      backend: 'tensorflow',
      kernels,
      dataBytes: 0,
    });
  const [plain, kappa, regularised] = [needs('plain'), needs('kappa'), needs('regularised')];
  const each = (of: (needs: ResourceNeeds) => number): Record<LargeKind, number> => ({
    plain: of(plain),
    kappa: of(kappa),
    regularised: of(regularised),
  });
  return {
    parameters: plain.parameters,
    trained: plain.trainable.encoder + plain.trainable.backbone,
    memory: each(({ memory }) => memory.total),
    flops: each(({ step }) => step.flops),
  };
}
