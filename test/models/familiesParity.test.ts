/** The four families against Hugging Face: forward pass, loss, gradients and kappa (test/fixtures/families). */
import { describe, expect, it, beforeAll } from 'vitest';
import { availableBackends, useBackend, type BackendName } from '../../src/tensor/backend';
import { checkModel } from '../../src/train/checkModel';
import { copyOf, edit, published, referenceFolder, variants } from '../../testing/families';

const there = availableBackends()
  .filter(({ name, available }) => available && (name === 'wasm' || name === 'tensorflow'))
  .map(({ name }) => name);

describe.each(there)('on %s', (backend: BackendName) => {
  beforeAll(async () => {
    await useBackend({ name: backend, threads: 1 });
  });
  it.each([...published, ...variants])('%s agrees within all bounds', async (name) => {
    const report = await checkModel(referenceFolder(name));
    expect(report.failures).toEqual([]);
    expect(report.notices).toEqual([]);
    expect(report.trajectory).toHaveLength(10);
    expect(report.parameters).toMatchObject(report.parameters.expected!);
    // Far inside the bounds, so that a bound is not met by luck.
    expect(report.logits.absolute).toBeLessThan(1e-5);
    expect(report.worst.kappa).toBeLessThan(3e-4);
  });
});

describe('a check that can fail', () => {
  beforeAll(async () => {
    await useBackend({ name: 'wasm', threads: 1 });
  });
  it.each([
    [
      'kappa of one step',
      'expected.json',
      (value: Record<string, unknown>) => void ((value['trajectory'] as { kappa: number }[])[7]!.kappa *= 1.002),
      /^step 7, kappa, relative/,
    ],
    [
      'an activation',
      'config.json',
      (value: Record<string, unknown>) =>
        void ((value['vision_config'] as Record<string, unknown>)['hidden_act'] = 'quick_gelu'),
      /^logits, absolute/,
    ],
    [
      'the vision layer',
      'config.json',
      (value: Record<string, unknown>) => void (value['vision_feature_layer'] = -1),
      /^features, absolute/,
    ],
    [
      'the base of rotary positions',
      'config.json',
      (value: Record<string, unknown>) =>
        void ((value['text_config'] as { rope_parameters: { rope_theta: number } }).rope_parameters.rope_theta = 9000),
      /^logits, absolute/,
    ],
    [
      'the number of parameters',
      'expected.json',
      (value: Record<string, unknown>) => void ((value['parameters'] as { encoder: number }).encoder += 1),
      /^parameters: encoder 25664/,
    ],
  ])('tells of another %s', async (_what, file, change, failure) => {
    const folder = copyOf('llava-1.5');
    edit(folder, file, change);
    expect((await checkModel(folder)).failures.join('\n')).toMatch(new RegExp(failure.source, 'm'));
  });

  it('refuses inputs that do not fit, with the place', async () => {
    const folder = copyOf('llava-1.5');
    edit(folder, 'config.json', (value) => void (value['image_token_index'] = 95));
    await expect(checkModel(folder)).rejects.toThrow(/placeholders \(id 95\) in row 0; expected 4/);
    edit(folder, 'expected.json', (value) => void (value['trajectory'] = []));
    edit(folder, 'config.json', (value) => void (value['image_token_index'] = 96));
    await expect(checkModel(folder)).rejects.toThrow(/no trajectory/);
  });
});
