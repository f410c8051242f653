/** All regularisers. To add one: a line in the list (docs/extending.md). */
import { register, type SpecOf } from '../parts/define';
import { above0, number, type Options, type ValuesOf } from '../parts/options';
import { tf, type Tensor } from '../tensor/tf';
import type { PerModule } from '../modules';
import { defineRegulariser, type RegulariserFacts, type RegulariserPart, type Term } from './regulariser';

const weighted = (values: PerModule<Tensor>, weights: PerModule<Tensor>): Tensor =>
  tf.add(tf.mul(weights.encoder, values.encoder), tf.mul(weights.backbone, values.backbone));

const lambda = (standard: number) => number('weight of the regulariser', 0, 1000, standard);

/** By the name that manifests use. `none` is what a run has that asks for nothing else. */
export const regularisers = {
  none: defineRegulariser({ about: 'no regulariser', options: {}, facts: { joins: 'loss' }, make: () => null }),
  /** L = L_CE - lambda [ w_S min(D_S, cap) + w_X min(D_X, cap) ] */
  commit: defineRegulariser({
    about: 'rewards change of the generation distribution',
    options: { lambda: lambda(0.1), cap: above0('each divergence is capped here, nats per label token', 1000, 1) },
    facts: { joins: 'loss', cap: ({ cap }) => cap },
    make:
      ({ lambda, cap }) =>
      ({ encoder, backbone }, weights) =>
        tf.mul(weighted({ encoder: tf.minimum(encoder, cap), backbone: tf.minimum(backbone, cap) }, weights), -lambda),
  }),
  /**
   * L = L_CE - lambda [ w_S log max(D_S, e) + w_X log max(D_X, e) ]: a pull along the last step whose length does not
   * go to 0 with that of the step, of norm about 2 lambda w / ||step||; below e a divergence is rounding, and pulls at
   * nothing
   */
  'log-divergence': defineRegulariser({
    about: 'rewards relative change of the generation distribution, however small it is',
    options: {
      lambda: lambda(1e-3),
      epsilon: above0('below this a divergence, nats per label token, is rounding and pulls at nothing', 1, 1e-6),
    },
    facts: { joins: 'gradient' },
    make:
      ({ lambda, epsilon }) =>
      ({ encoder, backbone }, weights) => {
        const log = (value: Tensor) => tf.log(tf.maximum(value, epsilon));
        return tf.mul(weighted({ encoder: log(encoder), backbone: log(backbone) }, weights), -lambda);
      },
  }),
  /** the direction of -(w_S D_S + w_X D_X), with a stated share of each module's clipped gradient */
  share: defineRegulariser({
    about: "rewards change by a fixed share of each module's gradient, added behind clipping",
    options: { share: above0("norm of what is added, over that of the module's clipped gradient", 10, 0.1) },
    facts: { joins: 'update', share: ({ share }) => share },
    make: () => (divergences, weights) => tf.neg(weighted(divergences, weights)),
  }),
};

/** Regulariser of docs/method.md section 5. A scheduler may bring one; beside others it is an ablation. */
export type RegulariserSpec = SpecOf<typeof regularisers>;

/** The list as other rooms see it: names are theirs to look up, not to know. */
const byName = regularisers as unknown as Readonly<Record<string, RegulariserPart>>;

/** Adds a regulariser at start-up, before a manifest is read. Throws Error when its name or an option cannot be had. */
export const registerRegulariser = (name: string, part: RegulariserPart): void => register(byName, name, part);

/** The regularisers of this repository, by whose code `codeOf` finds theirs: they stand here. */
const builtIn = new Set(Object.keys(regularisers));

/** Where a regulariser of this repository stands; undefined for others, and for none at all. */
export const regulariserFile = (spec: { kind: string }): string | undefined =>
  builtIn.has(spec.kind) && !isUnregularised(spec) ? __filename : undefined;

/** A resolved spec has the options of its own kind: the schema of a run has checked it. */
const optionsOf = (spec: RegulariserSpec) => spec as unknown as ValuesOf<Options>;

/** Whether a run has none: then nothing of its loss depends on kappa, whose average weighs the terms of all others. */
export const isUnregularised = <Spec extends { kind: string }>(spec: Spec): spec is Extract<Spec, { kind: 'none' }> =>
  spec.kind === 'none';

/** The term of a resolved run; null without a regulariser. */
export const termOf = (spec: RegulariserSpec): Term | null => byName[spec.kind]!.make(optionsOf(spec));

/** Facts of a resolved run's regulariser, with the values of its options. */
export function factsOfRegulariser(spec: RegulariserSpec): {
  joins: RegulariserFacts<never>['joins'];
  cap: number | null;
  share: number | null;
} {
  const { joins, cap, share } = byName[spec.kind]!.facts;
  return { joins, cap: cap?.(optionsOf(spec)) ?? null, share: share?.(optionsOf(spec)) ?? null };
}

/** Whether the journal tells the share of the regulariser's gradient: where it is found by itself. */
export const tellsShare = (spec: RegulariserSpec): boolean => factsOfRegulariser(spec).joins !== 'loss';
