/** A small self-contained page to listen to some items of the set before anything is trained on it. */
import type { Item } from '../../types';
import type { Placed } from './mixture';
import { sampleRate } from '../../audio';

/** One item with its sound as a WAV file. */
export interface SampledItem {
  item: Item;
  clips: readonly Placed[];
  wav: Uint8Array;
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character]!);

function section({ item, clips, wav }: SampledItem): string {
  const heard = clips.map(
    (clip) =>
      `<li>${(clip.onset / sampleRate).toFixed(2)} s: ${escapeHtml(clip.class)} <small>${escapeHtml(`${clip.source}/${clip.file} (${clip.licence})`)}</small></li>`,
  );
  return `<section>
<h2>${escapeHtml(item.prompt)} <b>${escapeHtml(item.answer)}</b></h2>
<p>${escapeHtml(`${item.id}, ${item.kind}, ${item.slice}; choices: ${item.choices.join(', ')}`)}</p>
<audio controls preload="none" src="data:audio/wav;base64,${Buffer.from(wav).toString('base64')}"></audio>
<ol>${heard.join('')}</ol>
</section>`;
}

/** The page as HTML, with the sounds inside it. */
export function samplerPage(title: string, sampled: readonly SampledItem[]): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>body{font:16px/1.4 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}h2{font-size:1rem;font-weight:normal}section{border-top:1px solid #ccc}small{color:#555}audio{width:100%}</style>
<h1>${escapeHtml(title)}</h1>
${sampled.map(section).join('\n')}
</html>
`;
}
