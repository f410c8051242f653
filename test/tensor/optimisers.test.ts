/** Optimisers beside their reference implementations (test/fixtures/optimisers), and what a frozen module keeps. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { completeSpec } from '../../src/parts/define';
import { useBackend } from '../../src/tensor/backend';
import { update } from '../../src/tensor/optimiser';
import { adamDecays, evaluatedPiece, optimisers, slotsOf, type OptimiserSpec } from '../../src/tensor/optimiserKinds';
import { tf, type Tensor, type Tensors } from '../../src/tensor/tf';
import { rateOfParts } from '../../src/train/partVectors';
import { updateValues } from '../../src/train/stepInputs';
import { notEmpty } from '../../testing/lists';

interface Fixture {
  start: number[];
  gradients: number[][];
  rates: number[];
  cases: Record<string, { base: number; theta: number[][]; evaluated?: number[][]; distance?: number[] }>;
}
const fixture = JSON.parse(readFileSync(join(__dirname, '../fixtures/optimisers/optimisers.json'), 'utf8')) as Fixture;

beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

const prodigy = { kind: 'prodigy', start: 1e-3 } as const;
const specs: Record<string, OptimiserSpec> = {
  prodigy: completeSpec(optimisers, prodigy),
  'prodigy, all options': completeSpec(optimisers, {
    ...prodigy,
    coefficient: 20,
    weightDecay: 0.1,
    biasCorrection: 'on',
    safeguard: 'on',
  }),
  'schedule-free': completeSpec(optimisers, { kind: 'schedule-free', weightDecay: 0.1 }),
  lamb: completeSpec(optimisers, { kind: 'lamb', weightDecay: 0.1 }),
  'lamb without decay': completeSpec(optimisers, { kind: 'lamb' }),
  'lora+': completeSpec(optimisers, { kind: 'adamw', weightDecay: 0.1, loraRatio: 16 }),
};

/** A module of an adapter: five numbers of A, three of B. */
const parameter = (name: string, size: number) => ({
  name,
  part: 'backbone' as const,
  shape: [size],
  initial: { kind: 'zeros' } as const,
});
const adapter = { trainable: { encoder: [], backbone: [parameter('q.lora_A', 5), parameter('q.lora_B', 3)] } };

interface State {
  theta: Tensor;
  slots: Tensors;
  updates: number;
}
const startOf = (spec: OptimiserSpec): State => {
  const theta = tf.tensor1d(fixture.start);
  const slots = slotsOf(spec).map(({ name, begins }) => [
    name,
    typeof begins === 'number' ? tf.scalar(begins) : begins === 'theta' ? theta : tf.zerosLike(theta),
  ]);
  return { theta, slots: Object.fromEntries(slots) as Tensors, updates: 0 };
};

function take(spec: OptimiserSpec, { theta, slots, updates }: State, gradient: number[], rate: number, active = true) {
  const count = updates + (active ? 1 : 0);
  const values = updateValues(adamDecays(spec), count, rate, active);
  const moduleRate = tf.scalar(values.rate);
  const loraRatio = 'loraRatio' in spec ? spec.loraRatio : 1;
  const step = {
    rate: rateOfParts(adapter, 'backbone', { loraRatio }, moduleRate),
    moduleRate,
    active: tf.scalar(values.active),
    correction1: tf.scalar(values.correction1),
    correction2: tf.scalar(values.correction2),
  };
  return { ...update(spec, theta, tf.tensor1d(gradient), slots, step), updates: count };
}

const numbers = (tensor: Tensor): number[] => [...tensor.dataSync()];
function close(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of notEmpty(found.entries())) expect(value).toBeCloseTo(wanted[i]!, 5);
}

describe('an optimiser', () => {
  it.each(Object.keys(fixture.cases))('takes the steps of its reference implementation: %s', (name) => {
    const [spec, wanted] = [specs[name]!, fixture.cases[name]!];
    let state = startOf(spec);
    for (const [n, rate] of notEmpty(fixture.rates.entries())) {
      state = take(spec, state, fixture.gradients[n]!, wanted.base * rate);
      close(numbers(state.theta), wanted.theta[n]!);
      const piece = evaluatedPiece(spec);
      expect(piece === 'average').toBe(wanted.evaluated !== undefined);
      if (piece === 'average') close(numbers(state.slots['average']!), wanted.evaluated![n]!);
      if (wanted.distance !== undefined)
        expect(numbers(state.slots['distance']!)[0]! / wanted.distance[n]!).toBeCloseTo(1, 4);
    }
  });

  it.each(Object.keys(specs))('leaves all of a frozen module as it is: %s', (name) => {
    const spec = specs[name]!;
    let state = startOf(spec);
    for (const active of [false, true, true, false, true]) {
      const before = state;
      state = take(spec, before, fixture.gradients[before.updates]!, 0.1, active);
      if (active) expect(numbers(state.theta)).not.toEqual(numbers(before.theta));
      else
        expect([state.theta, ...Object.values(state.slots)].map(numbers)).toEqual(
          [before.theta, ...Object.keys(state.slots).map((slot) => before.slots[slot]!)].map(numbers),
        );
    }
  });

  it('lamb moves a module by the rate times the length of its parameters', () => {
    const spec = specs['lamb without decay']!;
    const [before, after] = [startOf(spec), take(spec, startOf(spec), fixture.gradients[0]!, 0.03)];
    const length = (values: number[]) => Math.hypot(...values);
    const step = numbers(tf.sub(after.theta, before.theta));
    expect(length(step) / length(fixture.start)).toBeCloseTo(0.03, 6);
    const nothing = { ...before, theta: tf.zerosLike(before.theta) };
    expect(length(numbers(take(spec, nothing, fixture.gradients[0]!, 0.03).theta))).toBeCloseTo(
      0.03 * Math.sqrt(8), // a ratio of 1, and Adam's first step is as long as the rate in every number
      4,
    );
  });
});
