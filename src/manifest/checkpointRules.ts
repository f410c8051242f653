/** What a run from a published checkpoint must be, and what only such a run can be. */
import { connectorFacts } from '../models/zoo/connectors';
import { checkpointTuning } from '../models/tuningKinds';
import {
  checkpointModality,
  checkpointNames,
  checkpointTiles,
  findCheckpoint,
  isTakenName,
  ownCheckpointFolder,
  tiledFamily,
} from '../sources/checkpointNames';
import { suggestion } from './faults';
import { taskModality } from './taskManifest';
import { valueAt, type Tree } from './tree';
import type { Finding } from './tuningRules';

/** What is wrong with a run's checkpoint, or with what is asked for without one. */
export const checkpointFindings = (run: Tree): (Finding | undefined)[] => [
  checkpointAlone(run),
  checkpointFits(run),
  vocabularyOfCheckpoint(run),
  tilesOfCheckpoint(run),
];

/** A checkpoint is all of the model; what only it brings is nothing without it. */
function checkpointAlone(run: Tree): Finding | undefined {
  const { checkpoint } = run;
  if (checkpoint === undefined) {
    const kindOf = (field: string) => String(valueAt(run, `${field}.kind`));
    const field =
      connectorFacts(kindOf('connector')).ofCheckpoint === true
        ? 'connector'
        : kindOf('tuning.backbone') === checkpointTuning
          ? 'tuning.backbone'
          : undefined;
    return field === undefined
      ? undefined
      : { field, what: `"${kindOf(field)}" without a checkpoint`, expected: 'a "checkpoint", or another kind' };
  }
  const other = ['encoder', 'backbone'].find((field) => run[field] !== checkpoint);
  if (other !== undefined)
    return {
      field: other,
      what: `checkpoint ${String(checkpoint)} brings its own ${other}, and ${other} ${String(run[other])} is given, too`,
      expected: 'a checkpoint, or encoder and backbone',
    };
  if (connectorFacts(String(valueAt(run, 'connector.kind'))).ofCheckpoint === true) return undefined;
  return {
    field: 'connector',
    what: `checkpoint ${String(checkpoint)} brings its own connector, and ${String(valueAt(run, 'connector.kind'))} is given, too`,
    expected: 'no connector beside a checkpoint',
  };
}

/** A checkpoint's texts go through its own template, over all of its words. */
const vocabularyOfCheckpoint = (run: Tree): Finding | undefined =>
  run['checkpoint'] !== undefined && run['vocabulary'] !== 'whole'
    ? {
        field: 'vocabulary',
        what: `checkpoint ${String(run['checkpoint'])} has its whole vocabulary`,
        expected: '"vocabulary" left out, or "whole"',
      }
    : undefined;

/** The checkpoint is there, and sees or hears what the task gives. */
function checkpointFits(run: Tree): Finding | undefined {
  const { checkpoint } = run;
  if (typeof checkpoint !== 'string') return undefined;
  const field = 'checkpoint';
  if (isTakenName(checkpoint))
    return {
      field,
      what: `the name ${checkpoint} belongs to data that come with Equipoise`,
      expected: 'another name for the folder',
    };
  if (findCheckpoint(checkpoint) === undefined) {
    return {
      field,
      what: `there is no checkpoint ${JSON.stringify(checkpoint)}`,
      expected: `${checkpointNames().join(', ')}, or a folder of this name with config.json in ${ownCheckpointFolder()}`,
      hint: suggestion(checkpoint, checkpointNames()),
    };
  }
  const [own, wanted] = [checkpointModality(checkpoint), taskModality(run['task'])];
  if (own === undefined || wanted === undefined || own === wanted) return undefined;
  return {
    field,
    what: `task ${String(run['task'])} is about ${wanted}, checkpoint ${checkpoint} reads ${own}`,
    expected: `a checkpoint or an encoder for ${wanted}`,
    hint: 'pair tasks with checkpoints by zip or when, or exclude the combination',
  };
}

/** Only a checkpoint that was made for tiles can be given them. */
function tilesOfCheckpoint({ tiles, checkpoint, encoder }: Tree): Finding | undefined {
  if (tiles === 1) return undefined;
  if (checkpoint === undefined)
    return {
      field: 'tiles',
      what: `encoder ${String(encoder)} sees an image whole, and ${String(tiles)} tiles of one are asked for`,
      expected: `1, or a checkpoint of ${tiledFamily}`,
    };
  if (typeof checkpoint !== 'string' || checkpointTiles(checkpoint) !== false) return undefined;
  return {
    field: 'tiles',
    what: `checkpoint ${checkpoint} sees an image whole, and ${String(tiles)} tiles of one are asked for`,
    expected: `1, or a checkpoint of ${tiledFamily}`,
  };
}
