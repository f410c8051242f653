/**
 * Tokens a second of greedy generation with a key/value cache and without, by stories15M with its whole vocabulary:
 *     node -r ts-node/register bench/generation.ts [BACKEND ...]
 * Without a cache the whole text is read anew for each token, in passes of the full length. Medians of five, one
 * thread. Needs the weights.
 */
import { completeSpec } from '../src/parts/define';
import { optimisers } from '../src/tensor/optimiserKinds';
import { pruneVocabulary } from '../src/text/tokenizer';
import { loadBackbone, loadTokenizer } from '../src/models/zoo/backbones';
import { argmax } from '../src/models/generation/choose';
import type { Continuer, Prompt } from '../src/models/generation/continuer';
import { generate } from '../src/models/generation/generate';
import type { GenerativeModel } from '../src/models/multimodal';
import { zooModel } from '../src/models/zoo/compose';
import { random } from '../src/random';
import { useBackend, type BackendName } from '../src/tensor/backend';
import { openSession, type StateValue } from '../src/tensor/program';
import {
  continuerOf,
  generationPrograms,
  generationState,
  type GenerationShape,
} from '../src/train/generationPrograms';
import { initialState } from '../src/train/programs';

const rounds = 5;
const text = 'Once upon a time there was a little girl who';
const features = { rows: 4, width: 64 };

/** What is measured, opened once a backend. */
interface Opened {
  model: GenerativeModel;
  state: Record<string, StateValue>;
  /** of the text, in the ids of the model */
  tokens: number[];
  decode: (ids: number[]) => string;
}

async function open(): Promise<Opened> {
  const tokenizer = await loadTokenizer('stories15m');
  const vocabulary = pruneVocabulary(
    [],
    tokenizer,
    Array.from({ length: tokenizer.vocabulary }, (_, id) => id),
  );
  const model = zooModel(
    { connector: { kind: 'mlp', tokens: 4, width: 64 }, tuning: { backbone: { kind: 'frozen' } } },
    features,
    await loadBackbone('stories15m', tokenizer, vocabulary),
  );
  const optimiser = completeSpec(optimisers, { kind: 'adam' });
  const trained = { model, vocabulary: vocabulary.ids.length, optimiser, regulariser: { kind: 'none' as const } };
  return {
    model,
    state: initialState(trained, 1),
    tokens: tokenizer.encode(text).map((id) => vocabulary.toPruned.get(id)!),
    decode: (ids) => tokenizer.decode(ids.map((id) => vocabulary.ids[id]!)),
  };
}

/** Median seconds of one pass over all prompts, and what it gave. */
async function speed(
  { model, state }: Opened,
  shape: GenerationShape,
  run: (continuer: Continuer) => Promise<number[][]>,
): Promise<{ seconds: number; tokens: number[][] }> {
  const session = openSession(generationPrograms(model, shape), { ...state, ...generationState(model, shape) });
  const continuer = continuerOf(session, model, shape);
  let out = await run(continuer);
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    out = await run(continuer);
    seconds.push((performance.now() - begun) / 1000);
  }
  session.dispose();
  return { seconds: seconds.sort((a, b) => a - b)[Math.floor(rounds / 2)]!, tokens: out };
}

/** The same tokens without a cache: the whole text is read anew for each. */
async function withoutCache(continuer: Continuer, prompts: readonly Prompt[], newTokens: number): Promise<number[][]> {
  const texts = prompts.map((prompt) => [...prompt.tokens]);
  for (let i = 0; i < newTokens; i++) {
    const logits = await continuer.begin(prompts.map((prompt, row) => ({ ...prompt, tokens: texts[row]! })));
    const width = logits.length / prompts.length;
    texts.forEach((ids, row) => ids.push(argmax(logits.subarray(row * width, (row + 1) * width))));
  }
  return texts.map((ids, row) => ids.slice(prompts[row]!.tokens.length));
}

/** One line: so many prompts at once, so many new tokens, with a cache and without. */
async function compare(backend: BackendName, opened: Opened, batch: number, newTokens: number): Promise<void> {
  const { tokens, decode } = opened;
  const prompts = Array.from({ length: batch }, (_, i): Prompt => {
    const source = random(i, 'features');
    return { tokens, features: Float32Array.from({ length: features.rows * features.width }, () => source.normal()) };
  });
  const sizes = { prompts: batch, beams: 1, ...features };
  const cached = await speed(opened, { ...sizes, promptTokens: tokens.length, newTokens }, async (continuer) =>
    (await generate(continuer, prompts, decode, { strategy: { kind: 'greedy' }, newTokens })).map((one) => one.tokens),
  );
  const wholeText = { ...sizes, promptTokens: tokens.length + newTokens, newTokens: 1 };
  const uncached = await speed(opened, wholeText, (continuer) => withoutCache(continuer, prompts, newTokens));
  const same = JSON.stringify(cached.tokens) === JSON.stringify(uncached.tokens) ? 'same tokens' : 'OTHER TOKENS';
  const perSecond = ({ seconds }: { seconds: number }) => Math.round((batch * newTokens) / seconds);
  console.log(
    `${backend}, ${batch} at once, ${newTokens} tokens: ${perSecond(cached)} tokens/s with a cache, ${perSecond(uncached)} without (${(uncached.seconds / cached.seconds).toFixed(1)}x), ${same}`,
  );
}

async function measure(backend: BackendName): Promise<void> {
  await useBackend({ name: backend, threads: 1 });
  const opened = await open();
  for (const batch of [1, 8]) for (const newTokens of [16, 64]) await compare(backend, opened, batch, newTokens);
}

async function main(): Promise<void> {
  for (const backend of process.argv.length > 2 ? process.argv.slice(2) : ['tensorflow', 'wasm'])
    await measure(backend as BackendName);
}
void main();
