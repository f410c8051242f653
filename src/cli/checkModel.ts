/** `equipoise check-model DIR`: a checkpoint against the numbers of a reference implementation. */
import { Option } from 'commander';
import { exitCode } from '../problems';
import { useBackend, type BackendFacts, type BackendRequest } from '../tensor/backend';
import { checkBounds, checkModel, type CheckReport } from '../train/checkModel';
import { stepFields } from '../train/checkReference';
import type { Define } from './command';
import { columns, say, sayJson, short } from './text';

/** The report as lines for a person. */
function checkLines(report: CheckReport, facts: BackendFacts): string[] {
  const { parameters } = report;
  const table = columns([
    ['step', ...stepFields],
    ...report.trajectory.map(({ step, difference }) => [
      String(step),
      ...stepFields.map((field) => short(difference[field])),
    ]),
    ['worst', ...stepFields.map((field) => short(report.worst[field]))],
    [
      'bound',
      String(checkBounds.loss),
      String(checkBounds.gradientNorm),
      String(checkBounds.gradientNorm),
      '',
      '',
      String(checkBounds.kappa),
    ],
  ]);
  return [
    `${report.family} on ${facts.name} (${facts.device}): ${parameters.encoder} parameters in the encoder, ${parameters.backbone} in the backbone`,
    ...report.notices.map((notice) => `notice: ${notice}`),
    `features  worst ${short(report.features.absolute)} absolute, ${short(report.features.relative)} relative`,
    `logits    worst ${short(report.logits.absolute)} absolute, ${short(report.logits.relative)} relative`,
    `loss      ${report.loss.computed.toFixed(6)}, expected ${report.loss.expected.toFixed(6)}`,
    'relative differences while training',
    table,
    ...(report.failures.length === 0
      ? ['agrees within all bounds']
      : report.failures.map((failure) => `fails: ${failure}`)),
  ];
}

/**
 * Adds `check-model DIR [--backend B] [--json]`. Exit code 1 when a bound does not hold, 2 for a folder that is
 * malformed.
 */
export const define: Define = (command) => {
  command
    .addOption(
      new Option('--backend <name>', 'which library computes')
        .choices(['auto', 'tensorflow', 'wasm', 'webgpu', 'cpu'])
        .default('auto'),
    )
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nThe folder holds config.json, weights, io.safetensors and expected.json.')
    .action(async (folder: string, options: { backend: BackendRequest['name']; json?: boolean }) => {
      const facts = await useBackend({ name: options.backend });
      const report = await checkModel(folder);
      if (options.json) sayJson('check-model', { backend: facts, ...report });
      else say(checkLines(report, facts).join('\n'));
      if (report.failures.length > 0) process.exitCode = exitCode.failed;
    });
};
