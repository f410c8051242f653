/** What every connector gives: its parameters, and features [B, rows, width] -> prefix tokens [B, tokens, backbone width]. */
import type { ParameterSpec } from '../../../tensor/parameters';
import type { Tensor, Tensors } from '../../../tensor/tf';

export interface ConnectorShape {
  /** feature rows and width of the encoder */
  rows: number;
  features: number;
  /** backbone width */
  width: number;
  /** root mean square of a token embedding's element: the size that prefix tokens start with */
  embeddingScale: number;
}

export interface Connector {
  tokens: number;
  parameters: ParameterSpec[];
  apply(parameters: Tensors, features: Tensor): Tensor;
}
