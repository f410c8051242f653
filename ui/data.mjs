/** Where the page has its data from: the server that it came from, or itself. */

/** What an element of the page holds, packed so that the file is small; null where there is none. */
function unpacked(id) {
  const element = document.getElementById(id);
  if (element === null) return null;
  if (typeof DecompressionStream === 'undefined') throw new Error('This browser is too old to unpack the page.');
  const packed = Uint8Array.from(atob(element.textContent), (letter) => letter.charCodeAt(0));
  element.remove();
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')));
}

/** What the page holds itself, by question; null on a server. */
export const inside = (await unpacked('data')?.json()) ?? null;

/** Pictures, sounds and drawings that it holds, one after the other. */
const media = (await unpacked('media')?.blob()) ?? null;

/** Addresses of those that were asked for. */
const addresses = new Map();

function insideAddress(question) {
  const key = inside.files[question];
  if (key === undefined || addresses.has(key)) return addresses.get(key) ?? null;
  const { type, from, to } = inside.contents[key];
  addresses.set(key, URL.createObjectURL(media.slice(from, to, type)));
  return addresses.get(key);
}

const questionOf = (name, params) => {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== '');
  given.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}${given.length === 0 ? '' : '?'}${new URLSearchParams(given)}`;
};

/** The answer to a question. Throws Error with a reason for a person. */
export async function ask(name, params = {}) {
  const question = questionOf(name, params);
  if (inside !== null) {
    if (!Object.hasOwn(inside.answers, question))
      throw new Error('This file does not hold that; equipoise ui shows it.');
    return inside.answers[question];
  }
  let response;
  try {
    response = await fetch(`/api/${question}`);
  } catch {
    throw new Error('The server does not answer: it was ended, or the connection is gone.');
  }
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

/** The address of a picture, a sound or a drawing; null where this page does not have it. */
export const fileAt = (name, params) => {
  const question = questionOf(name, params);
  return inside === null ? `/${question}` : insideAddress(question);
};

/**
 * Tells `onNews` what changes in an experiment while the page is looked at; gives back how to stop. A page in the
 * background asks for nothing. `onOpen`: a first connection is there; `onReturn`: one is there again, and what happened
 * meanwhile is not told.
 */
export function follow(params, { onNews, onOpen, onReturn }, onState) {
  if (inside !== null) return () => undefined;
  let source = null;
  let opened = false;
  const open = () => {
    if (document.hidden || source !== null) return;
    source = new EventSource(`/${questionOf('events', params)}`);
    source.onopen = () => {
      onState('live');
      if (opened) onReturn();
      else onOpen();
      opened = true;
    };
    source.onerror = () => onState('not connected');
    source.onmessage = ({ data }) => onNews(JSON.parse(data));
  };
  const close = () => {
    source?.close();
    source = null;
  };
  const turn = () => {
    if (document.hidden) close();
    else open();
  };
  document.addEventListener('visibilitychange', turn);
  open();
  return () => {
    document.removeEventListener('visibilitychange', turn);
    close();
  };
}
