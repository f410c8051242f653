/**
 * What every connector is: how an encoder's features [B, rows, width] become prefix tokens [B, tokens, backbone width].
 * `defineConnector` states one with all that other rooms must know of it, in the connector's own file; index.ts lists
 * them.
 */
import type { Part as PartOf } from '../../../parts/define';
import { byRule, whole, type Option, type Options, type ValuesOf } from '../../../parts/options';
import { normaliseRms } from '../../../tensor/ops';
import type { Initial } from '../../../tensor/parameters';
import { need, tf, type Tensor } from '../../../tensor/tf';
import { linearParameters, normParameters, type Declared, type Part } from '../../parts/part';
import type { WeightTensor } from '../../weights/weight';

export interface ConnectorShape {
  /** feature rows and width of the encoder */
  rows: number;
  features: number;
  /** backbone width */
  width: number;
  /** root mean square of a token embedding's element: the size that prefix tokens start with */
  embeddingScale: number;
}

/** A parameter that knows how it starts. */
export type ConnectorParameter = Declared & { initial: Initial };

export interface Connector {
  tokens: number;
  parameters: ConnectorParameter[];
  apply(part: Part, features: Tensor): Tensor;
}

/** Pretrained weights that a connector starts from, by its own names. */
export type ConnectorStart = Record<string, WeightTensor>;

/** Where the weights come from that a connector starts from. */
export interface PretrainedStart {
  /** their data manifest */
  source: string;
  /** Fetches on first use. Throws UserError for weights that do not fit. */
  load(): Promise<ConnectorStart>;
}

/** What forbids an option's value; `option` is null when it is the connector as a whole. */
export interface ConnectorFault {
  option: string | null;
  what: string;
  expected: string;
  hint?: string;
}

/** What other rooms must know of a connector with the options `Values`. */
export interface ConnectorFacts<Values> {
  /** it looks at the largest grid of rows that the tower can give, and chooses for itself what of it */
  wholeGrid?: boolean;
  /** its rows must be the square grid of a picture; frames of sound are none */
  needsGrid?: boolean;
  /** it comes with a published checkpoint, and nothing is built here */
  ofCheckpoint?: boolean;
  /** the pretrained weights that it starts from; undefined where it starts at random */
  start?(options: Values): PretrainedStart | undefined;
  /** what forbids a run with these options, beyond the limits of each */
  faults?(options: Values): ConnectorFault[];
}

/**
 * Puts a connector together. `start` as its facts load it. Throws UserError for options that do not fit the features.
 */
export type BuildConnector = (shape: ConnectorShape, start?: ConnectorStart) => Connector;

export type ConnectorPart<O extends Options = Options> = PartOf<O, ConnectorFacts<ValuesOf<O>>, BuildConnector>;

/** States a connector: what it is, its options with meaning, limits and default, its facts, and its code. */
export const defineConnector = <const O extends Options>(part: ConnectorPart<O>): ConnectorPart<O> => part;

/** Options that several connectors have. */
export const tokensOption = (standard: number): Option<number> =>
  whole('tokens given to the backbone', 1, 256, standard);
export const widthOption = (standard: number): Option<number> => whole('hidden width', 1, 16_384, standard);
export const layersOption = whole('transformer layers', 1, 24, 2);

/** Prefix tokens when a manifest names none: one a 2x2-pooled grid cell (image), one a half second (sound). */
export const tokensByRule = (rows: number): number => (rows > 16 ? Math.max(1, Math.round(rows / 5)) : rows);
export const ruledTokens = byRule(
  tokensOption(4),
  'one a feature row, or one a five rows where there are more than 16: 4 for a picture, 10 for 5 s of sound',
);

/**
 * Weights of deviation 1 / sqrt(inputs) and biases of zero, norms of one: where a connector starts without pretrained
 * weights.
 */
export const usualStart = ({ name, shape }: Declared): Initial => {
  if (name.endsWith('.bias')) return { kind: 'zeros' };
  return shape.length === 1 ? { kind: 'constant', value: 1 } : { kind: 'normal', deviation: 1 / Math.sqrt(shape[1]!) };
};

/** As kept runs have it: a layer's weight is stored under `<name>.weight`, a norm's gain under `<name>.gain`. */
export const storedByKind = (name: string, shape: readonly number[]): string =>
  name.endsWith('.bias') ? name : `${name}.${shape.length === 1 ? 'gain' : 'weight'}`;

/** A linear layer. */
export const linearStart = (name: string, output: number, input: number): ConnectorParameter[] =>
  linearParameters(name, output, input).map((declared) => ({ ...declared, initial: usualStart(declared) }));

/** A layer norm. */
export const normStart = (name: string, size: number): ConnectorParameter[] =>
  normParameters(name, size).map((declared) => ({ ...declared, initial: usualStart(declared) }));

/** The parameters as `storedByKind` names them. */
export const stored = (parameters: readonly ConnectorParameter[]): ConnectorParameter[] =>
  parameters.map((parameter) => ({ ...parameter, stored: storedByKind(parameter.name, parameter.shape) }));

/** The learned size of prefix tokens, at first that of words. */
export const sizeParameter = (name: string, { embeddingScale }: ConnectorShape): ConnectorParameter => ({
  name,
  shape: [1],
  initial: { kind: 'constant', value: embeddingScale },
});

/**
 * Tokens of the size that the parameter `name` says: without that, prefix tokens are many times larger than words and
 * the frozen backbone ignores what follows them.
 */
export const sized = (part: Part, tokens: Tensor, name: string): Tensor =>
  tf.mul(normaliseRms(tokens, 1e-6), need(part.tensors, name));
