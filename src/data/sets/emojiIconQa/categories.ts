/**
 * The categories of EmojiIconQA in its two versions: the first takes Unicode's groups as they are, the second only icons
 * that show to the eye what the word says. What a picture is called and how many there are is the same in both.
 */
import { userError } from '../../../problems';
import { categoryWords } from './task';

/** An emoji as the names package has it, with its name in lower case. */
export interface Named {
  emoji: string;
  name: string;
  /** Unicode's group, e.g. `Food & Drink` */
  group: string;
}

export interface Categories {
  /** the words, each one token after a space, in the order in which the question says them */
  words: readonly string[];
  /** by name; an icon without one is never asked for its category. Throws UserError for a names package of another order */
  of(all: readonly Named[]): ReadonlyMap<string, string>;
}

/** Unicode's groups of things, in the order of the words that stand for them in the first version. */
const groups: readonly string[] = ['Animals & Nature', 'Food & Drink', 'Travel & Places', 'Activities', 'Objects'];

/** Whether icons of this group are in the set at all. */
export const isThing = ({ group }: Named): boolean => groups.includes(group);

/** Version 1: Unicode's groups. Many of `sport` show none, and many of `travel` do not travel. */
export const unicodeGroups: Categories = {
  words: categoryWords.first,
  of: (all) =>
    new Map(all.filter(isThing).map(({ name, group }) => [name, categoryWords.first[groups.indexOf(group)]!])),
};

/** Stretches of Unicode's order, both ends included, by what all of their icons but `unclear` show. */
const stretches: readonly (readonly [word: (typeof categoryWords.second)[number], first: string, last: string])[] = [
  ['nature', 'monkey face', 'leafless tree'],
  ['nature', 'new moon', 'water wave'],
  ['food', 'grapes', 'ice'],
  ['building', 'stadium', 'tokyo tower'],
  ['building', 'church', 'synagogue'],
  ['vehicle', 'locomotive', 'kick scooter'],
  ['vehicle', 'sailboat', 'small airplane'],
  ['vehicle', 'helicopter', 'flying saucer'],
  ['sport', 'soccer ball', 'curling stone'],
  ['object', 'chopsticks', 'amphora'],
  ['object', 'luggage', 'mantelpiece clock'],
  ['object', 'glasses', 'identification card'],
];

/** Icons inside the stretches that do not show what their neighbours show, or show something else as well. */
const unclear: ReadonlySet<string> = new Set([
  ...['white flower', 'rosette', 'thermometer', 'closed umbrella', 'umbrella', 'umbrella with rain drops'],
  ...['umbrella on ground', 'high voltage', 'snowman', 'snowman without snow', 'wind face', 'cyclone'],
  ...['baby bottle', 'pouring liquid', 'teapot'],
  ...['building construction', 'brick', 'rock', 'wood'],
  ...['station', 'manual wheelchair', 'motorized wheelchair', 'satellite'],
  ...['running shirt', 'fishing pole', 'diving mask'],
  ...['musical score', 'musical note', 'musical notes', 'bell with slash', 'muted speaker', 'speaker low volume'],
  ...['speaker medium volume', 'speaker high volume', 'link', 'dna', 'drop of blood', 'bubbles', 'elevator', 'moai'],
  ...['chart increasing with yen', 'chart increasing', 'chart decreasing', 'bar chart', 'money with wings', 'e-mail'],
  ...['locked with pen', 'x-ray', 'boomerang', 'running shoe', 'ballet shoes', 'bow and arrow'],
]);

/** Version 2: what an eye says, checked on a sheet of the pictures of every answer. */
export const shownThings: Categories = {
  words: categoryWords.second,
  of(all) {
    const at = new Map(all.map(({ name }, i) => [name, i]));
    const place = (name: string) => {
      const found = at.get(name);
      if (found !== undefined) return found;
      throw userError({
        where: 'emoji-names data-by-emoji.json',
        what: `no emoji is called ${JSON.stringify(name)}`,
        expected: "Unicode's names, which bound the categories",
        hint: 'the source package has changed',
      });
    };
    const categories = new Map<string, string>();
    for (const [word, first, last] of stretches)
      for (const { name } of all.slice(place(first), place(last) + 1))
        if (!unclear.has(name)) categories.set(name, word);
    return categories;
  },
};
