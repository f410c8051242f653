/** All figures, in the order in which they are made. */
import type { FigureDefinition } from '../figure';
import { baseline, coordinated } from '../schedulers';
import { balanceAgainstAccuracy } from './balanceAgainstAccuracy';
import { batchAndProbe } from './batchAndProbe';
import { bounds } from './bounds';
import { convergenceFactor } from './convergenceFactor';
import { gainBySize } from './gainBySize';
import { kappaCost } from './kappaCost';
import { kappaCurves } from './kappaCurves';
import { learningCurves } from './learningCurves';
import { lossContours } from './lossContours';
import { normalisedGradients } from './normalisedGradients';
import { optionSweep } from './optionSweep';
import { rateRatio } from './rateRatio';
import { rateSettings } from './rateSettings';
import { slopeLaw } from './slopeLaw';
import { stability } from './stability';
import { stepsToTarget } from './stepsToTarget';
import { transferMatrix } from './transferMatrix';

export const figures: readonly FigureDefinition[] = [
  lossContours,
  kappaCurves,
  normalisedGradients('normalised-gradients', baseline),
  ...coordinated.map((scheduler) => normalisedGradients(`normalised-gradients-${scheduler}`, scheduler)),
  learningCurves,
  stepsToTarget,
  balanceAgainstAccuracy,
  rateSettings,
  rateRatio,
  gainBySize,
  optionSweep,
  bounds,
  slopeLaw,
  convergenceFactor,
  batchAndProbe,
  kappaCost,
  stability,
  transferMatrix,
];
