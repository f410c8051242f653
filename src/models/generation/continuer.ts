/** A model on a device, as the host's loop of generation sees it: prompts in, logits out, one token a row at a time. */

export interface Prompt {
  /** of the image or sound, [rows * width] as the program takes them */
  features: Float32Array;
  /** ids of the text, placeholders among them where the family has one */
  tokens: readonly number[];
  /** what its random numbers are keyed by; default: its place in the list */
  key?: string;
}

export interface Continuer {
  /** prompts at once */
  prompts: number;
  /** rows of each prompt */
  beams: number;
  /** longest prompt, text tokens */
  promptTokens: number;
  /** tokens after the prompt at most */
  newTokens: number;
  /** places before the text */
  before: number;
  /** longest sequence of the model */
  context: number;
  /** reads at most `prompts` prompts and forgets those before -> logits [prompts, V] of what follows them */
  begin(prompts: readonly Prompt[]): Promise<Float32Array>;
  /**
   * One token for each of the prompts * beams rows: its id, the row that it continues (of the step before), its
   * position, and the number of the step from 0 -> logits [rows, V] of what follows.
   */
  next(step: {
    ids: readonly number[];
    parents: readonly number[];
    positions: readonly number[];
    slot: number;
  }): Promise<Float32Array>;
}
