/** The paper's baseline "Constant LR": both rates stay as they are (docs/method.md section 4). */
import { bothActive, type Scheduler } from './scheduler';

export const constant = (): Scheduler<null> => ({
  initial: null,
  next: () => ({ state: null, decision: bothActive() }),
});
