/** Text of a drawing as outlines: it looks the same wherever it is shown, whichever fonts there are. */
import { textPath, textWidth, type TextLook } from './fonts';

const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#xA;': '\n' };
const plain = (xml: string) => xml.replace(/&(?:amp|lt|gt|quot|#xA);/g, (entity) => entities[entity]!);

/** Attributes that a path does not have. */
const ofText = /^(?:text-anchor|font-|aria-|role)/;

/** One element as Vega writes it: attributes, and a line or several of them in tspans. */
function outlined(attributes: ReadonlyMap<string, string>, content: string): string {
  const look: TextLook = {
    font: attributes.get('font-family') ?? '',
    fontSize: Number.parseFloat(attributes.get('font-size') ?? '11'),
    fontWeight: attributes.get('font-weight') ?? 'normal',
  };
  const anchor = attributes.get('text-anchor');
  const share = anchor === 'middle' ? 0.5 : anchor === 'end' ? 1 : 0;
  const lines = content.includes('<tspan')
    ? [...content.matchAll(/<tspan([^>]*)>(.*?)<\/tspan>/gs)].map(([, own, text]) => ({
        down: Number(/ dy="([\d.]+)"/.exec(own!)?.[1] ?? 0),
        text: plain(text!),
      }))
    : [{ down: 0, text: plain(content) }];
  let y = 0;
  const data = lines.map(({ down, text }) => {
    y += down;
    return textPath(text, look, -share * textWidth(text, look), y);
  });
  const kept = [...attributes].filter(([name]) => !ofText.test(name)).map(([name, value]) => ` ${name}="${value}"`);
  return `<path${kept.join('')} d="${data.join('')}"/>`;
}

/** An SVG of Vega's with its text as outlines, or only the elements whose text and font `which` names. */
export function withOutlines(svg: string, which: (text: string, look: TextLook) => boolean = () => true): string {
  // An empty text closes itself.
  return svg.replace(/<text([^>]*?)(?:\/>|>(.*?)<\/text>)/gs, (whole: string, written: string, content = '') => {
    const attributes = new Map(
      [...written.matchAll(/ ([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!] as const),
    );
    const font = attributes.get('font-family') ?? '';
    const fontWeight = attributes.get('font-weight') ?? 'normal';
    const text = String(content);
    return which(plain(text.replace(/<[^>]*>/g, '')), { font, fontWeight }) ? outlined(attributes, text) : whole;
  });
}
