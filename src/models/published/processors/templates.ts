/**
 * How each family writes a conversation: chat templates and the marks around an image or sound, as plain data.
 * `trained` text is what the published training supervises: answers with the token that ends them.
 */
import { userError } from '../../../problems';

/** A question and its answer; null: to be answered by the model, in the last turn only. */
export interface Turn {
  question: string;
  answer: string | null;
}

/** One conversation. Images or sounds stand before the first question. */
export interface Conversation {
  turns: readonly Turn[];
  /** instead of the template's own system message; null: none */
  system?: string | null;
}

interface End {
  /** ends the answer and is trained */
  trained: string;
  /** what follows */
  then: string;
}

export interface ChatTemplate {
  /** default system message; null: none */
  system: string | null;
  /** around the system message */
  systemMarks: readonly [string, string];
  /** before and after a question; the latter leads to the answer */
  questionMarks: readonly [string, string];
  /** between that and an answer */
  lead: string;
  /** after an answer that another turn follows */
  earlier: End;
  /** after the last answer */
  last: End;
  /** special tokens that the tokenizer must have */
  needs: readonly string[];
}

const internVl2System =
  '你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, 是一个有用无害的人工智能助手。';
const internVl25System =
  '你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。';

/** ChatML; `gap` stands between turns. */
function chatMl(system: string | null, gap: string): ChatTemplate {
  const end: End = { trained: '<|im_end|>', then: gap };
  return {
    system,
    systemMarks: ['<|im_start|>system\n', `<|im_end|>${gap}`],
    questionMarks: ['<|im_start|>user\n', `<|im_end|>${gap}<|im_start|>assistant\n`],
    lead: '',
    earlier: end,
    last: end,
    needs: ['<|im_start|>', '<|im_end|>'],
  };
}

export type TemplateName =
  'vicuna' | 'qwen2' | 'internvl' | 'internvl2' | 'internvl2_5' | 'question-answer' | 'salmonn';

export const chatTemplates: Readonly<Record<TemplateName, ChatTemplate>> = {
  /** Vicuna v1.1 and v1.5, as LLaVA-1.5 trains on it (LLaVA, `conversation.py`, `conv_vicuna_v1`). */
  vicuna: {
    system:
      "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.",
    systemMarks: ['', ' '],
    questionMarks: ['USER: ', ' ASSISTANT:'],
    lead: ' ',
    earlier: { trained: '</s>', then: '' },
    last: { trained: '</s>', then: '' },
    needs: ['</s>'],
  },
  /** Qwen2's own template. */
  qwen2: chatMl('You are a helpful assistant.', '\n'),
  /** InternVL as transformers publishes it (`internvl`). */
  internvl: chatMl(null, '\n'),
  /**
   * InternVL2 on Qwen2 (`Hermes-2`) and InternLM2 (`internlm2-chat`): the two are alike but for what the tokenizer puts
   * before a text (OpenGVLab, `conversation.py`).
   */
  internvl2: chatMl(internVl2System, ''),
  internvl2_5: chatMl(internVl25System, '\n'),
  /**
   * BLIP-2 with OPT: a line break ends an answer in its training (LAVIS, `blip2_opt.py`); between turns as in its
   * published dialogue.
   */
  'question-answer': {
    system: null,
    systemMarks: ['', ' '],
    questionMarks: ['Question: ', ' Answer:'],
    lead: ' ',
    earlier: { trained: '', then: '. ' },
    last: { trained: '\n', then: '' },
    needs: [],
  },
  /**
   * SALMONN (`config.yaml`, `prompt_template` and `end_sym`); it publishes no conversation of several turns (chosen: as
   * Vicuna's).
   */
  salmonn: {
    system: null,
    systemMarks: ['', ' '],
    questionMarks: ['USER: ', '\nASSISTANT:'],
    lead: ' ',
    earlier: { trained: '</s>', then: '' },
    last: { trained: '</s>', then: '' },
    needs: ['</s>'],
  },
};

/** Templates of OpenGVLab's InternVL checkpoints by the `template` of their config.json. */
export const openGvTemplates: Readonly<Record<string, TemplateName>> = {
  'Hermes-2': 'internvl2',
  'internlm2-chat': 'internvl2',
  internvl2_5: 'internvl2_5',
};

/** The marks around an image or sound. */
export interface MediaMarks {
  /** before the text and its opening token, or in the first question */
  place: 'first' | 'question';
  before: string;
  /** the token that stands for a feature, where the tokenizer has one */
  token: string | null;
  after: string;
  /** most images or sounds in a conversation */
  most: number;
  /** several are numbered: `Image-1: ` */
  numbered: boolean;
}

/** By family. */
export const mediaMarks: Readonly<Record<string, MediaMarks>> = {
  blip2: { place: 'first', before: '', token: null, after: '', most: 1, numbered: false },
  llava: { place: 'question', before: '', token: '<image>', after: '\n', most: 64, numbered: false },
  internvl2: {
    place: 'question',
    before: '<img>',
    token: '<IMG_CONTEXT>',
    after: '</img>\n',
    most: 64,
    numbered: true,
  },
  salmonn: { place: 'question', before: '<Speech>', token: null, after: '</Speech> ', most: 1, numbered: false },
};

/** A stretch of a prompt. */
export type Piece =
  { kind: 'opening' } | { kind: 'media'; item: number } | { kind: 'text'; text: string; trained: boolean };

/**
 * The pieces of a conversation with `media` images or sounds. Questions and answers lose white space at both ends.
 * `forbidden` are tokens that may not stand in them. Throws UserError for a conversation that a family cannot see, an
 * empty text, or one with such a token in it.
 */
export function renderConversation(
  conversation: Conversation,
  template: ChatTemplate,
  marks: MediaMarks,
  media: number,
  forbidden: readonly string[],
): Piece[] {
  const { turns } = conversation;
  if (media < 1 || media > marks.most)
    throw userError({
      where: 'conversation',
      what: `${media} images or sounds`,
      expected: marks.most === 1 ? 'one' : `1 to ${marks.most}`,
    });
  if (turns.length === 0)
    throw userError({ where: 'conversation /turns', what: 'no turn', expected: 'a question at least' });
  const clean = (text: string, where: string) => cleanText(text, where, forbidden);
  const system = conversation.system === undefined ? template.system : conversation.system;
  const items: Piece[] = Array.from({ length: media }, (_, item): Piece[] => [
    plain((marks.numbered && media > 1 ? `Image-${item + 1}: ` : '') + marks.before),
    { kind: 'media', item },
    plain(marks.after),
  ]).flat();
  const pieces: Piece[] = marks.place === 'first' ? [...items, { kind: 'opening' }] : [{ kind: 'opening' }];
  if (system !== null)
    pieces.push(plain(template.systemMarks[0] + clean(system, 'conversation /system') + template.systemMarks[1]));
  turns.forEach(({ question, answer }, i) => {
    const last = i === turns.length - 1;
    pieces.push(plain(template.questionMarks[0]));
    if (i === 0 && marks.place === 'question') pieces.push(...items);
    pieces.push(plain(clean(question, `conversation /turns/${i}/question`) + template.questionMarks[1]));
    if (answer === null) {
      if (!last)
        throw userError({
          where: `conversation /turns/${i}/answer`,
          what: 'no answer',
          expected: 'an answer in every turn but the last',
        });
      return;
    }
    const end = last ? template.last : template.earlier;
    pieces.push(
      {
        kind: 'text',
        text: template.lead + clean(answer, `conversation /turns/${i}/answer`) + end.trained,
        trained: true,
      },
      plain(end.then),
    );
  });
  return pieces.filter((piece) => piece.kind !== 'text' || piece.text !== '');
}

/** A text without space around it. Throws UserError for one that has a forbidden token, or no word. */
function cleanText(text: string, where: string, forbidden: readonly string[]): string {
  const found = forbidden.find((token) => text.includes(token));
  if (found !== undefined)
    throw userError({
      where,
      what: `${JSON.stringify(found)} in ${JSON.stringify(text.slice(0, 80))}`,
      expected: 'text without the tokens that build up a prompt',
    });
  if (text.trim() === '') throw userError({ where, what: 'no text', expected: 'words' });
  return text.trim();
}

const plain = (text: string): Piece => ({ kind: 'text', text, trained: false });
