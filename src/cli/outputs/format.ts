/** What the `format` of an output says; alone, so that commands need none of the schemas. */
import type { OutputName } from './index';

/** What `format` says of an output. */
export const formatOf = (name: OutputName): string => `equipoise-${name}-output/1`;
