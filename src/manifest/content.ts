/**
 * The content of a manifest file after validation, as its JSON says it (manifest.schema.json). Reference:
 * docs/manifests.md.
 */

import type { FieldPath, Pattern } from './pattern';
import type { SlurmSection } from './slurm';

/** Values for some fields. */
export interface Settings {
  fixed?: Record<FieldPath, unknown>;
  steps?: number;
  epochs?: number;
  examples?: number;
  measure?: Record<string, unknown>;
  evaluate?: Record<string, unknown>;
}

/** Axes that vary, and what belongs to them. */
export interface Grid extends Settings {
  /** every combination of these */
  axes?: Record<FieldPath, unknown[]>;
  /** in each group the i-th values go together */
  zip?: Record<FieldPath, unknown[]>[];
  /** combinations to leave out */
  exclude?: Pattern[];
  /** more axes for the combinations that match */
  when?: { if: Pattern; then: Record<FieldPath, unknown[]> }[];
}

/** A variant of the manifest: the runs that match `keep`, at most `runs` of them, with these settings on top. */
export interface Profile extends Settings {
  about?: string;
  keep?: Pattern | Pattern[];
  runs?: number;
}

export interface About {
  /** what is compared and why */
  what: string;
  /** the command that runs it */
  command: string;
  /** how long it takes, on what */
  expectedTime: string;
  /** what to see in the result */
  lookFor: string;
}

export interface ManifestContent extends Grid {
  $schema?: string;
  name: string;
  about: About;
  include?: Grid[];
  profiles?: Record<string, Profile>;
  /** what the runs ask of a Slurm cluster; no part of their identity */
  slurm?: SlurmSection;
}

/** A manifest that was read and found free of faults, with the profile that was asked for. */
export interface Manifest {
  name: string;
  about: About;
  /** the path as it was given */
  file: string;
  /** of the file's bytes; of `whole` where values were set */
  sha256: string;
  /** the manifest as JSON where no file says it: with values that were set, or from standard input. `run` keeps it */
  whole?: string;
  profile: string | null;
  content: ManifestContent;
  /** what a reader should know before training, one sentence each */
  warnings: string[];
}

/**
 * The name of a manifest's experiment, its folder below the results. A profile's shrunken runs must not mix with the
 * full ones in figures: they are an experiment of their own.
 */
export const experimentOf = ({ name, profile }: Pick<Manifest, 'name' | 'profile'>): string =>
  profile === null ? name : `${name}-${profile}`;

/** The parts of a JSON pointer, escaped and joined (RFC 6901). */
export function pointer(base: string, ...parts: (string | number)[]): string {
  return base + parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
