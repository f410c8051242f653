/**
 * Equipoise as a library: what other programs may build on. A manifest is loaded and planned, a run is trained record
 * by record, journals are read, statistics and figures made from them. Names here are stable; everything else may move.
 * docs/api.md has an example for CommonJS and for ES modules.
 */

// Problems: what is thrown for a person's input carries where, what, what was expected, and a hint.
export { exitCode, formatProblem, UserError, type Problem } from '../problems';

// What a project's config may say.
export type { ProjectConfig } from '../project';

// Manifests and plans.
export { expand as expandManifest } from '../manifest/expand';
export { loadManifest, type Manifest } from '../manifest/load';
export type { RunSpec } from '../manifest/run';
export type { ModuleName, PerModule } from '../modules';
export type { IdentifiedRun, PlannedRun, RunState } from '../runner/plan';
export { planManifest, type Plan, type PlanOptions } from '../runner/planManifest';

// Data and weights of runs, and training them.
export { prepareData, type PrepareOptions } from '../runner/identify';
export { runHere as trainRun, type RunOptions } from '../runner/runHere';
export type { BackendName } from '../tensor/backend';

// Journals and run.json.
export { readRunFile, resultsFolder, runFolder, type RunFileRead, type RunFolder } from '../runner/folders';
export { readJournal } from '../runner/journal';
export type { RunFile } from '../runner/runFile';
export type { EvaluateRecord, JournalRecord, MeasureRecord, NoticeRecord, Score, TrainRecord } from '../train/records';

// Statistics for few seeds, held to SciPy.
export { acceleratedInterval, bootstrapInterval, type BootstrapOptions } from '../../analysis/bootstrap';
export { holm, pairedDifferences, pairedEffect, pairedTest, probabilityOfImprovement } from '../../analysis/comparison';
export {
  interquartileMean,
  mean,
  pearson,
  quantile,
  shareInterval,
  spearman,
  standardDeviation,
  tInterval,
  type Estimate,
} from '../../analysis/statistics';

// Figures, tables and pages of an experiment's folder.
export {
  figureNames,
  makeFigures,
  makeTables,
  tableNames,
  type IgnoredRun,
  type MadeFigures,
  type MadeTables,
  type MakeOptions,
} from '../../analysis/index';
export { makeReport, type MadeReport, type ReportAbout, type ReportOptions } from '../../analysis/report';
