/** Which runs are meant, as a manifest's JSON says it. */

/** Name of an axis: a field of RunSpec, dotted for a part of one, or a length. */
export type FieldPath = string;

/** What a run must be like: every field named must match; a list matches any of its values, an object its own keys. */
export type Pattern = Record<FieldPath, unknown>;
