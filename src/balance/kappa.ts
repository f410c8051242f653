/**
 * The balance coefficient (docs/method.md section 2): how much the backbone's step alone changes the distribution of
 * the next token, over how much the encoder's step alone does. kappa > 1: the backbone dominates; < 1: the encoder.
 * The passes and divergences that go into it: measureStep.ts.
 */

/**
 * Divergences below this are set to it and flagged: a module that hardly moved would otherwise give a kappa without
 * meaning.
 */
export const divergenceFloor = 1e-8;

/** log-probability tables [label tokens, vocabulary] of the model in its mixed states; index 1 = new, 0 = old. */
export interface MixedStates<T> {
  /** both old */
  old: T;
  /** backbone new, encoder old */
  backboneMoved: T;
  /** backbone old, encoder new */
  encoderMoved: T;
  /** both new; only variant (b) needs it */
  moved?: T;
}

/**
 * The two pairs (p, q) whose KL(p || q) are D_X and D_S.
 * Variant (a): one module alone takes its step from the old state. Variant (b): one module alone is reverted from the
 * new.
 */
export function divergencePairs<T>(variant: 'a' | 'b', states: MixedStates<T>): { backbone: [T, T]; encoder: [T, T] } {
  if (variant === 'a')
    return { backbone: [states.backboneMoved, states.old], encoder: [states.encoderMoved, states.old] };
  if (states.moved === undefined) throw new Error('variant (b) of kappa needs the joint new state');
  return { backbone: [states.moved, states.encoderMoved], encoder: [states.moved, states.backboneMoved] };
}

export interface Kappa {
  dBackbone: number;
  dEncoder: number;
  kappa: number;
  logKappa: number;
  /** a divergence was below the floor and set to it */
  floor: boolean;
}

/** kappa_t = D_X / D_S from two mean divergences in nats per label token. Throws RangeError when one is not finite. */
export function kappaOf(dBackbone: number, dEncoder: number): Kappa {
  if (!Number.isFinite(dBackbone) || !Number.isFinite(dEncoder))
    throw new RangeError(`kappa needs finite divergences, found D_X = ${dBackbone}, D_S = ${dEncoder}`);
  const x = Math.max(dBackbone, divergenceFloor);
  const s = Math.max(dEncoder, divergenceFloor);
  return {
    dBackbone: x,
    dEncoder: s,
    kappa: x / s,
    logKappa: Math.log(x / s),
    floor: x !== dBackbone || s !== dEncoder,
  };
}
