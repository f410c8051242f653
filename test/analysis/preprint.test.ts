import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readClaims } from '../../analysis/claims/claim';
import { withNumbers } from '../../analysis/preprint';
import { projectRoot } from '../../src/files';

const page = readFileSync(join(projectRoot, 'docs', 'report.md'), 'utf8');

describe('docs/report.md', () => {
  it('has the numbers of claims and manifests; else run: npx ts-node analysis/writePreprint.ts', () => {
    expect(withNumbers(page)).toBe(page);
  });

  it('follows a claim: another reference is another text, and a claim that is not there is an error', () => {
    const files = readClaims();
    const changed = files.map((file) => ({
      ...file,
      claims: file.claims.map((claim) => ({
        ...claim,
        reference: { ...claim.reference!, estimate: 0.123, low: 0.1, high: 0.2, n: 77 },
      })),
    }));
    expect(withNumbers(page, changed)).toContain('0.123 [0.100, 0.200], n = 77');
    expect(() => withNumbers(`${page}<!-- claim no-such -->1<!-- end -->`)).toThrow(/no claim no-such/);
    expect(() => withNumbers(page.replace('<!-- experiments -->', ''))).toThrow(/no place for experiments/);
  });

  it('has no result outside a place that is filled in', () => {
    const prose = page
      .replaceAll(/<!-- (claims: [a-z]+|confirmatory|experiments) -->[\s\S]*?<!-- end of \1 -->/g, '')
      .replaceAll(/<!-- claim [a-z0-9-]+ -->.*?<!-- end -->/gs, '');
    expect(prose.match(/\[[-−.\d]+, [-−.\d]+\]/g)).toBeNull();
  });
});
