/** How far the same seed moves on another processor: results/rerun-noise.json, where somebody has measured it. */
import { Ajv2020 } from 'ajv/dist/2020';
import { existsSync } from 'node:fs';
import { readObject } from '../../src/json';
import type { PerModule } from '../../src/modules';
import { userError } from '../../src/problems';
import schema from './noise.schema.json';

export interface Noise {
  task: string;
  rates: PerModule<number>;
  /** pairs of runs that it was pooled over */
  differences: number;
  /** root mean square of the differences */
  choice: number;
  loss: number;
}

/** The noise by task and rates; none without the file. Throws UserError for a file that is not as described. */
export function readNoise(path: string): Noise[] {
  if (!existsSync(path)) return [];
  const content = readObject(path, 2 ** 20);
  const check = new Ajv2020({ strict: true, allErrors: false }).compile(schema);
  if (check(content)) return content['cells'] as Noise[];
  const fault = check.errors![0]!;
  throw userError({
    where: `${path} ${fault.instancePath}`,
    what: fault.message ?? 'is not as described',
    expected: 'what analysis/claims/noise.schema.json describes',
  });
}
