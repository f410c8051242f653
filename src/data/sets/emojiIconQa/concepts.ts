/** The concepts of EmojiIconQA: emoji of five groups that all three styles draw, with a name and perhaps a category. */
import { userError } from '../../../problems';
import type { Source } from '../generator';
import { rasterise } from '../svg';
import { type Categories, isThing, type Named } from './categories';
import { type Icon, type IconReader, readJsonObject, type Style } from './styles';

export interface Concept {
  /** Unicode's short name in lower case, e.g. `red apple` */
  name: string;
  /** undefined for an icon that is never asked for it */
  category: string | undefined;
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

/** What the names package holds, in its order (Unicode's). Throws UserError when it is malformed. */
function readNames(source: Source): Named[] {
  const file = 'data-by-emoji.json';
  return Object.entries(readJsonObject(source, file)).map(([emoji, entry]) => {
    const { name, group } = (entry ?? {}) as { name?: unknown; group?: unknown };
    if (typeof name !== 'string' || typeof group !== 'string')
      throw userError({
        where: `${source.name} ${file}`,
        what: `${JSON.stringify(emoji)} has no name or group`,
        expected: 'two texts',
      });
    return { emoji, name: name.toLowerCase().trim(), group };
  });
}

/** The drawings of an emoji in all styles, or why one of them cannot be used. */
async function drawnIn(styles: Record<Style, IconReader>, emoji: string): Promise<Record<Style, Icon> | string> {
  const icons: Partial<Record<Style, Icon>> = {};
  for (const [style, read] of Object.entries(styles) as [Style, IconReader][]) {
    const icon = read(emoji);
    if (icon === undefined) return `${style}: no drawing`;
    const drawn = await rasterise(icon.svg, trialWidth);
    if (typeof drawn === 'string') return `${style}: ${drawn}`;
    icons[style] = icon;
  }
  return icons as Record<Style, Icon>;
}

/**
 * All concepts in the order of the names package (Unicode's order). An emoji that a style does not draw, or whose SVG
 * is refused in any style, is skipped and counted. Throws UserError when the names package is malformed.
 */
export async function findConcepts(
  source: Source,
  styles: Record<Style, IconReader>,
  tokens: (name: string) => number,
  categories: Categories,
): Promise<Concepts> {
  const names = readNames(source);
  const categoryOf = categories.of(names);
  const concepts: Concept[] = [];
  const skipped: Record<string, number> = {};
  const skip = (reason: string) => {
    skipped[reason] = (skipped[reason] ?? 0) + 1;
  };
  const seen = new Set<string>();
  for (const { emoji, name } of names.filter(isThing)) {
    if (seen.has(name)) {
      skip('name used twice');
      continue;
    }
    const icons = await drawnIn(styles, emoji);
    if (typeof icons === 'string') {
      skip(icons);
      continue;
    }
    seen.add(name);
    concepts.push({ name, category: categoryOf.get(name), tokens: tokens(name), icons });
  }
  return { concepts, skipped };
}
