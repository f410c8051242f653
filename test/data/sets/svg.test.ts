/** Icons are hostile until checked: what is let through, what is refused, and that drawing is exact. */
import { describe, expect, it } from 'vitest';
import { rasterise, refusal } from '../../../src/data/sets/svg';

const svg = (body: string, open = 'viewBox="0 0 8 8"') =>
  `<svg xmlns="http://www.w3.org/2000/svg" ${open}>${body}</svg>`;
const square = '<rect width="8" height="8" fill="#0a0"/>';

describe('refusal', () => {
  it('lets plain drawings, gradients and inner references through', () => {
    expect(refusal(svg(square))).toBeUndefined();
    expect(refusal(`<?xml version="1.0" encoding="UTF-8"?>\n<!-- drawn by hand -->\n${svg(square)}\n`)).toBeUndefined();
    expect(
      refusal(
        svg(
          '<defs><linearGradient id="a"><stop stop-color="#f00"/></linearGradient><path id="p" d="M0 0h8v8z"/></defs><use xlink:href="#p" fill="url(#a)"/>',
        ),
      ),
    ).toBeUndefined();
  });

  it.each([
    ['a picture from an address', '<image href="https://example.org/a.png"/>', 'element that does not draw'],
    ['a picture from a file', '<image href="/etc/hostname"/>', 'element that does not draw'],
    ['a script', '<script>1</script>', 'element that does not draw'],
    ['foreign content', '<foreignObject/>', 'element that does not draw'],
    ['text, which needs fonts', '<text>a</text>', 'element that does not draw'],
    ['an animation', '<animate attributeName="x"/>', 'element that does not draw'],
    ['a reference to another file', '<use href="other.svg#a"/>', 'refers outside the file'],
    ['a reference without quotes or with spaces', '<use xlink:href = " other.svg"/>', 'refers outside the file'],
    ['an encoded reference', '<use href="&#x2e;/other.svg"/>', 'refers outside the file'],
    ['a fill from elsewhere', '<path fill="url(other.svg#a)"/>', 'refers outside the file'],
    ['a style with an escape', '<path style="fill:u\\72l(x)"/>', 'refers outside the file'],
    ['an event handler', '<path onclick="a()"/>', 'refers outside the file'],
    ['another base', '<g xml:base="x"/>', 'refers outside the file'],
    ['repeated parts', '<use href="#a"/>'.repeat(17), 'too many repeated parts'],
    ['too many bytes', `<path d="${'M0 0'.repeat(300_000)}"/>`, 'larger than 1 MB'],
  ])('refuses %s', (_what, body, reason) => {
    expect(refusal(svg(body))).toBe(reason);
  });

  it('refuses entities, style sheets and things that are no SVG', () => {
    expect(refusal(`<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]>${svg(square)}`)).toBe(
      'not an SVG document',
    );
    expect(refusal(`<?xml-stylesheet href="a.css"?>${svg(square)}`)).toBe('not an SVG document');
    expect(refusal(svg('<![CDATA[<image/>]]>'))).toBe('refers outside the file');
    expect(refusal(svg(square, 'viewBox="0 0 1e9 1e9"'))).toBe('larger than 4096 units');
    expect(refusal(svg(square, 'viewBox="0 0 8 8" width="99999px" height="8"'))).toBe('larger than 4096 units');
    expect(refusal('')).toBe('not an SVG document');
    expect(refusal('{"body": 1}')).toBe('not an SVG document');
  });
});

describe('rasterise', () => {
  it('draws at the asked size, the same bytes twice', async () => {
    const once = await rasterise(svg(square), 16);
    const again = await rasterise(svg(square), 16);
    if (typeof once === 'string') throw new Error(once);
    expect([once.width, once.height, ...once.pixels.slice(0, 4)]).toEqual([16, 16, 0, 170, 0, 255]);
    expect(again).toEqual(once);
  });

  it('names what cannot be drawn', async () => {
    expect(await rasterise(svg(''), 16)).toBe('draws nothing');
    expect(await rasterise(svg(square, 'viewBox="0 0 16 8"'), 16)).toBe('not square');
    expect(await rasterise(svg('<g>'), 16)).toBe('cannot be drawn');
    expect(await rasterise(svg('<image href="a"/>'), 16)).toBe('element that does not draw');
  });
});
