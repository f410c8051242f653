/**
 * The published configurations load and give the published sizes; costs come out as closed forms say. Nothing here
 * holds a weight.
 */
import { describe, expect, it } from 'vitest';
import { familyOf } from '../../src/models/published';
import { parametersOf, partNames } from '../../src/models/composition';
import { familyModel, withoutWeights } from '../../src/models/published/family';
import { findPublished, publishedModels } from '../../src/models/published/catalogue';
import { programCost } from '../../src/tensor/cost';
import { useBackend } from '../../src/tensor/backend';
import { adam } from '../../src/tensor/adam';
import { linear } from '../../src/tensor/ops';
import { totalSize } from '../../src/tensor/parameters';
import { sizeOf } from '../../src/tensor/shape';
import type { Program } from '../../src/tensor/program';
import { need, tf } from '../../src/tensor/tf';

describe('published configurations', () => {
  it.each(Object.entries(publishedModels))(
    '%s loads, with the number of parameters that others count',
    (_name, { config, parameters }) => {
      const family = familyOf(config);
      const of = (part: string) =>
        parametersOf(family)
          .filter((parameter) => parameter.part === part)
          .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
      expect(Object.fromEntries(partNames.map((part) => [part, of(part)]))).toEqual({
        tower: parameters.tower,
        connector: parameters.connector,
        backbone: parameters.backbone,
      });
      expect(partNames.reduce((sum, part) => sum + of(part), 0)).toBe(parameters.total);
    },
  );

  it.each([
    ['blip2-opt-2.7b', 32],
    ['llava-1.5-7b', 576],
    ['internvl2-1b', 256],
    ['internvl2-2b', 256],
    ['salmonn-13b', 88],
  ] as const)('%s turns one input into %i tokens, as its paper says', (name, tokens) => {
    expect(familyOf(findPublished(name).config).featureTokens).toBe(tokens);
  });

  it('SALMONN trains the published 33 M parameters less those that read BEATs', () => {
    const { trainable } = familyModel(withoutWeights(familyOf(findPublished('salmonn-13b').config)));
    const beats = 2 * 2 * 768 * 768 + 2 * 768; // keys and values of both layers over BEATs' 768 features, and the norm of these
    expect((totalSize(trainable.encoder) + totalSize(trainable.backbone) + beats) / 1e6).toBeCloseTo(33, 0);
  });

  it('a name that is not there is answered with the nearest', () => {
    expect(() => findPublished('lava-1.5-7b')).toThrow(/did you mean llava-1\.5-7b/);
  });
});

describe('costs of a program', () => {
  const scalar = { shape: [], dtype: 'float32' as const };
  const program: Program = {
    inputs: { x: { shape: [7, 5], dtype: 'float32' }, rate: scalar },
    reads: ['w', 'm', 'v'],
    run(inputs, state) {
      const w = need(state, 'w');
      const { value, grads } = tf.valueAndGrads(
        (given) => tf.mean(tf.square(linear(need(inputs, 'x'), given!))) as tf.Scalar,
      )([w]);
      const one = tf.scalar(1),
        flat = (t: tf.Tensor) => tf.reshape(t, [-1]);
      const next = adam({
        theta: flat(w),
        first: need(state, 'm'),
        second: need(state, 'v'),
        gradient: flat(grads[0]!),
        scale: need(inputs, 'rate'),
        beta1: one,
        beta2: one,
        epsilon: one,
      });
      return { outputs: { value }, state: { w: tf.reshape(next.theta, [3, 5]), m: next.first, v: next.second } };
    },
  };
  const shapes = { w: [3, 5], m: [15], v: [15] };

  it('products of a linear layer: forward, and for its weight backward', () => {
    expect(programCost(program, shapes).flops).toBe(2 * (2 * 7 * 5 * 3));
  });

  it('leaves the active backend as it was and no tensor behind', async () => {
    await useBackend({ name: 'cpu' });
    const before = tf.memory().numTensors;
    programCost(program, shapes);
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.memory().numTensors).toBe(before);
    expect(await tf.add(1, 2).data()).toEqual(new Float32Array([3]));
  });

  it('a chain of places gives memory back after the last reader, op by op it does not', () => {
    const chain: Program = {
      inputs: { x: { shape: [1000], dtype: 'float32' } },
      reads: [],
      run: ({ x }) => {
        let y: tf.Tensor = x!;
        for (let i = 0; i < 9; i++) y = tf.transpose(tf.reshape(y, [10, 100]), [1, 0]);
        return { outputs: { y } };
      },
    };
    expect(programCost(chain, {}).activationBytes).toEqual({ recorded: 8000, eager: 36_000 });
    const added: Program = { ...chain, run: ({ x }) => ({ outputs: { y: tf.square(tf.square(tf.square(x!))) } }) };
    expect(programCost(added, {}).activationBytes.recorded).toBe(4000);
  });

  it('says which kernel it does not know', () => {
    expect(() =>
      programCost(
        {
          inputs: { x: { shape: [4], dtype: 'float32' } },
          reads: [],
          run: ({ x }) => ({ outputs: { y: tf.topk(x!, 2).values } }),
        },
        {},
      ),
    ).toThrow(/TopK/);
  });
});
