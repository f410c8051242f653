/** Checks of the files of a tokenizer, which may be hostile: vocabulary, merges, and added tokens of both files. */
import { isObject, type JsonObject } from '../json';
import { type Problem, UserError } from '../problems';

/** Limits far above any published tokenizer. */
export const tokenizerLimits = {
  /** bytes of tokenizer.json */
  bytes: 64 * 2 ** 20,
  ids: 2 ** 23,
  /** characters of a token */
  token: 4096,
  /** characters of a text */
  text: 2 ** 20,
} as const;

/** A token beside the vocabulary. */
export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
}

const isId = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < tokenizerLimits.ids;

/** More problems than this are not looked for. */
const mostProblems = 20;

/** The tokens of both files. Throws UserError with every problem found. */
export function checkedTokens(
  tokenizer: JsonObject,
  config: JsonObject,
  where: string,
  whereConfig: string,
): { vocabulary: Map<string, number>; added: AddedToken[] } {
  const problems: Problem[] = [];
  const vocabulary = checkedVocabulary(tokenizer['model'], `${where} /model`, problems);
  const added = addedTokens(tokenizer['added_tokens'], config['added_tokens_decoder'], where, whereConfig, problems);
  for (const { id, content } of added) {
    const known = vocabulary.get(content);
    if (known !== undefined && known !== id)
      problems.push({
        where: `${where} /added_tokens`,
        what: `${JSON.stringify(content)} has id ${id}, but ${known} in the vocabulary`,
        expected: 'one id',
      });
  }
  if (problems.length === 0 && !writesEverything(tokenizer, vocabulary)) {
    problems.push({
      where: `${where} /model`,
      what: 'some text has no token, and would be left out without a word',
      expected: 'byte_fallback or a byte-level pre-tokenizer with all 256 bytes, or an unk_token of the vocabulary',
    });
  }
  if (problems.length > 0) throw new UserError(problems.slice(0, mostProblems));
  return { vocabulary, added };
}

/** Ids by token of a byte-pair model; merges must lead to tokens of the vocabulary. */
function checkedVocabulary(model: unknown, where: string, problems: Problem[]): Map<string, number> {
  const type = isObject(model) ? (model['type'] ?? 'BPE') : undefined;
  if (!isObject(model) || type !== 'BPE') {
    problems.push({
      where: `${where}/type`,
      what: JSON.stringify(type) ?? 'missing',
      expected: '"BPE": byte-pair encoding, which all four families have',
    });
    return new Map();
  }
  const vocabulary = idsByToken(model['vocab'], `${where}/vocab`, problems);
  if (problems.length < mostProblems) checkMerges(model['merges'], vocabulary, `${where}/merges`, problems);
  return vocabulary;
}

/** The ids of `vocab`, each once. */
function idsByToken(vocab: unknown, where: string, problems: Problem[]): Map<string, number> {
  const vocabulary = new Map<string, number>();
  if (!isObject(vocab) || Object.keys(vocab).length === 0)
    problems.push({ where, what: isObject(vocab) ? 'no token' : 'is not an object', expected: 'ids by token' });
  const seen = new Map<number, string>();
  for (const [token, id] of Object.entries(isObject(vocab) ? vocab : {})) {
    if (!isId(id))
      problems.push({
        where,
        what: `${JSON.stringify(token.slice(0, 40))} has id ${JSON.stringify(id)?.slice(0, 40)}`,
        expected: `a whole number from 0 to ${tokenizerLimits.ids - 1}`,
      });
    else if (seen.has(id))
      problems.push({
        where,
        what: `${JSON.stringify(token.slice(0, 40))} and ${JSON.stringify(seen.get(id)?.slice(0, 40))} share id ${id}`,
        expected: 'one token an id',
      });
    else {
      seen.set(id, token);
      vocabulary.set(token, id);
    }
    if (problems.length >= mostProblems) return vocabulary;
  }
  return vocabulary;
}

/** Each merge must be of two tokens whose union is one. */
function checkMerges(
  merges: unknown,
  vocabulary: ReadonlyMap<string, number>,
  where: string,
  problems: Problem[],
): void {
  if (!Array.isArray(merges)) {
    problems.push({ where, what: 'is not a list', expected: 'a list of pairs' });
    return;
  }
  for (const [i, merge] of (merges as unknown[]).entries()) {
    const pair = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? (merge as unknown[]) : [];
    const [left, right] = pair;
    const valid =
      pair.length === 2 &&
      typeof left === 'string' &&
      typeof right === 'string' &&
      vocabulary.has(left) &&
      vocabulary.has(right) &&
      vocabulary.has(left + right);
    if (!valid)
      problems.push({
        where: `${where}/${i}`,
        what: JSON.stringify(merge)?.slice(0, 80) ?? 'missing',
        expected: 'two tokens of the vocabulary whose union is one',
      });
    if (problems.length >= mostProblems) return;
  }
}

/** Whether every text has tokens: by bytes, or by one that stands for the unknown. */
function writesEverything(tokenizer: JsonObject, vocabulary: ReadonlyMap<string, number>): boolean {
  const { byte_fallback: fallback, unk_token: unknown } = tokenizer['model'] as JsonObject;
  if (typeof unknown === 'string' && vocabulary.has(unknown)) return true;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  if (fallback === true)
    return bytes.every((byte) => vocabulary.has(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
  const isByteLevel = (part: unknown): boolean =>
    isObject(part) &&
    (part['type'] === 'ByteLevel' ||
      [part['pretokenizers'], part['normalizers']].some((list) => Array.isArray(list) && list.some(isByteLevel)));
  if (!isByteLevel(tokenizer['pre_tokenizer']) && !isByteLevel(tokenizer['normalizer'])) return false;
  // GPT-2 writes printable bytes of Latin-1 as themselves and the others as the characters from U+0100 on.
  const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  const others = bytes.filter((byte) => !printable(byte));
  return bytes.every((byte) =>
    vocabulary.has(String.fromCharCode(printable(byte) ? byte : 0x100 + others.indexOf(byte))),
  );
}

/** The added tokens of tokenizer.json, and those that only tokenizer_config.json states. */
function addedTokens(
  own: unknown,
  stated: unknown,
  where: string,
  whereConfig: string,
  problems: Problem[],
): AddedToken[] {
  const list: { value: unknown; where: string }[] = [];
  if (own !== undefined && own !== null && !Array.isArray(own))
    problems.push({ where: `${where} /added_tokens`, what: 'is not a list', expected: 'a list of tokens' });
  else
    ((own as unknown[] | null | undefined) ?? []).forEach((value, i) =>
      list.push({ value, where: `${where} /added_tokens/${i}` }),
    );
  if (stated !== undefined && stated !== null && !isObject(stated))
    problems.push({
      where: `${whereConfig} /added_tokens_decoder`,
      what: 'is not an object',
      expected: 'tokens by id',
    });
  else
    for (const [id, value] of Object.entries(stated ?? {}))
      list.push({
        value: isObject(value) ? { ...value, id: Number(id) } : value,
        where: `${whereConfig} /added_tokens_decoder/${id}`,
      });
  const byContent = new Map<string, AddedToken>();
  const byId = new Map<number, string>();
  for (const { value, where: place } of list) {
    const { id, content } = isObject(value) ? value : { id: undefined, content: undefined };
    if (!isId(id) || typeof content !== 'string' || content === '' || content.length > tokenizerLimits.token) {
      problems.push({
        where: place,
        what: JSON.stringify(value)?.slice(0, 80) ?? 'missing',
        expected: 'an object with an id and a content',
      });
    } else if ((byContent.get(content)?.id ?? id) !== id || (byId.get(id) ?? content) !== content) {
      problems.push({
        where: place,
        what: `${JSON.stringify(content.slice(0, 40))} with id ${id} contradicts an earlier token`,
        expected: 'one token an id and one id a token',
      });
    } else if (!byContent.has(content)) {
      byContent.set(content, {
        ...(value as JsonObject),
        id,
        content,
        special: (value as JsonObject)['special'] === true,
      });
      byId.set(id, content);
    }
    if (problems.length >= mostProblems) break;
  }
  return [...byContent.values()];
}
