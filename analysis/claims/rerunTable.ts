/** Committed against yours as tables and sentences, for the terminal and for Markdown. */
import { orderMethods, orderSettings } from '../labels';
import type { PageTable } from '../reportHtml';
import { consecutive, estimateText, type TableCell } from '../table';
import { estimateOfEvaluation, hasTurned, referenceText } from './claimsTable';
import { comparedQuantities, margins, type Answer, type Shift } from './committed';
import { isOutside, type ComparedClaim, type Rerun } from './rerun';

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

const shiftText = ({ shift, low, high, answer }: Shift, sameSeeds: boolean): string =>
  answer === 'identical'
    ? '0'
    : sameSeeds
      ? estimateText(shift, low, high)
      : `${signed(shift)}${high === null ? '' : ` (expected ±${high.toFixed(3)})`}`;

const answerCell = (answer: Answer): TableCell => ({
  text: answer,
  best: answer === 'differs' || answer === 'outside',
});

/** The cells, a line each; null when there are none. */
export function cellsTable({ cells }: Rerun): PageTable | null {
  if (cells.length === 0) return null;
  const methods = orderMethods(cells.map(({ method }) => method));
  const settings = orderSettings(cells.map(({ setting }) => setting));
  const sorted = [...cells].sort(
    (a, b) =>
      (a.panel < b.panel ? -1 : a.panel > b.panel ? 1 : 0) ||
      settings.indexOf(a.setting) - settings.indexOf(b.setting) ||
      methods.indexOf(a.method) - methods.indexOf(b.method),
  );
  return {
    name: 'committed-cells',
    title: 'Committed against yours: cells',
    caption: [
      `Yours minus committed. Same seeds: the mean of the differences with its 90 % interval, which agrees within ±${margins.choice} (accuracy) and ±${margins.loss} (loss, nats);`,
      'it differs only where the noise of reruns is known (results/rerun-noise.json) and is exceeded. Other seeds: the difference of the means, and how far that of as many new seeds is expected to go.',
      'Both tests at .05 over all cells together. Bold (on a terminal with a star): what differs, or lies outside of what new seeds are expected to do; `too noisy to say`: the interval reaches beyond the margin.',
    ].join(' '),
    layout: {
      columns: [
        { header: 'Task', numeric: false },
        { header: 'Learning rates', numeric: false },
        { header: 'Method', numeric: false },
        { header: 'Case', numeric: false },
        { header: 'n', numeric: true },
        { header: 'Accuracy', numeric: true },
        { header: '', numeric: false },
        { header: 'Loss', numeric: true },
        { header: '', numeric: false },
      ],
      groups: consecutive(sorted, (cell) => JSON.stringify([cell.panel, cell.setting])).map((group) =>
        group.map((cell) => [
          { text: cell.panel },
          { text: cell.setting },
          { text: cell.method },
          { text: cell.case },
          { text: cell.case === 'same seeds' ? String(cell.n) : `${cell.n}, ${cell.committed}` },
          ...comparedQuantities.flatMap((quantity) => [
            { text: shiftText(cell[quantity], cell.case === 'same seeds') },
            answerCell(cell[quantity].answer),
          ]),
        ]),
      ),
    },
  };
}

const shiftOfClaim = (claim: ComparedClaim): string =>
  claim.shift === null
    ? '–'
    : `${signed(claim.shift)}${claim.expected === null ? '' : ` (expected ±${claim.expected.toFixed(3)})`}`;

const remark = (claim: ComparedClaim): TableCell =>
  hasTurned(claim) ? { text: 'turned', best: true } : { text: isOutside(claim) ? 'outside' : '' };

/** The claims that your runs can evaluate, a line each; null when there are none. */
export function comparedClaimsTable({ claims }: Rerun): PageTable | null {
  if (claims.length === 0) return null;
  return {
    name: 'committed-claims',
    title: 'Committed against yours: claims',
    caption:
      'Each claim by its own rule on your runs, and how far its estimate has moved from the committed one: a verdict may change with the width of an interval while values agree. Expected: how far that of as many new seeds goes in 95 of 100 cases; `outside`: farther than that. Bold (on a terminal with a star): `turned`, supported on one side and contradicted on the other.',
    layout: {
      columns: [
        { header: 'Claim', numeric: false },
        { header: 'Yours', numeric: true },
        { header: 'n', numeric: true },
        { header: 'Verdict', numeric: false },
        { header: 'Committed', numeric: false },
        { header: 'Shift', numeric: true },
        { header: '', numeric: false },
      ],
      groups: [
        claims.map((each) => [
          { text: each.claim.id },
          { text: estimateOfEvaluation(each) },
          { text: each.estimate === null ? '' : String(each.estimate.n) },
          { text: each.verdict },
          { text: referenceText(each.claim, each.claim.reference) },
          { text: shiftOfClaim(each) },
          remark(each),
        ]),
      ],
    },
  };
}

/** The sum in a sentence or two. */
export function sumText({ experiment, cells, claims, outcome }: Rerun): string {
  if (cells.length === 0 && claims.length === 0)
    return `${experiment}: no committed run has these settings, and no claim is about them; nothing to compare`;
  const answers = cells.flatMap((cell) => comparedQuantities.map((quantity) => cell[quantity].answer));
  const counted = [...new Set(answers)].map(
    (answer) => `${answers.filter((other) => other === answer).length} ${answer}`,
  );
  const turned = claims.filter(hasTurned).length;
  const outside = claims.filter(isOutside).length;
  return [
    `${experiment}: ${outcome}.`,
    cells.length === 0
      ? 'No committed run has these settings.'
      : `${cells.length} cells, accuracy and loss: ${counted.join(', ')}.`,
    claims.length === 0
      ? 'No claim is about these runs.'
      : `${claims.length} claims: ${turned === 0 ? 'none has turned' : `${turned} turned`}, ${outside} moved farther than expected of new seeds (of as many, ${(0.05 * claims.length).toFixed(1)} do by chance).`,
  ].join(' ');
}
