/** What commands print with `--json`, held to the published schema. */
import { Ajv2020 } from 'ajv/dist/2020';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../src/files';

type Output = { format: string } & Record<string, unknown>;

let validators: ReadonlyMap<string, ReturnType<Ajv2020['compile']>> | undefined;

/** By format, the check of what is published for it. */
function published(): NonNullable<typeof validators> {
  if (validators !== undefined) return validators;
  const schema = JSON.parse(readFileSync(join(projectRoot, 'src', 'cli', 'output.schema.json'), 'utf8')) as {
    $id: string;
    $defs: Record<string, { properties: { format: { const: string } } }>;
  };
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
  ajv.addSchema(schema);
  validators = new Map(
    Object.entries(schema.$defs).map(([name, { properties }]) => [
      properties.format.const,
      ajv.compile({ $ref: `${schema.$id}#/$defs/${name}` }),
    ]),
  );
  return validators;
}

/** The object that a command has printed, whole. Throws where it is none, or not what the schema says of its format. */
export function jsonOutput(printed: string): Output {
  const value = JSON.parse(printed) as Output;
  const validate = published().get(value.format);
  if (validate === undefined) throw new Error(`no schema for the format ${JSON.stringify(value.format)}`);
  if (!validate(value))
    throw new Error(
      `${value.format}: ${(validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`).join('; ')}`,
    );
  return value;
}
