/**
 * What `--json` prints: one object a command, whose `format` names its schema and version. Fields are added within a
 * version; whatever is changed or taken away raises it. Published as output.schema.json, which
 * `npx ts-node src/cli/outputs/write.ts` writes; tests hold what commands print to it.
 */
import { analysisOutputs } from './analysis';
import { dataOutputs } from './data';
import type { Output, Schema } from './fields';
import { formatOf } from './format';
import { runOutputs } from './runs';

/** By name: `format` is `equipoise-NAME-output/1`. */
export const outputs = { ...runOutputs, ...analysisOutputs, ...dataOutputs } as const;

export type OutputName = keyof typeof outputs;

/** The schema of all outputs, told apart by their `format`. */
export function outputSchema(): Schema {
  const definitions = Object.entries<Output>(outputs).map(([name, { command, about, fields }]) => {
    const { properties, required } = fields as { properties: object; required: string[] };
    return [
      name,
      {
        description: `equipoise ${command}: ${about}`,
        ...fields,
        properties: { format: { const: formatOf(name) }, ...properties },
        required: ['format', ...required],
      },
    ] as const;
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:equipoise:output',
    title: 'What equipoise prints with --json',
    description: 'One object, whose format names one of these. Reference: docs/commands.md.',
    oneOf: definitions.map(([name]) => ({ $ref: `#/$defs/${name}` })),
    $defs: Object.fromEntries(definitions),
  };
}

/** The text of output.schema.json. */
export const outputSchemaText = (): string => `${JSON.stringify(outputSchema(), null, 2)}\n`;

/** The table of docs/commands.md. */
export const outputTable = (): string =>
  [
    '| format | command | what it says |',
    '|---|---|---|',
    ...Object.entries<Output>(outputs).map(
      ([name, { command, about }]) => `| \`${formatOf(name)}\` | \`${command}\` | ${about} |`,
    ),
  ].join('\n');
