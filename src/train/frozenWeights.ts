/**
 * How a run keeps the weights that it does not train: in files that all workers share, their matrices in its precision.
 */
import { checkpointIdentity } from '../sources/checkpoints';
import { sourceIdentity } from '../sources/sources';
import type { RunSpec } from '../manifest/run';
import type { PartName, Tuning } from '../models/composition';
import { codeOfModel, saidOfFamilies, saidOfTower } from '../models/inputs/modelCode';
import { loadStoredFamily } from '../models/published';
import type { StoredFamily } from '../models/published/family';
import { isNarrow } from '../models/tuning';
import { frozenTensors, openFrozenFiles, type FrozenFiles } from '../models/weights/frozenFiles';
import { backboneSource, findBackbone } from '../models/zoo/backbones';
import type { TowerInStep } from '../models/zoo/compose';
import { towerSources, type EncoderTower } from '../models/zoo/encoders';
import { saidCode } from '../parts/code';
import { userError } from '../problems';
import type { Precision } from '../tensor/precision';

/** The files of a backbone's weights; null where all of them are trained, or the backend maps none. */
export const backboneFiles = ({ backbone, tuning }: RunSpec): FrozenFiles | null =>
  tuning.backbone.kind === 'full'
    ? null
    : openFrozenFiles({
        backbone,
        weights: sourceIdentity(backboneSource(backbone)),
        code: saidCode(codeOfModel([findBackbone(backbone).file])),
      });

/** A tower that is run in every step; the weights of one of this repository are kept in files, unless all are trained. */
export async function towerInStep(
  { encoder, tuning, precision }: RunSpec,
  tower: EncoderTower,
): Promise<TowerInStep & { notices: string[] }> {
  const { part, input, version, code } = tower;
  const sources = towerSources(tower);
  const files =
    tuning.tower.kind === 'full' || code !== undefined || sources.length === 0
      ? null
      : openFrozenFiles({
          encoder,
          version,
          weights: sources.map((source) => sourceIdentity(source)),
          code: saidOfTower(tower),
        });
  if (files === null) return { part, input, weights: await part.weights(), notices: [] };
  const wanted = part.parameters.map(({ name, shape }) => ({ name, shape, isNarrow: isNarrow(precision, shape) }));
  const stored = await frozenTensors(files, wanted, () => part.weights());
  const weights = Object.fromEntries(wanted.map(({ name }, i) => [name, stored[i]!]));
  return { part, input, weights, notices: files.notices };
}

/** A checkpoint as a run has found it. */
interface FoundCheckpoint {
  checkpoint: string;
  folder: string;
  identity: string;
}

/**
 * The parts of a checkpoint that a run reads, and why some are not in files. `tuning`: what the run says of it, else the
 * family's own counts. Throws UserError as `loadFamily`, and for a checkpoint that is changed while it is read.
 */
export function loadKept(
  { checkpoint, folder, identity }: FoundCheckpoint,
  parts: readonly PartName[],
  precision: Precision,
  tuning: Partial<Tuning>,
): StoredFamily & { notices: string[] } {
  const files = openFrozenFiles({ checkpoint: identity, code: saidOfFamilies() });
  const read = loadStoredFamily(folder, parts, (family) => {
    const isFrozen = (part: PartName) => ({ ...family.tuning, ...tuning })[part].kind !== 'full';
    return {
      isNarrow: ({ part, shape }) => isFrozen(part) && isNarrow(precision, shape),
      files: ({ part }) => (isFrozen(part) ? files : null),
    };
  });
  if (checkpointIdentity(checkpoint) !== identity) {
    files?.discard();
    throw userError({ where: folder, what: 'was changed while its weights were read', hint: 'start the run again' });
  }
  return { ...read, notices: files?.notices ?? [] };
}
