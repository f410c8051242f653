/** Steps by fused kernels beside the other ways in which a run may compute: held to the plain operations. */
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { kappaOf } from '../../src/balance/kappa';
import { moduleNames } from '../../src/modules';
import { useBackend } from '../../src/tensor/backend';
import type { Kernels } from '../../src/tensor/kernels';
import { openSession, type Session } from '../../src/tensor/program';
import { tf } from '../../src/tensor/tf';
import { initialState } from '../../src/train/programs';
import { packStep } from '../../src/train/stepInputs';
import { unpackStep } from '../../src/train/stepNumbers';
import { trainProgram } from '../../src/train/trainProgram';
import { withoutFused } from '../../testing/fused';
import { tinyBatch, tinyConfig, tinyScalars, tinySetting, tinyShape, type TinyOptions } from '../../testing/tinyModel';

const missing = withoutFused();
const opened: Session[] = [];
beforeAll(async () => {
  if (missing === '') await useBackend({ name: 'tensorflow', device: 'cpu', threads: 1 });
});
afterEach(() => {
  for (const session of opened.splice(0)) session.dispose();
});

const config = { ...tinyConfig, layers: 1 };
const saving: TinyOptions = { config, checkpointing: 'layers', accumulate: 3 };

/** Loss and norms of both gradients of two steps in a row; `measured`: kappa too. */
async function numbersOf(options: TinyOptions, kernels: Kernels, measured: boolean): Promise<number[]> {
  const setting = tinySetting(options);
  const program = trainProgram(setting, tinyShape, moduleNames, measured ? { variant: 'a', probe: null } : null);
  const run = vi.spyOn(tf.engine(), 'runKernel');
  const session = openSession({ program }, initialState(setting, 0), { kernels });
  const own = new Set(run.mock.calls.map(([name]) => name).filter((name) => name.startsWith('Equipoise')));
  run.mockRestore();
  const differentiated = ['Swiglu', 'RmsNorm', 'Rotary', 'Attention', 'Labelled'];
  for (const name of ['LogSoftmax', ...differentiated, ...differentiated.map((each) => `${each}Gradient`)])
    expect(own.has(`Equipoise${name}`), name).toBe(kernels === 'fused');
  opened.push(session);
  expect(session.mode).toBe('recorded');
  const numbers: number[] = [];
  for (const at of [0, 2]) {
    const values = packStep({ batch: tinyBatch(at), ...tinyScalars(at + 1, { encoder: 1e-2, backbone: 1e-2 }) });
    const { step, measure } = unpackStep((await session.run('program', values))['numbers']!);
    numbers.push(step.loss, step.normEncoder, step.normBackbone);
    if (measure !== null) numbers.push(kappaOf(measure.dBackbone, measure.dEncoder).kappa);
  }
  return numbers;
}

const furthest = (a: number[], b: number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!) / Math.abs(b[i]!)));

it('layers computed again and a batch in parts give the numbers of the plain step', async (context) => {
  if (missing !== '') return context.skip(missing);
  const fused = await numbersOf(saving, 'fused', true),
    plain = await numbersOf({ config }, 'plain', true);
  expect(fused).toHaveLength(8);
  expect(furthest(fused, plain)).toBeLessThan(1e-5);
});

it('so do products in bfloat16, layers computed again and a batch in parts, all at once', async (context) => {
  if (missing !== '') return context.skip(missing);
  const narrow: TinyOptions = { ...saving, precision: 'bfloat16' };
  const fused = await numbersOf(narrow, 'fused', false),
    plain = await numbersOf(narrow, 'plain', false);
  // A last digit of float32 may turn the rounding of an operand, by 2^-8 of it, and fused attention rounds none of its own.
  expect(furthest(fused, plain)).toBeLessThan(2 ** -6);
  expect(furthest(fused, await numbersOf({ config }, 'plain', false))).toBeGreaterThan(1e-4); // and it is bfloat16
});
