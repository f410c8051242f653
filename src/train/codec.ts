/**
 * Texts of a run as ids of its model, and back: prompts of the small backbones, or turns of a conversation in a
 * published family's template.
 */
import { answerIds, promptIds, unwrapped, type PrunedVocabulary, type Tokenizer } from '../text/tokenizer';
import type { Processor } from '../models/published/processors';
import { userError } from '../problems';

export interface TextCodec<Vocabulary extends Pick<PrunedVocabulary, 'ids'> = Pick<PrunedVocabulary, 'ids'>> {
  /** ids of the full vocabulary; the place of an id in this list is the id that programs know */
  vocabulary: Vocabulary;
  /** ends an answer */
  end: number;
  /**
   * what stands before a prompt about a medium among a row's own tokens: the head of a conversation and a place for each
   * feature, where images have different numbers of tiles; left out where a row's tokens are its text alone
   */
  lead?(media: string): readonly number[];
  /** what stands between the prefix and the answer */
  prompt(text: string): readonly number[];
  /** an answer as it continues its prompt, without the end */
  answer(prompt: string, answer: string): readonly number[];
  /** text of ids, up to the end of the answer */
  decode(ids: readonly number[]): string;
}

/**
 * Prompts and answers over a pruned vocabulary: an answer is encoded by itself, whatever its prompt is. `prompt` and
 * `answer` throw Error for a token outside the pruned vocabulary (a fault of ours: every text of the set was counted),
 * and UserError for a text that a model of conversations cannot read.
 */
export function prunedCodec(tokenizer: Tokenizer, vocabulary: PrunedVocabulary): TextCodec<PrunedVocabulary> {
  const end = vocabulary.toPruned.get(tokenizer.answerEnd)!;
  const inVocabulary = (encode: (of: Tokenizer, text: string) => number[]) =>
    remembered((text) =>
      encode(tokenizer, text).map((id) => {
        const pruned = vocabulary.toPruned.get(id);
        if (pruned === undefined)
          throw new Error(`token ${id} of ${JSON.stringify(text)} is not in the pruned vocabulary`);
        return pruned;
      }),
    );
  const answer = inVocabulary(answerIds);
  return {
    vocabulary,
    end,
    prompt: inVocabulary(promptIds),
    answer: (_prompt, text) => answer(text),
    decode: (ids) => tokenizer.decode(upTo(end, ids).map((id) => vocabulary.ids[id]!)).trim(),
  };
}

/**
 * Each question and answer as the only turn of a conversation about one image or sound, in the template of a published
 * checkpoint and over its whole vocabulary. `head` is what stands before the features: it belongs to the template and
 * is the same for every question. The text of prompts begins behind the features; the default wording of released
 * questions is taken off them. Throws UserError for text that the template cannot hold, and where prompt and answer
 * have a token in common.
 */
export function conversationCodec(processor: Processor): { codec: TextCodec; head: number[] } {
  const { family, tokenizer } = processor;
  const turn = (question: string, answer: string | null) => {
    const { inputIds, labels, featureRanges } = processor.text(
      { turns: [{ question: unwrapped(question), answer }] },
      [1],
    );
    const { from, to } = featureRanges[0]!;
    return { head: [...inputIds.subarray(0, from)], ids: [...inputIds.subarray(to)], labels: [...labels.subarray(to)] };
  };
  const sample = turn('What is it?', 'It');
  const head = sample.head;
  const end = sample.labels.findLast((label) => label >= 0)!;
  const prompt = remembered((text) => {
    const { head: own, ids } = turn(text, null);
    if (own.join() !== head.join())
      throw new Error(`what stands before the features of ${JSON.stringify(text)} differs from other questions`);
    return ids;
  });
  const answers = remembered((question) => {
    const before = prompt(question);
    return remembered((answer) => {
      const { ids, labels } = turn(question, answer);
      const from = labels.findIndex((label) => label >= 0),
        to = labels.findLastIndex((label) => label >= 0);
      const where = `question ${JSON.stringify(question.slice(0, 80))} with answer ${JSON.stringify(answer.slice(0, 80))}`;
      if (ids.slice(0, from).join() !== before.join())
        throw userError({
          where,
          what: 'the tokenizer joins the end of the prompt and the beginning of the answer in one token',
          expected: 'an answer that leaves the tokens of its prompt as they are',
        });
      if (ids[to] !== end)
        throw userError({
          where,
          what: 'the tokenizer joins the end of the answer and what ends it in one token',
          expected: 'an answer that is followed by the end as it is',
        });
      return ids.slice(from, to);
    });
  });
  return {
    head,
    codec: {
      vocabulary: { ids: Array.from({ length: family.decoder.vocabulary }, (_, id) => id) },
      end,
      prompt,
      answer: (question, answer) => answers(question)(answer),
      // A model may have ids that its tokenizer has no token for.
      decode: (ids) => tokenizer.decode(upTo(end, ids).filter((id) => tokenizer.token(id) !== undefined)).trim(),
    },
  };
}

function upTo(end: number, ids: readonly number[]): readonly number[] {
  const at = ids.indexOf(end);
  return at < 0 ? ids : ids.slice(0, at);
}

/** Each text once: questions of a set and their answers repeat. What throws is not remembered. */
function remembered<Made extends object>(make: (text: string) => Made): (text: string) => Made {
  const known = new Map<string, Made>();
  return (text) => {
    const found = known.get(text) ?? make(text);
    known.set(text, found);
    return found;
  };
}
