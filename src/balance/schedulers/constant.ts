/** The paper's baseline "Constant LR": both rates stay as they are (docs/method.md section 4). */
import { bothActive, defineScheduler } from './scheduler';

export const constant = defineScheduler({
  file: __filename,
  about: 'fixed rates',
  options: {},
  facts: { ignoresKappa: true, look: 'black' },
  make: () => ({ initial: null, next: () => ({ state: null, decision: bothActive() }) }),
});
