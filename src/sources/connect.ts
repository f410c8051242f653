/** Whether anything answers at an address: where packets are dropped, tools wait for minutes and do not say for what. */
import { connect } from 'node:net';

/** What environments name a proxy by. */
export const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'] as const;

/** Seconds for a connection to be made: the third packet that asks for one is sent after seven. */
const connectSeconds = 8;

/** `answers`: it takes or refuses a connection; `fails`: there is no way to it, which any tool tells at once. */
type Answer = 'answers' | 'fails' | 'silent';

function ask(url: string, seconds: number): Promise<Answer> {
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port) || (protocol === 'http:' ? 80 : 443), hostname.replace(/^\[|\]$/g, ''));
    const end = (answer: Answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end('silent'), seconds * 1000);
    socket.once('connect', () => end('answers'));
    socket.once('error', (error: Error & { code?: string; errors?: { code?: string }[] }) => {
      // A name with several addresses fails with one error for each.
      const codes = [error.code, ...(error.errors ?? []).map(({ code }) => code)];
      if (codes.includes('ECONNREFUSED')) end('answers');
      else end(codes.includes('ETIMEDOUT') ? 'silent' : 'fails');
    });
  });
}

/** Whom a tool would ask. */
export interface Asked {
  servers: readonly string[];
  /** of the tool's own settings, beside those that the environment names; empty texts and `null` are none */
  proxies?: readonly string[];
}

/**
 * Why nobody answers: none of the servers, or where proxies are set of those, takes or refuses a connection, and one at
 * least is silent. Null where one answers, where all fail at once, and where an address is of a kind that is not known
 * here (SOCKS): then the tool is left to itself.
 */
export async function silenceOf(
  { servers, proxies: own = [] }: Asked,
  seconds: number = connectSeconds,
): Promise<string | null> {
  const proxies = [...own, ...proxyVariables.map((name) => process.env[name] ?? '')].filter(
    (proxy) => proxy !== '' && proxy !== 'null',
  );
  const isExempting = [process.env['NO_PROXY'], process.env['no_proxy']].some((list) => (list ?? '') !== '');
  const asked = proxies.length > 0 && !isExempting ? proxies : [...servers, ...proxies];
  if (asked.length === 0 || asked.some((url) => !/^https?:/.test(url) || !URL.canParse(url))) return null;
  const byHost = new Map(asked.map((url) => [new URL(url).host, url]));
  const answers = [...byHost.values()].map((url) => ask(url, seconds));
  const first = await Promise.any(
    answers.map(async (answer) => {
      if ((await answer) !== 'answers') throw new Error(await answer);
      return 'answers' as const;
    }),
  ).catch(async () => (await Promise.all(answers)).find((answer) => answer === 'silent') ?? 'fails');
  return first === 'silent' ? `no connection to ${[...byHost.keys()].join(' or ')} within ${seconds} s` : null;
}
