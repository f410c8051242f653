/** From the pieces of a prompt to token ids, with placeholders for features and marks on what is trained. */
import type { FileTokenizer } from '../../../text/tokenizerJson';
import type { Piece } from './templates';

/** The label of a place whose token is not asked for, as in transformers. */
const notAsked = -100;

export interface EncodedText {
  /** one id for each place; the placeholder where a feature stands */
  inputIds: Int32Array;
  /** the id itself where it is trained on, else -100 */
  labels: Int32Array;
  /** for each image or sound, in order: its features stand in [from, to) */
  featureRanges: { from: number; to: number }[];
}

/**
 * Encodes pieces. `token` is the text that stands for one feature in the vocabulary (null: there is none, and the text
 * around a medium is encoded apart); `places[i]` is the number of features of medium i. Throws UserError for text that
 * the tokenizer refuses.
 *
 * Text between media is encoded in one go, as the published tokenizers see it. Which of its tokens are trained follows
 * from the text before the answer, encoded alone: tokens that both encodings share at their beginning belong to what
 * stands before. So a token that spans both belongs to the answer.
 */
export function encodePieces(
  pieces: readonly Piece[],
  tokenizer: FileTokenizer,
  token: string | null,
  places: readonly number[],
  placeholder: number,
): EncodedText {
  const ids: number[] = [],
    labels: number[] = [];
  const featureRanges: { from: number; to: number }[] = [];
  const push = (id: number, trained: boolean) => {
    ids.push(id);
    labels.push(trained ? id : notAsked);
  };
  const feature = (item: number) => {
    featureRanges.push({ from: ids.length, to: ids.length + places[item]! });
    for (let i = 0; i < places[item]!; i++) push(placeholder, false);
  };
  const tokenId = token === null ? undefined : tokenizer.id(token);
  let run: Piece[] = [];
  const close = () => {
    const { found, trained, media } = encodeRun(run, tokenizer, token);
    found.forEach((id, i) => (id === tokenId && media.length > 0 ? feature(media.shift()!) : push(id, trained[i]!)));
    run = [];
  };
  for (const piece of pieces) {
    if (piece.kind === 'text' || (piece.kind === 'media' && tokenId !== undefined)) {
      run.push(piece);
      continue;
    }
    close();
    if (piece.kind === 'media') feature(piece.item);
    else tokenizer.opening.forEach((id) => push(id, false));
  }
  close();
  return { inputIds: Int32Array.from(ids), labels: Int32Array.from(labels), featureRanges };
}

/** Ids of a run of text and media tokens, whether each is trained, and the media in order. */
function encodeRun(
  run: readonly Piece[],
  tokenizer: FileTokenizer,
  token: string | null,
): { found: number[]; trained: boolean[]; media: number[] } {
  let text = '';
  const borders: { at: number; trained: boolean }[] = [];
  const media: number[] = [];
  for (const piece of run) {
    const trained = piece.kind === 'text' && piece.trained;
    if (trained !== (borders.at(-1)?.trained ?? false)) borders.push({ at: text.length, trained });
    if (piece.kind === 'media') media.push(piece.item);
    text += piece.kind === 'text' ? piece.text : piece.kind === 'media' ? token : '';
  }
  const found = tokenizer.encode(text);
  const trained = found.map(() => false);
  for (const border of borders) trained.fill(border.trained, shared(tokenizer.encode(text.slice(0, border.at)), found));
  return { found, trained, media };
}

/** Length of the common beginning of two lists. */
function shared(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((id, i) => id !== b[i]);
  return differs < 0 ? a.length : differs;
}
