/**
 * ChatML: how models that were trained on conversations mark who speaks, `<|im_start|>user` to `<|im_end|>`. A question
 * about an image or sound is the user's only turn; the features stand at its beginning, and a line break parts them
 * from the question, as LLaVA writes it.
 */
import { userError } from '../problems';
import { byteLevelTokenizer, type Tokenizer } from './tokenizer';
import type { FileTokenizer } from './tokenizerJson';

const [start, end] = ['<|im_start|>', '<|im_end|>'];

/**
 * A byte-level tokenizer whose prompts are turns of a conversation. `system` is the model's default system message.
 * Throws UserError when a mark of the conversation is no token; its functions throw it for a text with such a mark in
 * it, or without a word.
 */
export function chatMlTokenizer(file: FileTokenizer, system: string, unknown: string, where: string): Tokenizer {
  const plain = byteLevelTokenizer(file, { begin: start, end, unknown }, where);
  const clean = (text: string): string => {
    const bad = (what: string, expected: string) =>
      userError({ where: `text ${JSON.stringify(text.slice(0, 80))}`, what, expected });
    const found = file.special.find((token) => text.includes(token));
    if (found !== undefined)
      throw bad(`${JSON.stringify(found)} in it`, 'text without the tokens that build up a prompt');
    if (file.encode(text).includes(plain.unknown))
      throw bad('a character that the tokenizer has no token for', 'characters of its vocabulary');
    if (text.trim() === '') throw userError({ where: 'text', what: 'no text', expected: 'words' });
    return text.trim();
  };
  return {
    ...plain,
    chat: {
      head: file.encode(`${start}system\n${system}${end}\n${start}user\n`),
      prompt: (question) => file.encode(`\n${clean(question)}${end}\n${start}assistant\n`),
      answer: (text) => file.encode(clean(text)),
    },
  };
}
