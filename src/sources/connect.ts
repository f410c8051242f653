/** Whether anything answers at an address: where packets are dropped, tools wait for minutes and do not say for what. */
import { connect } from 'node:net';

/** What environments name a proxy by. */
const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];

/** Seconds for a connection to be made. */
export const connectSeconds = 5;

/** Whether a server takes or refuses a connection at the host of a URL within seconds. */
function isDecided(url: string, seconds: number): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port) || (protocol === 'http:' ? 80 : 443), hostname.replace(/^\[|\]$/g, ''));
    const timer = setTimeout(() => end(false), seconds * 1000);
    const end = (decided: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(decided);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(true));
  });
}

/**
 * Why none of these addresses, nor a proxy that the environment names, answers: each neither took nor refused a
 * connection. Null where one did, whatever it said: who asks it will be told. What is no URL of the web is left out.
 */
export async function silenceOf(addresses: readonly string[], seconds = connectSeconds): Promise<string | null> {
  const proxies = proxyVariables.map((name) => process.env[name] ?? '');
  const urls = [...new Set([...addresses, ...proxies])].filter((url) => /^https?:/.test(url) && URL.canParse(url));
  if (urls.length === 0) return null;
  const decided = urls.map(async (url) => {
    if (!(await isDecided(url, seconds))) throw new Error('silence');
  });
  return await Promise.any(decided).then(
    () => null,
    () => `no connection to ${urls.map((url) => new URL(url).host).join(' or ')} within ${seconds} s`,
  );
}
