/**
 * From a Vega-Lite specification to SVG, PNG and PDF, the same bytes on every machine: text is measured with the
 * bundled font (Vega guesses without a browser), no system font is ever used, and no file carries a date.
 */
import { covers, houseFont, textWidth, type FigureFont, type TextLook } from './fonts';
import type { Look } from './look';
import { withOutlines } from './outlines';
import { annotatePng } from './png';
import type { Provenance } from './provenance';
import { escapeHtml } from './reportHtml';
import { fontFamily, footSize, houseConfig, type Spec } from './style';
import { wrapped } from './wrapped';

export interface Rendered {
  /** complete specification, with its configuration */
  spec: Spec;
  svg: string;
  png: Buffer;
  pdf: Buffer;
  /** what Vega or the PDF writer complained about */
  warnings: string[];
}

/** A drawing as SVG; `plain` is as Vega made it, without size and provenance. */
interface Drawn extends Pick<Rendered, 'spec' | 'svg' | 'warnings'> {
  plain: string;
}

/** Inches of text that a page of the usual styles is high. */
const pageHeight = 9;

/** Dots per inch of the PNG. */
const resolution = 300;

interface Logger {
  level(): Logger;
  error(...parts: unknown[]): Logger;
  warn(...parts: unknown[]): Logger;
  info(): Logger;
  debug(): Logger;
}

/** The part of vega that is used here; the package's own types leave `textMetrics` out. */
interface Vega {
  textMetrics: {
    width(item: TextLook & { text?: unknown }, text?: unknown): number;
  };
  parse(spec: unknown): object;
  View: new (
    runtime: object,
    options: { renderer: 'none'; logger: Logger },
  ) => { runAsync(): Promise<unknown>; toSVG(): Promise<string>; finalize(): void };
}
let loadedVega: Promise<Vega> | undefined;

async function loadVega(): Promise<Vega> {
  const vega = (await import('vega')) as unknown as Vega;
  vega.textMetrics.width = (item, text) => textWidth(String(text ?? item.text ?? ''), item);
  return vega;
}

async function draw(spec: Spec, warnings: string[]): Promise<string> {
  const vega = await (loadedVega ??= loadVega());
  const { compile } = await import('vega-lite');
  const note = (...parts: unknown[]): Logger => {
    warnings.push(parts.map(String).join(' '));
    return logger;
  };
  const logger: Logger = { level: () => logger, error: note, warn: note, info: () => logger, debug: () => logger };
  const compiled = compile(spec as unknown as Parameters<typeof compile>[0], {
    logger: logger as unknown as NonNullable<Parameters<typeof compile>[1]>['logger'],
  });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: 'none', logger });
  try {
    await view.runAsync();
    // Vega wants a dash for a solid line too; pdfkit refuses one of length 0.
    return withOwnIds(await view.toSVG()).replaceAll(' stroke-dasharray="1,0"', '');
  } finally {
    view.finalize();
  }
}

function sizeOf(svg: string): { width: number; height: number } {
  const found = /<svg [^>]*?width="([\d.]+)" height="([\d.]+)"/.exec(svg);
  return { width: Number(found?.[1]), height: Number(found?.[2]) };
}

/**
 * Draws with the panel width at which the whole figure is as wide as its column, within half a percent (the SVG's own
 * scale takes the rest): what axes, headers and legends need is found from two trial drawings, or, where a legend was
 * the widest in one of them, from the nearest ones on both sides.
 */
async function drawToWidth(spec: Spec, { room: { width }, font, scale }: Look) {
  const at = async (panelWidth: number) => {
    const warnings: string[] = [];
    const complete = { ...spec, config: houseConfig(panelWidth, font.family) };
    const svg = await draw(complete, warnings);
    return { spec: complete, svg, warnings, panelWidth, width: sizeOf(svg).width };
  };
  const next = (panelWidth: number) => at(Math.max(30, Number(panelWidth.toFixed(1))));
  const isOff = (tried: { width: number }) => Math.abs(tried.width - width) > 0.005 * width;
  const [first, second] = [await at(Math.round(width / 4)), await at(Math.round(width / 3))];
  const slope = Math.max(1, (second.width - first.width) / (second.panelWidth - first.panelWidth));
  const tried = [first, second];
  for (let attempt = 0; attempt < 4 && isOff(tried.at(-1)!); attempt++)
    tried.push(await next(tried.at(-1)!.panelWidth + (width - tried.at(-1)!.width) / slope));
  // The house's way stays as it is: its committed figures are held to their bytes.
  const more = scale === 1 && font === houseFont ? 0 : 6;
  for (let attempt = 0; attempt < more && isOff(tried.at(-1)!); attempt++) {
    const byWidth = [...tried].sort((a, b) => a.panelWidth - b.panelWidth);
    const [below, above] = [byWidth.findLast((each) => each.width < width), byWidth.find((each) => each.width > width)];
    if (below === undefined || above === undefined || above.panelWidth - below.panelWidth <= 0.1) break;
    const share = (width - below.width) / (above.width - below.width);
    tried.push(await next(below.panelWidth + share * (above.panelWidth - below.panelWidth)));
  }
  const drawn = tried.at(-1)!;
  if (drawn.width > 1.02 * width)
    drawn.warnings.push(
      `${drawn.width} pt wide in a column of ${width} pt: text is smaller than ${scale === 1 ? 'the house style' : 'a paper'} asks for`,
    );
  return drawn;
}

/**
 * Vega counts gradients and clips over the whole process; numbered by figure, a drawing does not depend on what was
 * drawn before it.
 */
function withOwnIds(svg: string): string {
  const numbers = new Map<string, number>();
  return svg.replace(/( id="|url\(#)(gradient_|clip)(\d+)/g, (_, before: string, kind: string, number: string) => {
    const key = kind + number;
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    return `${before}${kind}${numbers.get(key)!}`;
  });
}

/** Gives the SVG its size in inches and says in it what it shows and where it comes from. */
function finishSvg(svg: string, inches: number, about: Provenance): string {
  const { width, height } = sizeOf(svg);
  const heightInches = Number(((inches * height) / width).toFixed(4));
  return (
    svg
      .replace(
        /(<svg [^>]*?)width="[\d.]+" height="[\d.]+"/,
        `$1width="${Number(inches.toFixed(4))}in" height="${heightInches}in" role="img"`,
      )
      .replace(
        /(<svg [^>]*>)/,
        `$1<title>${escapeHtml(about.title)}</title><desc>${escapeHtml(`${about.caption} Data sha256: ${about.dataSha256}. Made by: ${about.command}`)}</desc>`,
      )
      .replaceAll(`font-family="${fontFamily}"`, `font-family="${fontFamily}, DejaVu Sans, Verdana, sans-serif"`) + '\n'
  );
}

/** The line at the foot on several lines where it is wider than the figure. */
function withFootInside(spec: Spec, { room, font }: Look): Spec {
  const title = spec['title'];
  if (title === null || typeof title !== 'object' || Array.isArray(title) || typeof title['text'] !== 'string')
    return spec;
  const text = title['text'];
  const lines = wrapped(text, room.width - 16, (line) => textWidth(line, { font: font.family, fontSize: footSize }));
  return lines.length < 2 ? spec : { ...spec, title: { ...title, text: lines } };
}

async function toPng(svg: string, inches: number, about: Provenance): Promise<Buffer> {
  const { renderAsync } = await import('@resvg/resvg-js');
  const font = {
    loadSystemFonts: false,
    fontFiles: [houseFont.regular, houseFont.bold],
    defaultFontFamily: fontFamily,
    sansSerifFamily: fontFamily,
  };
  const png = await renderAsync(svg, {
    font,
    fitTo: { mode: 'width', value: Math.round(inches * resolution) },
    background: 'white',
  });
  return annotatePng(Buffer.from(png.asPng()), resolution, {
    Title: about.title,
    Description: about.caption,
    Source: about.command,
    'Data sha256': about.dataSha256,
  });
}

async function toPdf(
  svg: string,
  size: { width: number; height: number },
  about: Provenance,
  { regular, bold }: FigureFont,
  warnings: string[],
): Promise<Buffer> {
  const { default: PDFDocument } = await import('pdfkit');
  const { default: svgToPdf } = await import('svg-to-pdfkit');
  const never = new Date(0); // PDF asks for dates; a fixed one keeps equal figures equal
  const document = new PDFDocument({
    size: [size.width, size.height],
    margin: 0,
    pdfVersion: '1.7',
    displayTitle: true,
    info: {
      Title: about.title,
      Subject: about.caption,
      Keywords: `data sha256 ${about.dataSha256}`,
      Creator: about.command,
      Producer: 'PDFKit',
      CreationDate: never,
      ModDate: never,
    },
  });
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) =>
    document
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', resolve)
      .on('error', reject),
  );
  for (const [name, path] of Object.entries({ regular, bold })) document.registerFont(name, path);
  svgToPdf(document as unknown as Parameters<typeof svgToPdf>[0], svg, 0, 0, {
    ...size,
    assumePt: true,
    fontCallback: (_family, heavy) => (heavy ? 'bold' : 'regular'),
    warningCallback: (warning) => warnings.push(warning),
  });
  document.end();
  await ended;
  return Buffer.concat(chunks);
}

/** Draws a specification without `config` as SVG alone. The same arguments give the same bytes. */
export async function renderSvg(spec: Spec, look: Look, about: Provenance): Promise<Drawn> {
  const drawn = await drawToWidth(withFootInside(spec, look), look);
  const { width, height } = sizeOf(drawn.svg);
  const tall = (look.inches * height) / width;
  if (look.scale !== 1 && tall > pageHeight)
    drawn.warnings.push(`${tall.toFixed(1)} in tall, which no page of a paper is: draw fewer set-ups, or wider`);
  const svg = look.outlines ? withOutlines(drawn.svg) : drawn.svg;
  return { ...drawn, plain: drawn.svg, svg: finishSvg(svg, look.inches, about) };
}

/** A drawing in all its formats. */
export async function renderFigure(spec: Spec, look: Look, about: Provenance): Promise<Rendered> {
  const { plain, svg, warnings, ...drawn } = await renderSvg(spec, look, about);
  const { width, height } = sizeOf(plain);
  const { inches, font } = look;
  // What the font lacks is drawn with the house's, which a PDF's writer cannot do within a text.
  const text = withOutlines(plain, (words, item) => !covers(words, item));
  // The PNG is painted on a thread of its own while this one writes the PDF.
  const [png, pdf] = await Promise.all([
    toPng(svg, inches, about),
    toPdf(text, { width: inches * 72, height: (inches * 72 * height) / width }, about, font, warnings),
  ]);
  return { spec: drawn.spec, svg, png, pdf, warnings };
}
