/**
 * Who may ask, and what: reading only, under a name of this machine, from this page. A page of the web that a browser
 * has open at the same time can send requests here, too, also under a name that its owner lets point to this machine (DNS
 * rebinding).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Guard {
  /** names under which this server is asked, in small letters, IPv6 addresses in brackets */
  hosts: readonly string[];
  port: number;
  /** what a request must carry as a cookie; null on the loopback interface */
  token: string | null;
}

/** Why a request is not answered. */
export interface Refusal {
  status: 401 | 403 | 405;
  text: string;
}

/** Names of the loopback interface. */
export const loopback: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

/** The cookie that carries the token; cookies do not tell ports apart. */
export const cookieName = (port: number): string => `equipoise-${port}`;

/** Compares in a time that says nothing of how much is right. */
export function sameToken(given: string, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}

/** The name and port of an address such as `localhost:8080`; null for what is none. */
function addressOf(text: string | undefined): { host: string; port: number } | null {
  const found = /^(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?$/i.exec(text ?? '');
  return found === null ? null : { host: found[1]!.toLowerCase(), port: Number(found[2] ?? 80) };
}

/**
 * Names of the loopback interface are this machine's at whichever port: a tunnel (`ssh -L`) may have another. Under them no
 * other page can be meant, since nobody can let them point elsewhere.
 */
const isOwn = (text: string | undefined, { hosts, port }: Guard): boolean => {
  const address = addressOf(text);
  if (address === null || !hosts.includes(address.host)) return false;
  return address.port === port || loopback.includes(address.host);
};

/** Whether a request is refused, and why; null for one that is answered. */
export function refusalOf(
  { method, headers }: Pick<IncomingMessage, 'method' | 'headers'>,
  guard: Guard,
): Refusal | null {
  if (!isOwn(headers.host, guard)) return { status: 403, text: 'this server does not answer under that name' };
  const { origin, host } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host!.toLowerCase()}`)
    return { status: 403, text: 'only this page may ask' };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'this server only reads' };
  return null;
}

/** Whether the request carries the token, where one is needed. */
export function hasToken({ headers }: Pick<IncomingMessage, 'headers'>, { token, port }: Guard): boolean {
  if (token === null) return true;
  const given = (headers.cookie ?? '')
    .split(';')
    .map((each) => each.trim())
    .find((each) => each.startsWith(`${cookieName(port)}=`));
  return given !== undefined && sameToken(given.slice(cookieName(port).length + 1), token);
}
