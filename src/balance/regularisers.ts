/** The kinds of regulariser that a manifest may choose; the term itself is computed in regulariser.ts. */
import { kind, type SpecOf } from '../parts/define';
import { above0, number } from '../parts/options';

/** By the name that manifests use. `none` is what a run has that asks for nothing else. */
export const regularisers = {
  none: kind('no regulariser', {}),
  commit: kind('rewards change of the generation distribution', {
    lambda: number('weight of the regulariser', 0, 1000, 0.1),
    cap: above0('each divergence is capped here, nats per label token', 1000, 1),
  }),
};

/** Regulariser of docs/method.md section 5. A scheduler may bring one; beside others it is an ablation. */
export type RegulariserSpec = SpecOf<typeof regularisers>;

/** Whether a run has none: then nothing of its loss depends on kappa, whose average weighs the terms of all others. */
export const isUnregularised = <Spec extends { kind: string }>(spec: Spec): spec is Extract<Spec, { kind: 'none' }> =>
  spec.kind === 'none';
