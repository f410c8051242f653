/** What is heard in a SceneCap sound and how it is told: caption, references and the captions it is chosen among. */
import { random, type Random } from '../../../random';

/**
 * Classes that captions name. Water and engine are what the scenes are set in; a background class is never asked about.
 */
export const eventClasses = ['bird', 'animal', 'voice', 'drum', 'music', 'steps'] as const;
export const backgroundClasses = ['water', 'engine'] as const;

/** Kinds are the numbers of events in a sound. */
export const kinds = ['one', 'two', 'three'] as const;
export type Kind = (typeof kinds)[number];

/** The caption continues it. */
export const prompt = 'What happens here? You hear';

const articles: Readonly<Record<string, string>> = { bird: 'a ', animal: 'an ', voice: 'a ', drum: 'a ' };
const phrase = (name: string) => `${articles[name] ?? ''}${name}`;

/**
 * Three captions of events in the order in which they are heard; the first is the form that is trained and offered as a
 * choice.
 */
export function captions(heard: readonly string[]): [string, string, string] {
  const [first = '', ...later] = heard.map(phrase);
  if (later.length === 0) return [first, `only ${first}`, `the sound of ${first}`];
  const last = later.at(-1)!;
  const middle = later.slice(0, -1);
  return [
    [first, ...later].join(', then '),
    `first ${first}${middle.map((one) => `, next ${one}`).join('')} and at the end ${last}`,
    `${[first, ...middle].join(' and ')} followed by ${last}`,
  ];
}

/** A sound to be made, before it exists. */
export interface Scene {
  kind: Kind;
  /** event classes in the order of their onsets */
  heard: string[];
  references: string[];
  /** four captions of equal length, one of them true */
  choices: string[];
}

/** Another order of two or more names. */
function reordered(names: readonly string[], draw: Random): string[] {
  for (;;) {
    const other = draw.shuffle(names);
    if (other.some((name, i) => name !== names[i])) return other;
  }
}

/**
 * Four lists of classes, one of them `heard`. With several events: `heard` in two orders and other classes in two
 * orders, so that none of the four stands out by what it shares with the rest.
 */
function alternatives(heard: readonly string[], draw: Random): string[][] {
  const others = draw.shuffle(eventClasses.filter((name) => !heard.includes(name)));
  if (heard.length === 1) return [[...heard], ...others.slice(0, 3).map((name) => [name])];
  const second = others.slice(0, heard.length);
  return [[...heard], reordered(heard, draw), second, reordered(second, draw)];
}

/**
 * `amount` scenes of each kind: the first event runs through the classes, the second through the others, so that
 * captions are balanced. Throws RangeError for an amount that does not divide by the number of classes.
 */
export function planScenes(amount: number, seed: number, pool: string): Scene[] {
  if (amount % eventClasses.length !== 0)
    throw new RangeError(
      `${amount} scenes of a kind; a multiple of ${eventClasses.length} is needed, so that captions are balanced`,
    );
  return kinds.flatMap((kind, k) =>
    Array.from({ length: amount }, (_, index): Scene => {
      const draw = random(seed, `scene-cap/scene/${pool}/${kind}`, index);
      const first = eventClasses[index % eventClasses.length]!;
      const others = eventClasses.filter((name) => name !== first);
      const second = others[Math.floor(index / eventClasses.length) % others.length]!;
      const third = draw.pick(others.filter((name) => name !== second));
      const heard = [first, second, third].slice(0, k + 1);
      return {
        kind,
        heard,
        references: captions(heard),
        choices: draw.shuffle(alternatives(heard, draw).map((names) => captions(names)[0])),
      };
    }),
  );
}
