/** The concepts of EmojiIconQA: emoji of five groups that all three styles draw, with a name and a category each. */
import { userError } from '../../../problems';
import type { Source } from '../generator';
import { rasterise } from '../svg';
import { type Icon, type IconReader, readJsonObject, type Style } from './styles';

/** Unicode's groups of things, and the single-token word that stands for each in questions. */
const categoryOfGroup: Readonly<Record<string, string>> = {
  'Animals & Nature': 'nature',
  'Food & Drink': 'food',
  'Travel & Places': 'travel',
  Activities: 'sport',
  Objects: 'object',
};

export interface Concept {
  /** Unicode's short name in lower case, e.g. `red apple` */
  name: string;
  category: string;
  /** length of the name in tokens of the Llama-2 vocabulary, after a space */
  tokens: number;
  icons: Record<Style, Icon>;
}

/** Every icon is drawn once, small, so that none fails later; pixels. */
const trialWidth = 36;

interface Concepts {
  concepts: Concept[];
  /** reason -> emoji left out */
  skipped: Record<string, number>;
}

/**
 * All concepts in the order of the names package (Unicode's order). An emoji that a style does not draw, or whose SVG
 * is refused in any style, is skipped and counted. Throws UserError when the names package is malformed.
 */
export async function findConcepts(
  names: Source,
  styles: Record<Style, IconReader>,
  tokens: (name: string) => number,
): Promise<Concepts> {
  const concepts: Concept[] = [];
  const skipped: Record<string, number> = {};
  const skip = (reason: string) => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  const seen = new Set<string>();
  const file = 'data-by-emoji.json';
  for (const [emoji, entry] of Object.entries(readJsonObject(names, file))) {
    const { name, group } = (entry ?? {}) as { name?: unknown; group?: unknown };
    if (typeof name !== 'string' || typeof group !== 'string')
      throw userError({
        where: `${names.name} ${file}`,
        what: `${JSON.stringify(emoji)} has no name or group`,
        expected: 'two texts',
      });
    const category = Object.hasOwn(categoryOfGroup, group) ? categoryOfGroup[group] : undefined;
    if (category === undefined) continue;
    const concept = name.toLowerCase().trim();
    if (seen.has(concept)) {
      skip('name used twice');
      continue;
    }
    const icons: Partial<Record<Style, Icon>> = {};
    let reason: string | undefined;
    for (const [style, read] of Object.entries(styles) as [Style, IconReader][]) {
      const icon = read(emoji);
      if (icon === undefined) {
        reason = `${style}: no drawing`;
        break;
      }
      const drawn = await rasterise(icon.svg, trialWidth);
      if (typeof drawn === 'string') {
        reason = `${style}: ${drawn}`;
        break;
      }
      icons[style] = icon;
    }
    if (reason !== undefined) {
      skip(reason);
      continue;
    }
    seen.add(concept);
    concepts.push({ name: concept, category, tokens: tokens(concept), icons: icons as Record<Style, Icon> });
  }
  return { concepts, skipped };
}
