/** Figures for a paper: their width, the size of their text there, fonts of the user's, and text as outlines. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { covers, findFont, houseFont, textPath, textWidth, useFont } from '../../analysis/fonts';
import { makeFigures } from '../../analysis/index';
import { lookOf, printWidth, type Print } from '../../analysis/look';
import { withOutlines } from '../../analysis/outlines';
import { projectRoot } from '../../src/files';
import { expectEvery } from '../../testing/lists';

const reference = join(projectRoot, 'results', 'reference', 'quickstart');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'equipoise-print-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function drawn(name: string, print: Print) {
  const { notices } = await makeFigures(reference, folder, { only: [name], print });
  const read = (extension: string, encoding: BufferEncoding = 'utf8') =>
    readFileSync(join(folder, `${name}.${extension}`), encoding);
  const svg = read('svg');
  const [, inches, width] = /width="([\d.]+)in"[^>]*viewBox="0 0 ([\d.]+)/.exec(svg)!.map(Number) as [
    0,
    number,
    number,
  ];
  return { notices, svg, pdf: read('pdf', 'latin1'), spec: read('vl.json'), inches, labels: (7 * inches * 72) / width };
}

describe('the width', () => {
  test.each([
    ['neurips', { venue: 'neurips' }],
    ['ICML', { venue: 'icml' }],
    ['3.25in', { inches: 3.25 }],
    ['84mm', { inches: 84 / 25.4 }],
    ['8.4 cm', { inches: 8.4 / 2.54 }],
    ['234.88pt', { inches: 234.88 / 72.27 }],
  ])('%s is read', (text, width) => expect(printWidth(text)).toEqual(width));
  test.each(['', '84', 'wide', '-3in', '0.1in', '900mm', '3in; x'])('%j is refused', (text) =>
    expect(() => printWidth(text)).toThrow(/--width .*expected neurips, icml, acl, or a length/),
  );

  test.each([
    ['balance-against-accuracy', 'icml', 234.88 / 72.27],
    ['balance-against-accuracy', 'neurips', 3.3],
    ['kappa-curves', 'neurips', 397.48 / 72.27],
    ['kappa-curves', '120mm', 120 / 25.4],
  ])(
    'of %s at %s is its own, and its labels are 8 pt',
    async (name, width, inches) => {
      const made = await drawn(name, { width: printWidth(width), told: ` --width ${width}` });
      expect(made.notices).toEqual([]);
      expect(made.inches).toBeCloseTo(inches, 3);
      expect(made.labels).toBeGreaterThan(7.9);
      expect(made.labels).toBeLessThan(8.1);
      expect(made.svg).not.toContain('<text');
      expect(made.svg).toContain(`--only ${name} --width ${width}`);
    },
    30_000,
  );

  test('leaves the house’s way as it is where none is asked for', async () => {
    expect(await lookOf('page')).toMatchObject({ inches: 6.75, scale: 1, outlines: false, room: { width: 486 } });
    expect((await lookOf('column', { outlines: true })).outlines).toBe(true);
  });
});

describe('the font', () => {
  test('of a family is measured, drawn and embedded', async () => {
    const font = await findFont('DejaVu Serif');
    const { pdf, spec } = await drawn('kappa-curves', { font });
    expect(spec).toContain('"labelFont":"DejaVu Serif"'.replace(':', ': '));
    expect(pdf).toMatch(/\/FontName \/[A-Z]{6}\+DejaVuSerif\b/);
    expect(pdf).toContain('/FontFile2');
    expect(pdf).not.toContain('DejaVuSansCondensed');
  }, 30_000);

  test('of a file is taken by the file’s name; what is no font is refused', async () => {
    const path = join(folder, 'My Font.ttf');
    copyFileSync((await findFont('DejaVu Sans Mono')).regular, path);
    const font = await findFont(path);
    expect(font).toEqual({ family: 'My Font', regular: path, bold: path });
    // every letter of a typewriter is as wide: 1233 of 2048 units
    expect(textWidth('iW', { font: 'My Font', fontSize: 10 })).toBeCloseTo((2 * 10 * 1233) / 2048, 6);
    writeFileSync(join(folder, 'no.ttf'), 'nothing');
    await expect(findFont(join(folder, 'no.ttf'))).rejects.toThrow(/cannot be read as a font/);
    await expect(findFont(join(folder, 'absent.ttf'))).rejects.toThrow(/there is no such file/);
    await expect(findFont('No Such Family At All')).rejects.toThrow(/neither a font file nor a family.*DejaVu Sans/);
  });

  test('that lacks a character has it from the house’s', async () => {
    const font = await findFont('DejaVu Sans-ExtraLight');
    const look = { font: font.family, fontSize: 10 };
    expect(covers('loss', look)).toBe(true);
    expect(covers('⟨', look)).toBe(false);
    expect(textPath('⟨', look, 3, 4)).toBe(textPath('⟨', { font: houseFont.family, fontSize: 10 }, 3, 4));
    expect(textPath('l', look, 3, 4)).not.toBe(textPath('l', { font: houseFont.family, fontSize: 10 }, 3, 4));
    const { pdf, notices } = await drawn('bounds', { font });
    expect(notices).toEqual([]);
    expect(pdf).toContain('DejaVuSans-ExtraLight');
  }, 30_000);
});

describe('outlines', () => {
  test('look as the text does in its font', async () => {
    await useFont(houseFont);
    const family = houseFont.family;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="80" viewBox="0 0 200 80"><text text-anchor="start" transform="translate(5,20)" font-family="${family}" font-size="12px" fill="#000000">κ (backbone &amp; x) ‖g‖</text><text text-anchor="middle" transform="translate(100,40)" font-family="${family}" font-size="10px" font-weight="bold" fill="#d55e00" opacity="0.8">Bold, ×10⁴</text><text text-anchor="end" transform="translate(195,55) rotate(-3)" font-family="${family}" font-size="9px" fill="black"><tspan>first line</tspan><tspan x="0" dy="11.5">and a second</tspan></text></svg>`;
    const made = withOutlines(svg);
    expect(made).not.toContain('<text');
    expect(made.match(/<path /g)).toHaveLength(3);
    const font = {
      loadSystemFonts: false,
      fontFiles: [houseFont.regular, houseFont.bold],
      defaultFontFamily: family,
    };
    const pixels = (text: string) =>
      new Resvg(text, { font, background: 'white', fitTo: { mode: 'width', value: 800 } }).render().pixels;
    const [one, other] = [pixels(svg), pixels(made)];
    const ink = (all: Buffer) => all.reduce((sum, value) => sum + (255 - value), 0);
    const apart = one.reduce((sum, value, i) => sum + Math.abs(value - other[i]!), 0);
    expect(ink(one)).toBeGreaterThan(1e6);
    expect(apart / ink(one)).toBeLessThan(0.03);
  });

  test('are made of those elements alone that are asked for', () => {
    const svg =
      '<svg><text font-family="a" font-size="7px">one</text><text font-family="a" font-size="7px">two</text></svg>';
    expect(withOutlines(svg, (text) => text === 'two')).toMatch(/<text [^>]*>one<\/text><path d="M[^"]+"\/>/);
    expect(withOutlines(svg, () => false)).toBe(svg);
    // an empty text closes itself, and takes nothing of what follows
    expect(withOutlines('<g><text x="1"/></g><g><text font-size="7px">l</text></g>')).toMatch(
      /^<g><path x="1" d=""\/><\/g><g><path d="M[^"]+"\/><\/g>$/,
    );
  });

  test('hold numbers alone, whatever a text says', () => {
    const hostile = '<svg><text font-size="7px">&lt;script&gt;&quot;/&gt;</text></svg>';
    const made = withOutlines(hostile);
    expect(made).toMatch(/^<svg><path d="[MLQCZ\d. -]+"\/><\/svg>$/);
    expectEvery([...made.matchAll(/NaN|undefined/g), ''], (found) => found === '');
  });
});
