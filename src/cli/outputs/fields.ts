/** Words for the schemas of outputs. */

export type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: 'string' };
export const number: Schema = { type: 'number' };
export const whole: Schema = { type: 'integer' };
export const flag: Schema = { type: 'boolean' };
export const anything: Schema = {};
export const list = (items: Schema): Schema => ({ type: 'array', items });
export const byName = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });
export const oneOf = (...values: string[]): Schema => ({ enum: values });
export const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
export const said = (schema: Schema, description: string): Schema => ({ ...schema, description });

/** An object with these fields, those of `more` only sometimes; others may be added within a version. */
export const object = (
  fields: Readonly<Record<string, Schema>>,
  more: Readonly<Record<string, Schema>> = {},
): Schema => ({
  type: 'object',
  properties: { ...fields, ...more },
  required: Object.keys(fields),
});

/** What a command prints. */
export interface Output {
  /** the command, with the options that lead to it */
  command: string;
  about: string;
  fields: Schema;
}

export const id = said(text, 'first 16 hexadecimal digits of the identity of a run');
export const reason = object({ id, reason: text });
export const problem = object({ where: text, what: text }, { expected: text, hint: text });
export const needs = object({
  parameters: number,
  trainable: object({ encoder: number, backbone: number }),
  memory: said(byName(number), 'bytes'),
  step: object({ flops: number, movedBytes: number }),
  measured: object({ flops: number, movedBytes: number }),
});
