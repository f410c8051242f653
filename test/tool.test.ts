import { expect, test } from 'vitest';
import { causeOf } from '../src/tool';

const npm = (...lines: string[]) => ({
  signal: null,
  absent: false,
  code: 1,
  out: '',
  err: lines.map((line) => `npm error ${line}`).join('\n'),
});

test('of a failed fetch the line that names the cause is told, not the advice below it', () => {
  const advice = ['If you are behind a proxy, please make sure that it is set', 'A complete log is in debug-0.log'];
  const reason = 'FetchError: request to http://127.0.0.1:9/x failed, reason: connect ECONNREFUSED 127.0.0.1:9';
  expect(causeOf(npm('code ECONNREFUSED', reason, ...advice))).toBe(`npm error ${reason}`);
  expect(causeOf(npm('code ENOTFOUND', ...advice))).toBe('npm error code ENOTFOUND');
  expect(causeOf(npm('code E404', '404 Not Found', 'not in this registry'))).toBe(
    'npm error code E404 / npm error 404 Not Found / npm error not in this registry',
  );
});
