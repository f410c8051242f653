/** What the `format` of an output says; alone, so that commands need none of the schemas. */

/** The `format` of the output of a name (index.ts). */
export const formatOf = (name: string): string => `equipoise-${name}-output/1`;
