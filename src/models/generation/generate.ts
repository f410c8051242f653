/**
 * Generation of texts: greedy, by beam search or by sampling. Prompts of a batch are padded on the right, because then
 * every token has the place, and so the rotary angle or the position, that it has alone; the new tokens' cache is apart
 * from the prompts', so nothing must be aligned. A prompt's text does not depend on what else is in its batch.
 */
import { UserError, type Problem } from '../../problems';
import { random } from '../../random';
import type { Continuer, Prompt } from './continuer';
import type { SampleFilter } from './choose';
import { beamSearch, singleSearch, type BeamOptions, type Continued, type FinishReason, type Search } from './search';

export type { Prompt } from './continuer';

export type Strategy =
  | { kind: 'greedy' }
  | ({ kind: 'beam' } & BeamOptions)
  | ({
      kind: 'sample';
      /** equal seeds give equal texts */
      seed: number;
    } & SampleFilter);

export interface GenerationOptions {
  strategy: Strategy;
  /** tokens after the prompt at most */
  newTokens: number;
  /** ids that end a text */
  endTokens?: readonly number[];
  /** strings that end a text, wherever tokens begin and end; the text is cut before the first */
  stop?: readonly string[];
  /** above 1, scores of ids that occur in prompt or text become smaller; default 1 */
  repetitionPenalty?: number;
  signal?: AbortSignal;
  /** told after each batch */
  onProgress?: (done: number, total: number) => void;
}

export interface Generated extends Continued {
  /** without end token, up to the first stop string */
  text: string;
}

/** Rows that a strategy needs for each prompt. */
export const beamsOf = (strategy: Strategy): number => (strategy.kind === 'beam' ? strategy.beams : 1);

/** Problems of options from outside, all at once; `where` is their place. */
function generationProblems(options: GenerationOptions, where: string): Problem[] {
  const problems: Problem[] = [];
  const check = (name: string, value: unknown, expected: string, isGood: boolean) => {
    if (!isGood) problems.push({ where: `${where}/${name}`, what: JSON.stringify(value) ?? String(value), expected });
  };
  const whole = (name: string, value: number, most: number) =>
    check(name, value, `a whole number from 1 to ${most}`, Number.isInteger(value) && value >= 1 && value <= most);
  const positive = (name: string, value: number | undefined) =>
    check(name, value, 'a number above 0', value === undefined || (Number.isFinite(value) && value > 0));
  const { strategy, newTokens, endTokens = [], stop = [] } = options;
  whole('newTokens', newTokens, 2 ** 20);
  endTokens.forEach((id, i) => check(`endTokens/${i}`, id, 'a token id', Number.isInteger(id) && id >= 0));
  stop.forEach((text, i) => check(`stop/${i}`, text, 'a string that is not empty', text !== ''));
  positive('repetitionPenalty', options.repetitionPenalty);
  if (strategy.kind === 'beam') {
    whole('beams', strategy.beams, 1024);
    check(
      'lengthPenalty',
      strategy.lengthPenalty,
      'a number',
      strategy.lengthPenalty === undefined || Number.isFinite(strategy.lengthPenalty),
    );
  }
  if (strategy.kind === 'sample') {
    positive('temperature', strategy.temperature);
    if (strategy.topK !== undefined) whole('topK', strategy.topK, 2 ** 24);
    check(
      'topP',
      strategy.topP,
      'a number above 0, at most 1',
      strategy.topP === undefined || (strategy.topP > 0 && strategy.topP <= 1),
    );
  }
  return problems;
}

/**
 * Continues all prompts; results in their order. `decode` gives the text of ids.
 * @throws UserError for options or prompts that are wrong, and when prompt and new tokens exceed the model's context
 */
export async function generate(
  continuer: Continuer,
  prompts: readonly Prompt[],
  decode: (ids: number[]) => string,
  options: GenerationOptions,
): Promise<Generated[]> {
  const problems = [
    ...generationProblems(options, 'generation'),
    ...prompts.flatMap((prompt, i) => promptProblems(continuer, prompt, i, options.newTokens)),
  ];
  if (problems.length > 0) throw new UserError(problems);
  if (beamsOf(options.strategy) !== continuer.beams || options.newTokens > continuer.newTokens)
    throw new Error(
      `${beamsOf(options.strategy)} beams and ${options.newTokens} tokens; the programs are for ${continuer.beams} and ${continuer.newTokens}`,
    );
  const out: Generated[] = [];
  for (let from = 0; from < prompts.length; from += continuer.prompts) {
    const batch = prompts.slice(from, from + continuer.prompts);
    const searches = batch.map((prompt, i) => searchOf(prompt, from + i, decode, options));
    await continueAll(continuer, batch, searches, options.signal);
    for (const search of searches) {
      const continued = search.result();
      out.push({ ...continued, text: textOf(continued, decode, options) });
    }
    options.onProgress?.(out.length, prompts.length);
  }
  return out;
}

function promptProblems(continuer: Continuer, { tokens }: Prompt, at: number, newTokens: number): Problem[] {
  const { before, context } = continuer;
  const length = before + tokens.length;
  const where = `prompt ${at}`;
  if (length === 0) return [{ where, what: 'it is empty', expected: 'at least one token' }];
  if (length + newTokens > context)
    return [
      {
        where,
        what: `${length} tokens, and ${newTokens} new ones`,
        expected: `together at most the model's context of ${context}`,
        hint: 'ask for fewer new tokens, or shorten the prompt',
      },
    ];
  if (tokens.length > continuer.promptTokens)
    return [
      {
        where,
        what: `${tokens.length} tokens of text`,
        expected: `at most ${continuer.promptTokens}, for which the programs were made`,
      },
    ];
  return [];
}

function searchOf(prompt: Prompt, at: number, decode: (ids: number[]) => string, options: GenerationOptions): Search {
  const { strategy, newTokens, endTokens = [], stop = [], repetitionPenalty = 1 } = options;
  const ending = (tokens: readonly number[]): FinishReason | null => {
    if (endTokens.includes(tokens.at(-1)!)) return 'end';
    if (stop.length > 0 && stopsAt(decode([...tokens]), stop) >= 0) return 'stop';
    return tokens.length >= newTokens ? 'length' : null;
  };
  const setting = { prompt: prompt.tokens, ending, penalty: repetitionPenalty };
  switch (strategy.kind) {
    case 'greedy':
      return singleSearch(setting);
    case 'beam':
      return beamSearch(setting, strategy, endTokens.length, newTokens);
    case 'sample': {
      const purpose = `generation/${prompt.key ?? at}`;
      return singleSearch(setting, { ...strategy, uniform: (step) => random(strategy.seed, purpose, step).uniform() });
    }
  }
}

/** Runs the searches of one batch to their ends. */
async function continueAll(
  continuer: Continuer,
  batch: readonly Prompt[],
  searches: readonly Search[],
  signal?: AbortSignal,
): Promise<void> {
  const { beams, before } = continuer;
  const rows = continuer.prompts * beams;
  let logits = await continuer.begin(batch);
  const width = logits.length / continuer.prompts;
  for (let slot = 0; ; slot++) {
    await new Promise((resolve) => setImmediate(resolve)); // so that `signal` can fire: a backend's promises may all be resolved
    signal?.throwIfAborted();
    const each = slot === 0 ? 1 : beams;
    const ids = new Array<number>(rows).fill(0),
      parents = Array.from({ length: rows }, (_, row) => row),
      positions = new Array<number>(rows).fill(0);
    let isOpen = false;
    searches.forEach((search, i) => {
      const mine = Array.from({ length: each }, (_, beam) =>
        logits.subarray((i * each + beam) * width, (i * each + beam + 1) * width),
      );
      search.advance(mine)?.forEach(({ token, parent }, beam) => {
        isOpen = true;
        ids[i * beams + beam] = token;
        parents[i * beams + beam] = i * beams + parent;
        positions[i * beams + beam] = before + batch[i]!.tokens.length + slot;
      });
    });
    if (!isOpen) return;
    logits = await continuer.next({ ids, parents, positions, slot });
  }
}

/** Where the first stop string begins in a text; -1 when there is none. */
function stopsAt(text: string, stop: readonly string[]): number {
  const places = stop.map((end) => text.indexOf(end)).filter((at) => at >= 0);
  return places.length === 0 ? -1 : Math.min(...places);
}

function textOf(
  { tokens, finishReason }: Continued,
  decode: (ids: number[]) => string,
  { stop = [] }: GenerationOptions,
): string {
  const text = decode(finishReason === 'end' ? tokens.slice(0, -1) : tokens);
  const at = stopsAt(text, stop);
  return at < 0 ? text : text.slice(0, at);
}
