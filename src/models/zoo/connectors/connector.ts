/** What every connector gives: its parameters, and features [B, rows, width] -> prefix tokens [B, tokens, backbone width]. */
import { normaliseRms } from '../../../tensor/ops';
import type { Initial } from '../../../tensor/parameters';
import { need, tf, type Tensor } from '../../../tensor/tf';
import { linearParameters, normParameters, type Declared, type Part } from '../../parts/part';

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

/** Weights of deviation 1 / sqrt(inputs) and biases of zero, norms of one: where a connector starts without pretrained weights. */
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

/** Tokens of the size that the parameter `name` says: without that, prefix tokens are many times larger than words and the frozen backbone ignores what follows them. */
export const sized = (part: Part, tokens: Tensor, name: string): Tensor =>
  tf.mul(normaliseRms(tokens, 1e-6), need(part.tensors, name));
