/** All figures and tables of an experiment at once, as crates hold and check them. */
import { makeFigures, makeTables } from '../../analysis/index';
import type { Draw } from '../runner/crate/verify';

/** Draws with the project's own analysis. Rejects with UserError. */
export const drawAll: Draw = async (experimentFolder, figures, tables) => {
  const drawn = await makeFigures(experimentFolder, figures);
  const made = await makeTables(experimentFolder, tables);
  return [
    ...drawn.skipped.map(({ figure, reason }) => `no figure ${figure}: ${reason}`),
    ...made.skipped.map(({ table, reason }) => `no table ${table}: ${reason}`),
    ...drawn.ignoredRuns.map(({ id, reason }) => `${id} is in no figure: ${reason}`),
    ...new Set([...drawn.notices, ...made.notices]),
  ];
};
