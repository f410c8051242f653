/** The questions of PicKnowQA as plans: which picture, what is asked, what WordNet says. Drawing comes later. */
import { userError } from '../../../problems';
import { random } from '../../../random';
import type { SplitName } from '../../types';
import { balanced } from '../balanced';
import { photographClasses, type PhotographClass } from '../cifar10';
import { categories, type Category, type Wording, type Stamp } from './stamps';
import type { Nouns } from '../../../text/wordnet';

export const kinds = ['object', 'hypernym', 'category'] as const;
export type Kind = (typeof kinds)[number];

export const prompts: Readonly<Record<Kind, string>> = {
  object: 'What is it? It is',
  hypernym: 'What is it a kind of? It is a kind of',
  category: 'What kind of thing is it? It is',
};

/**
 * What a photographed thing is a kind of; each must be an ancestor in WordNet. `bird` is left out: its nearest
 * ancestors hold for most of the others.
 */
const hypernyms: Readonly<Partial<Record<PhotographClass, string>>> = {
  airplane: 'aircraft',
  car: 'motor vehicle',
  truck: 'motor vehicle',
  cat: 'feline',
  dog: 'canine',
  deer: 'ruminant',
  frog: 'amphibian',
  horse: 'equine',
  ship: 'vessel',
};

export interface Amounts {
  train: number;
  validation: number;
  evaluation: number;
}
export type Part = keyof Amounts;
export const parts = ['train', 'validation', 'evaluation'] as const satisfies readonly Part[];

/** What a picture shows: a photograph of a part of CIFAR-10, or a stamp. */
export type Subject = { of: 'photograph'; file: 'train' | 'test'; index: number } | { of: 'stamp'; stamp: Stamp };

export interface Question {
  /** unique and stable, also the media key */
  id: string;
  split: SplitName;
  slice: string;
  kind: Kind;
  subject: Subject;
  answer: string;
  choices: string[];
  /** the gloss of what is seen: why the answer is right */
  rationale: string;
}

interface AlignmentPicture {
  key: string;
  subject: Subject;
  prompt: string;
  answer: string;
}

/** What each photographed class is a kind of, and its gloss. Throws UserError when WordNet says otherwise. */
function knowledge(nouns: Nouns): Map<PhotographClass, { hypernym: string | undefined; gloss: string }> {
  return new Map(
    photographClasses.map((name) => {
      const [synset] = nouns.senses(name);
      const hypernym = hypernyms[name];
      const ancestors = synset === undefined ? [] : nouns.ancestors(synset).flatMap(({ words }) => words);
      const wrong = Object.entries(hypernyms).some(
        ([other, word]) => word !== hypernym && ancestors.includes(word!) && other !== name,
      );
      if (synset === undefined || (hypernym !== undefined && (!ancestors.includes(hypernym) || wrong)))
        throw userError({
          where: 'wordnet',
          what: `${name} is not exactly a kind of ${String(hypernym)}`,
          hint: 'the source package has changed',
        });
      return [name, { hypernym, gloss: synset.gloss }];
    }),
  );
}

/**
 * Takes photographs of a class without repetition, the training file for `train` and `validation` and the test file for
 * `evaluation`, each in a seeded order.
 */
function photographTaker(
  classes: Record<'train' | 'test', readonly PhotographClass[]>,
  seed: number,
): (part: Part, name: PhotographClass) => Subject {
  const queues = new Map<string, number[]>();
  return (part, name) => {
    const file = part === 'evaluation' ? 'test' : 'train';
    const key = `${file}/${name}`;
    let queue = queues.get(key);
    if (queue === undefined)
      queues.set(
        key,
        (queue = random(seed, `pic-know-qa/photographs/${key}`).shuffle(
          classes[file].flatMap((one, index) => (one === name ? [index] : [])),
        )),
      );
    const index = queue.pop();
    if (index === undefined)
      throw userError({ where: 'cifar10', what: `too few photographs of ${name} in its ${file} file` });
    return { of: 'photograph', file, index };
  };
}

/** Nouns of each category in each part: all stamps of one noun stand in one part. */
export function divideStamps(
  stamps: readonly Stamp[],
  shares: { validation: number; evaluation: number },
  seed: number,
): Record<Part, Map<Category, Stamp[][]>> {
  const divided: Record<Part, Map<Category, Stamp[][]>> = {
    train: new Map(),
    validation: new Map(),
    evaluation: new Map(),
  };
  // One noun may stand in two categories (an orange): it then goes where its first category puts it.
  const placeOf = new Map<string, Part>();
  for (const category of categories) {
    const ofNoun = new Map<string, Stamp[]>();
    for (const stamp of stamps)
      if (stamp.category === category) ofNoun.set(stamp.noun, [...(ofNoun.get(stamp.noun) ?? []), stamp]);
    const groups = random(seed, `pic-know-qa/stamps/${category}`).shuffle([...ofNoun.values()]);
    const evaluated = Math.round(shares.evaluation * groups.length);
    const validated = Math.round(shares.validation * groups.length);
    groups.forEach((group, i) => {
      const noun = group[0]!.noun;
      const part =
        placeOf.get(noun) ?? (i < evaluated ? 'evaluation' : i < evaluated + validated ? 'validation' : 'train');
      placeOf.set(noun, part);
      divided[part].set(category, [...(divided[part].get(category) ?? []), group]);
    });
    for (const part of parts)
      if (!divided[part].has(category))
        throw userError({
          where: 'tuxpaint-stamps-default',
          what: `no stamp of ${category} for ${part}`,
          hint: 'the source package has changed',
        });
  }
  return divided;
}

const sliceOf = (split: SplitName, kind: Kind) =>
  split !== 'evaluation' ? split : kind === 'category' ? 'new-concepts' : 'new-photographs';

/** What questions are drawn from. */
interface Deck {
  seed: number;
  /** the answer that stands for a category */
  word: Wording['word'];
  facts: ReturnType<typeof knowledge>;
  take: ReturnType<typeof photographTaker>;
  /** `count` stamps of a category, its nouns equally often */
  stampsOf(part: Part, category: Category, count: number, purpose: string): Stamp[];
}

/** What a question is about and what it asks for, before its choices are drawn. */
interface Asked {
  subject: Subject;
  answer: string;
  /** answers to choose from */
  among: readonly string[];
  rationale: string;
}

const hypernymsOfAll = [...new Set(Object.values(hypernyms))];

/** What the questions of a kind in a part are about, with balanced answers. Takes photographs from the deck. */
function askedOf(kind: Kind, part: Part, count: number, { seed, word, facts, take, stampsOf }: Deck): Asked[] {
  const purpose = `pic-know-qa/${part}/${kind}`;
  const ofPhotograph = (name: PhotographClass, answer: string, among: readonly string[]): Asked => ({
    subject: take(part, name),
    answer,
    among,
    rationale: `${name}: ${facts.get(name)!.gloss}`,
  });
  switch (kind) {
    case 'category': {
      const pools = new Map(
        categories.map((category) => [category, stampsOf(part, category, count, `${part}/${kind}`)]),
      );
      return balanced(categories, count, seed, purpose).map((category) => {
        const stamp = pools.get(category)!.pop()!;
        const rationale = `${stamp.noun}: ${stamp.synset.gloss}`;
        return { subject: { of: 'stamp', stamp }, answer: word(category), among: categories.map(word), rationale };
      });
    }
    case 'object':
      return balanced(photographClasses, count, seed, purpose).map((name) =>
        ofPhotograph(name, name, photographClasses),
      );
    case 'hypernym':
      return balanced(hypernymsOfAll, count, seed, purpose).map((word, i) => {
        const members = photographClasses.filter((name) => hypernyms[name] === word);
        return ofPhotograph(random(seed, `${purpose}/member`, i).pick(members), word, hypernymsOfAll);
      });
  }
}

function questionOf(kind: Kind, part: Part, i: number, asked: Asked, seed: number): Question {
  const { subject, answer, among, rationale } = asked;
  const id = `${part}-${kind}-${String(i).padStart(4, '0')}`;
  const draw = random(seed, `pic-know-qa/choices/${id}`);
  const others = draw.shuffle(among.filter((one) => one !== answer)).slice(0, 3);
  const choices = draw.shuffle([answer, ...others]);
  return { id, split: part, slice: sliceOf(part, kind), kind, subject, answer, choices, rationale };
}

/** Pictures of the alignment phase: training photographs, then training stamps of every category. */
function alignmentPictures(
  { photographs, stamps }: { photographs: number; stamps: number },
  { seed, word, take, stampsOf }: Deck,
): AlignmentPicture[] {
  return [
    ...balanced(photographClasses, photographs, seed, 'pic-know-qa/alignment').map((name) => ({
      subject: take('train', name),
      prompt: prompts.object,
      answer: name,
    })),
    ...categories.flatMap((category) =>
      stampsOf('train', category, stamps / categories.length, 'alignment').map((stamp) => ({
        subject: { of: 'stamp' as const, stamp },
        prompt: prompts.category,
        answer: word(category),
      })),
    ),
  ].map((picture, i) => ({ key: `alignment-${String(i).padStart(4, '0')}`, ...picture }));
}

/** All questions and the alignment pictures, in a fixed order. */
export function planQuestions(
  classes: Record<'train' | 'test', readonly PhotographClass[]>,
  stamps: readonly Stamp[],
  nouns: Nouns,
  options: {
    amounts: Amounts;
    alignment: { photographs: number; stamps: number };
    shares: { validation: number; evaluation: number };
    seed: number;
  },
  { word }: Pick<Wording, 'word'>,
): { questions: Question[]; alignment: AlignmentPicture[] } {
  const { seed, amounts } = options;
  const facts = knowledge(nouns);
  const divided = divideStamps(stamps, options.shares, seed);
  const deck: Deck = {
    seed,
    word,
    facts,
    take: photographTaker(classes, seed),
    stampsOf: (part, category, count, purpose) =>
      balanced(divided[part].get(category)!, count, seed, `pic-know-qa/${purpose}/${category}`).map((group, i) =>
        random(seed, `pic-know-qa/${purpose}/${category}/pick`, i).pick(group),
      ),
  };
  // Photographs are taken without repetition: questions before alignment, kind by kind.
  const questions = kinds.flatMap((kind) =>
    parts.flatMap((part) =>
      askedOf(kind, part, amounts[part], deck).map((asked, i) => questionOf(kind, part, i, asked, seed)),
    ),
  );
  return { questions, alignment: alignmentPictures(options.alignment, deck) };
}
