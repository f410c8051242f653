/**
 * Generation on real models: the tokens of Hugging Face's `generate`, the same logits with and without a cache,
 * batches.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadFamily } from '../../src/models/published';
import { familyModel, type FamilyOptions } from '../../src/models/published/family';
import { padded } from '../../src/models/sequence';
import type { Continuer, Prompt } from '../../src/models/generation/continuer';
import { beamsOf, generate, type Strategy } from '../../src/models/generation/generate';
import { random } from '../../src/random';
import { availableBackends, useBackend, type BackendName } from '../../src/tensor/backend';
import { asFloat32 } from '../../src/tensor/bfloat16';
import { openSession, type Session, type StateValue } from '../../src/tensor/program';
import { answerShape } from '../../src/train/answers';
import { readReference } from '../../src/train/checkReference';
import { predict } from '../../src/train/evaluate';
import { familyLogitsProgram, familyShape } from '../../src/train/familyPrograms';
import {
  continuerOf,
  generationPrograms,
  generationState,
  type GenerationShape,
} from '../../src/train/generationPrograms';
import { initialState, scoreProgram } from '../../src/train/programs';
import { published, referenceFolder, variants } from '../../testing/families';
import { notEmpty } from '../../testing/lists';
import { tinyConfig, tinySetting, type TinyOptions } from '../../testing/tinyModel';
import { tinyPrepared, tinySpec } from '../../testing/tinyTask';
import { optimiserOf } from '../../testing/specs';

interface Case {
  name: string;
  options: {
    end?: number;
    beams?: number;
    lengthPenalty?: number;
    earlyStopping?: boolean | 'never';
    repetitionPenalty?: number;
  };
  expected: { tokens: number[]; score?: number }[];
}
const expected = JSON.parse(readFileSync(join(referenceFolder('.'), 'generation.json'), 'utf8')) as Record<
  string,
  { newTokens: number; prompts: number[][]; cases: Case[] }
>;

const full = { kind: 'full' } as const;
const allFull: FamilyOptions = { tuning: { tower: full, connector: full, backbone: full } };
const noText = () => '';

/** Trained state in place of the start's, so that adapters do something. */
function stirred(state: Record<string, StateValue>, deviation: number): Record<string, StateValue> {
  const theta = state['backbone/theta'];
  if (theta === undefined) return state;
  const source = random(9, 'stirred');
  return {
    ...state,
    'backbone/theta': { ...theta, data: asFloat32(theta.data).map((value) => value + deviation * source.normal()) },
  };
}

/**
 * A reference folder's model with the programs of generation and, for comparison, logits without a cache at the places
 * `asked` of one row.
 */
function openFamily(
  name: string,
  sizes: Pick<GenerationShape, 'prompts' | 'beams' | 'promptTokens' | 'newTokens'>,
  options: FamilyOptions = allFull,
) {
  const model = familyModel(loadFamily(referenceFolder(name)), options);
  const reference = readReference(referenceFolder(name), model);
  const length = sizes.promptTokens + sizes.newTokens;
  const whole = familyShape(model, { batch: 1, tokens: length, labels: sizes.newTokens });
  const shape: GenerationShape = { ...sizes, rows: whole.rows, width: whole.width };
  const setting = {
    model,
    vocabulary: model.composition.decoder.vocabulary,
    optimiser: optimiserOf({ kind: 'adam' }),
    regulariser: { kind: 'none' as const },
  };
  const size = whole.rows * whole.width;
  const features = (row: number) => reference.batch.features.subarray(row * size, (row + 1) * size);
  const session = openSession(
    { ...generationPrograms(model, shape), whole: familyLogitsProgram(model, whole) },
    { ...stirred(initialState(setting, 0), options === allFull ? 0 : 0.05), ...generationState(setting.model, shape) },
  );
  return { model, session, features, continuer: continuerOf(session, setting.model, shape), length };
}

/** A session of the toy model with a prefix of two features. */
function openTiny(
  sizes: Pick<GenerationShape, 'prompts' | 'beams' | 'promptTokens' | 'newTokens'>,
  options: TinyOptions = { tuning: { kind: 'lora', rank: 2, alpha: 4 } },
) {
  const setting = tinySetting(options);
  const shape: GenerationShape = { ...sizes, rows: 4, width: 6 };
  const whole = {
    batch: 1,
    tokens: sizes.promptTokens + sizes.newTokens,
    labels: 1,
    rows: 4,
    width: 6,
    prefixTokens: 2,
  };
  const { model } = setting;
  const session = openSession(
    { ...generationPrograms(model, shape), score: scoreProgram(setting, whole) },
    { ...stirred(initialState(setting, 3), 0.1), ...generationState(model, shape) },
  );
  return { session, whole, continuer: continuerOf(session, model, shape) };
}

/** Greedy tokens of one prompt and the logits behind each. */
async function greedySteps(
  continuer: Continuer,
  prompt: Prompt,
  count: number,
): Promise<{ tokens: number[]; logits: Float32Array[] }> {
  const tokens: number[] = [];
  let table = await continuer.begin([prompt]);
  const width = table.length / continuer.prompts;
  const logits: Float32Array[] = [];
  for (let slot = 0; ; slot++) {
    logits.push(table.slice(0, width));
    tokens.push(table.slice(0, width).reduce((best, value, id, all) => (value > all[best]! ? id : best), 0));
    if (tokens.length === count) return { tokens, logits };
    const rows = continuer.prompts * continuer.beams;
    const filled = (value: number) => [value, ...new Array<number>(rows - 1).fill(0)];
    table = await continuer.next({
      ids: filled(tokens.at(-1)!),
      parents: filled(0),
      positions: filled(continuer.before + prompt.tokens.length + slot),
      slot,
    });
  }
}

/** Largest difference relative to the largest magnitude. */
function relative(found: Float32Array, wanted: Float32Array): number {
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0) / largest;
}

/** Logits without a cache: the whole text read anew, at its last place. */
async function uncached(
  session: Session,
  features: Float32Array,
  tokens: number[],
  length: number,
  before: number,
  count: number,
): Promise<Float32Array> {
  const { logits } = await session.run('whole', {
    features,
    tokens: Int32Array.from({ length }, (_, i) => tokens[i] ?? padded(0)),
    positions: new Int32Array(count).fill(before + tokens.length - 1),
  });
  return logits!.slice(0, logits!.length / count);
}

const there = availableBackends()
  .filter(({ name, available }) => available && name !== 'webgpu')
  .map(({ name }) => name);

describe.each(there)('on %s', (backend: BackendName) => {
  beforeAll(async () => {
    await useBackend({ name: backend, threads: 1 });
  });

  // The plain JavaScript backend is slow and shares its programs with wasm.
  describe.runIf(backend !== 'cpu')('tokens of transformers', () => {
    // Opening a recorded session takes half a second, so TensorFlow is held to fewer.
    const isRecorded = backend === 'tensorflow';
    it.each(isRecorded ? ['blip2-opt', 'llava-grouped', 'salmonn-whisper'] : [...published, ...variants])(
      '%s: greedy and beams, both prompts at once',
      async (name) => {
        const { prompts, newTokens, cases } = expected[name]!;
        const promptTokens = Math.max(...prompts.map((prompt) => prompt.length));
        expect(cases.length).toBeGreaterThanOrEqual(9);
        for (const beams of notEmpty(isRecorded ? [1, 4] : new Set(cases.map(({ options }) => options.beams ?? 1)))) {
          const { session, continuer, features } = openFamily(name, { prompts: 2, beams, promptTokens, newTokens });
          expect(session.notice).toBeUndefined();
          for (const { name: what, options, expected: answers } of notEmpty(
            cases.filter((one) => (one.options.beams ?? 1) === beams),
          )) {
            const { end, repetitionPenalty = 1, ...rest } = options;
            const strategy: Strategy = beams === 1 ? { kind: 'greedy' } : { kind: 'beam', beams, ...rest };
            expect(beamsOf(strategy)).toBe(beams);
            const found = await generate(
              continuer,
              prompts.map((tokens, row) => ({ features: features(row), tokens })),
              noText,
              { strategy, newTokens, repetitionPenalty, endTokens: end === undefined ? [] : [end] },
            );
            notEmpty(found).forEach(({ tokens, logProbability, finishReason }, row) => {
              const answer = answers[row]!;
              expect(tokens, `${what}, row ${row}`).toEqual(answer.tokens);
              expect(finishReason).toBe(tokens.at(-1) === end ? 'end' : 'length');
              if (answer.score !== undefined && repetitionPenalty === 1)
                expect(logProbability / tokens.length ** (options.lengthPenalty ?? 1)).toBeCloseTo(answer.score, 4);
            });
          }
          session.dispose();
        }
      },
    );
  });

  describe('with a cache and without', () => {
    const lora: FamilyOptions = {
      tuning: { tower: { kind: 'frozen' }, connector: full, backbone: { kind: 'lora', rank: 2, alpha: 4 } },
    };
    // OPT's learned positions, grouped keys with wide heads and scaled positions, Qwen2's biases, audio before the
    // text.
    const families = [
      ['blip2-postnorm', lora],
      ['llava-grouped', lora],
      ['internvl2', allFull],
      ...(backend === 'wasm'
        ? ([
            ['blip2-opt', allFull],
            ['internvl2-normalised', lora],
            ['salmonn-whisper', lora],
          ] as const)
        : []),
    ] as const;
    it.each(families)('%s: equal logits and tokens', async (name, options) => {
      const prompt = expected[name]!.prompts[1]!;
      // Room for a longer prompt, so that padding stands between prompt and new tokens.
      const { session, continuer, features, length } = openFamily(
        name,
        { prompts: 2, beams: 1, promptTokens: prompt.length + 2, newTokens: 8 },
        options,
      );
      const { tokens, logits } = await greedySteps(continuer, { features: features(1), tokens: prompt }, 8);
      for (const [i, table] of notEmpty(logits.entries())) {
        const plain = await uncached(
          session,
          features(1),
          [...prompt, ...tokens.slice(0, i)],
          length,
          continuer.before,
          8,
        );
        expect(relative(table, plain)).toBeLessThan(1e-5);
        expect(plain.indexOf(Math.max(...plain))).toBe(tokens[i]);
      }
      session.dispose();
    });

    it.each([
      ['soft prefix, grouped keys, LoRA', undefined],
      [
        "InternLM2's fused matrix and biases, trained in full",
        {
          tuning: full,
          config: { ...tinyConfig, variant: { fused: true, bias: { qkv: true, output: true, feedForward: false } } },
        },
      ],
    ] as const)("a run's model: %s", async (_name, options) => {
      const { session, continuer, whole } = openTiny({ prompts: 3, beams: 1, promptTokens: 5, newTokens: 6 }, options);
      const source = random(4, 'features');
      const prompt: Prompt = { features: Float32Array.from({ length: 24 }, () => source.normal()), tokens: [4, 7, 11] };
      const { tokens, logits } = await greedySteps(continuer, prompt, 6);
      for (const [i, table] of notEmpty(logits.entries())) {
        const text = [...prompt.tokens, ...tokens.slice(0, i)];
        const { first } = await session.run('score', {
          features: prompt.features,
          tokens: Int32Array.from({ length: whole.tokens }, (_, at) => text[at] ?? 0),
          positions: Int32Array.from([2 + text.length]),
          labels: new Int32Array(1),
          mask: new Float32Array([1]),
        });
        const total = Math.log(table.reduce((sum, value) => sum + Math.exp(value), 0));
        expect(
          relative(
            table.map((value) => value - total),
            first!,
          ),
        ).toBeLessThan(1e-5);
      }
      session.dispose();
    });
  });

  it('an evaluation generates the same with a cache as by scoring passes', async () => {
    const spec = tinySpec();
    const short = tinyPrepared(spec);
    expect(answerShape(short, 4)).toBeNull(); // answers of three tokens
    const prepared = { ...short, shape: (batch: number) => ({ ...short.shape(batch), tokens: 7, labels: 4 }) };
    const shape = answerShape(prepared, 4)!;
    expect(shape).toMatchObject({ promptTokens: 3, newTokens: 4 });
    const setting = {
      model: prepared.model,
      vocabulary: prepared.codec.vocabulary.ids.length,
      optimiser: spec.optimiser,
      regulariser: spec.regulariser,
    };
    const session = openSession(
      { score: scoreProgram(setting, prepared.shape(4)), ...generationPrograms(prepared.model, shape) },
      { ...stirred(initialState(setting, 3), 0.2), ...generationState(prepared.model, shape) },
    );
    const answers = async (more: { continuer?: Continuer }) =>
      (
        await predict(session, prepared.items.evaluation, prepared.codec, prepared.features, prepared.shape(4), {
          generate: true,
          ...more,
        })
      ).map(({ generated }) => generated);
    const cached = await answers({ continuer: continuerOf(session, prepared.model, shape) });
    expect(cached).toEqual(await answers({}));
    expect(new Set(cached).size).toBeGreaterThan(1);
    session.dispose();
  });

  it.each([
    { kind: 'greedy' },
    { kind: 'beam', beams: 3, lengthPenalty: 0.7 },
    { kind: 'sample', seed: 6, temperature: 1.5, topK: 9, topP: 0.9 },
  ] as const)('$kind: batches of prompts of many lengths give what each gives alone', async (strategy) => {
    const open = (prompts: number) => openTiny({ prompts, beams: beamsOf(strategy), promptTokens: 9, newTokens: 7 });
    const [batch, single] = [open(4), open(1)];
    const prompts = Array.from({ length: 7 }, (_, i): Prompt => {
      const source = random(i, 'prompt');
      return {
        features: Float32Array.from({ length: 24 }, () => source.normal()),
        tokens: Array.from({ length: 1 + ((i * 5) % 9) }, () => 2 + source.integer(tinyConfig.vocabulary - 2)),
        key: `question ${i}`,
      };
    });
    const options = { strategy, newTokens: 7, endTokens: [0, 1] };
    const together = await generate(batch.continuer, prompts, (ids) => ids.join(' '), options);
    expect(new Set(together.map(({ text }) => text)).size).toBeGreaterThan(3);
    for (const [i, prompt] of notEmpty(prompts.entries())) {
      const [alone] = await generate(single.continuer, [prompt], (ids) => ids.join(' '), options);
      expect(together[i]!.tokens).toEqual(alone!.tokens);
      expect(together[i]!.finishReason).toBe(alone!.finishReason);
      expect(Math.abs(together[i]!.logProbability - alone!.logProbability)).toBeLessThan(1e-4);
    }
    batch.session.dispose();
    single.session.dispose();
  });
});
