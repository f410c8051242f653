/** All tables, in the order in which they are made. */
import type { TableDefinition } from '../table';
import { answers } from './answers';
import { byKind } from './byKind';
import { clipping } from './clipping';
import { convergence } from './convergence';
import { cost } from './cost';
import { differences } from './differences';
import { fairFight } from './fairFight';
import { meta } from './meta';
import { precision } from './precision';
import { regulariserGains } from './regulariserGain';
import { results } from './results';
import { rivals } from './rivals';
import { settings } from './settings';
import { textScores } from './textScores';
import { variants } from './variants';

export const tables: readonly TableDefinition[] = [
  settings,
  results,
  byKind,
  answers,
  textScores,
  differences,
  ...regulariserGains,
  meta,
  convergence,
  fairFight,
  rivals,
  variants,
  cost,
  clipping,
  precision,
];
