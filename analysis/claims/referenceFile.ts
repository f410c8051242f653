/** The references of claims: what the committed runs say, kept beside each claim so that a rerun has it to hand. */
import type { Claim, ClaimsFile, Reference } from './claim';
import type { Evaluation } from './evaluate';

/** Six significant digits, as in the data of figures: beyond what any claim shows. */
const rounded = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value.toPrecision(6));

/** The reference that an evaluation gives; none for one that cannot be evaluated. */
export function referenceOf({ verdict, estimate, low, high }: Evaluation): Reference | undefined {
  if (verdict === 'not evaluable' || estimate === null) return undefined;
  const { value, sd, n } = estimate;
  return { estimate: rounded(value), low: rounded(low), high: rounded(high), sd: rounded(sd), n, verdict };
}

/** The text of a file of claims with the references of these evaluations; all else stays as it is. */
export function withReferences(text: string, evaluations: readonly Evaluation[]): string {
  const content = JSON.parse(text) as { claims: Claim[] };
  const byId = new Map(evaluations.map((each) => [each.claim.id, each]));
  const claims = content.claims.map(({ reference: _, ...claim }) => {
    const reference = referenceOf(byId.get(claim.id)!);
    return { ...claim, ...(reference === undefined ? {} : { reference }) };
  });
  return `${JSON.stringify({ ...content, claims }, null, 2)}\n`;
}

/** All claims of several files, in order. */
export const allClaims = (files: readonly ClaimsFile[]): Claim[] => files.flatMap(({ claims }) => claims);
