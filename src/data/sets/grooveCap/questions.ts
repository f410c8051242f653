/** What is played and asked in GrooveCap, before anything is rendered, and its captions. */
import { random, type Random } from '../../../random';
import type { SplitName } from '../../types';
import { balanced } from '../balanced';
import { families, type Family, type Groove, type Style } from './styles';

export const kinds = ['caption', 'style', 'tempo'] as const;
export type Kind = (typeof kinds)[number];

export const prompts: Readonly<Record<Kind, string>> = {
  caption: 'What music is it? It is',
  style: 'What style of music is it? It is',
  tempo: 'How fast is the music? It is',
};

/** Tempo words with their quarters a minute. */
export const tempos = {
  slow: { least: 60, most: 80 },
  medium: { least: 105, most: 125 },
  fast: { least: 160, most: 185 },
} as const;
export type Tempo = keyof typeof tempos;
export const tempoWords = Object.keys(tempos) as Tempo[];

export const pools = ['train', 'validation', 'evaluation'] as const satisfies readonly SplitName[];
export type Pool = (typeof pools)[number];

/** A piece to be rendered. */
export interface Piece {
  key: string;
  pool: Pool;
  kind: Kind;
  style: Style;
  groove: Groove;
  tempo: Tempo;
  /** quarters a minute */
  speed: number;
  chords: string[];
}

/** Chord progressions of four bars, as degrees of a major key in semitones and quality. */
const progressions = ['0 9m 5 7', '0 5 7 0', '0 7 9m 5', '2m7 7 0 0', '0 0 5 7', '9m 5 0 7'];
const keys = ['C', 'Db', 'D', 'Eb', 'E', 'F', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B'];

/** Six bars in a drawn key. */
function chordsOf(draw: Random): string[] {
  const key = draw.integer(12);
  const bars = draw
    .pick(progressions)
    .split(' ')
    .map((degree) => {
      const [, semitones, quality] = /^(\d+)(.*)$/.exec(degree)!;
      return `${keys[(key + Number(semitones)) % 12]!}${quality!}`;
    });
  return [...bars, ...bars.slice(0, 2)];
}

/** Style files of each family in each pool: a style file stands in one pool. */
export function divideStyles(
  styles: readonly Style[],
  shares: { validation: number; evaluation: number },
  seed: number,
): Record<Pool, Map<Family, Style[]>> {
  const divided: Record<Pool, Map<Family, Style[]>> = {
    train: new Map(),
    validation: new Map(),
    evaluation: new Map(),
  };
  for (const family of families) {
    // Files that begin alike (house1, house2; jazzwaltz in two libraries) are versions of one style.
    const groups = new Map<string, Style[]>();
    for (const style of styles.filter((one) => one.family === family)) {
      const name = style.file.split('/').at(-1)!.slice(0, -4).replace(/\d+$/, '');
      groups.set(name, [...(groups.get(name) ?? []), style]);
    }
    const order = random(seed, `groove-cap/styles/${family}`).shuffle([...groups.values()]);
    const evaluated = Math.max(1, Math.round(shares.evaluation * order.length));
    const validated = Math.max(1, Math.round(shares.validation * order.length));
    divided.evaluation.set(family, order.slice(0, evaluated).flat());
    divided.validation.set(family, order.slice(evaluated, evaluated + validated).flat());
    divided.train.set(family, order.slice(evaluated + validated).flat());
  }
  return divided;
}

/** All pieces: in each pool and kind, families and tempos run through all their pairs equally often. */
export function planPieces(
  divided: Record<Pool, Map<Family, Style[]>>,
  amounts: Record<Pool, number>,
  seed: number,
): Piece[] {
  const pairs = families.flatMap((family) => tempoWords.map((tempo) => ({ family, tempo })));
  return pools.flatMap((pool) =>
    kinds.flatMap((kind) => {
      if (amounts[pool] % pairs.length !== 0)
        throw new RangeError(
          `${amounts[pool]} pieces of a kind; a multiple of ${pairs.length} is needed, so that answers are balanced`,
        );
      const drawn = new Map(
        families.map((family) => [
          family,
          balanced(divided[pool].get(family)!, amounts[pool], seed, `groove-cap/${pool}/${kind}/${family}`),
        ]),
      );
      return balanced(pairs, amounts[pool], seed, `groove-cap/${pool}/${kind}`).map(({ family, tempo }, i): Piece => {
        const key = `${pool}-${kind}-${String(i).padStart(4, '0')}`;
        const draw = random(seed, `groove-cap/piece/${key}`);
        const style = drawn.get(family)!.pop()!;
        const { least, most } = tempos[tempo];
        return {
          key,
          pool,
          kind,
          style,
          groove: draw.pick(style.grooves),
          tempo,
          speed: least + draw.integer(most - least + 1),
          chords: chordsOf(draw),
        };
      });
    }),
  );
}

const list = (names: readonly string[]) =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
/** The caption that is trained: tempo, style, instruments. */
const captionOf = (tempo: Tempo, family: Family, heard: readonly string[]) =>
  `${tempo} ${family}${heard.length === 0 ? '' : ` with ${list(heard)}`}`;

/** Three captions of a piece; the third is the style's author's own line where there is one. */
export function captions(
  { tempo, style: { family }, groove }: Pick<Piece, 'tempo' | 'style' | 'groove'>,
  heard: readonly string[],
): string[] {
  return [
    captionOf(tempo, family, heard),
    `a ${family} groove at a ${tempo} tempo${heard.length === 0 ? '' : ` played by ${list(heard)}`}`,
    groove.description === '' ? `${list(heard) || 'a band'} playing ${tempo} ${family}` : groove.description,
  ];
}

/**
 * The answer of a piece's question and what it is chosen among. Captions: two tempos by two families, so that none
 * stands out.
 */
export function answerOf(piece: Piece, heard: readonly string[], seed: number): { answer: string; choices: string[] } {
  const draw = random(seed, `groove-cap/choices/${piece.key}`);
  const {
    tempo,
    style: { family },
  } = piece;
  if (piece.kind === 'style') return { answer: family, choices: draw.shuffle(families) };
  if (piece.kind === 'tempo') return { answer: tempo, choices: draw.shuffle(tempoWords) };
  const pair = [tempo, draw.pick(tempoWords.filter((one) => one !== tempo))];
  const others = [family, draw.pick(families.filter((one) => one !== family))];
  return {
    answer: captionOf(tempo, family, heard),
    choices: draw.shuffle(pair.flatMap((one) => others.map((other) => captionOf(one, other, heard)))),
  };
}
