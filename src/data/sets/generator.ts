/** What a generated set is made of: the interface between one set's generator and the shared store. Plain data only. */
import type { Modality } from '../../modules';
import type { AlignmentItem, Item } from '../types';

/** A verified source package, unpacked and ready to read. */
export interface Source {
  /** name of its data manifest */
  name: string;
  /** absolute path; read only */
  folder: string;
  licence: string;
}

/** Where a part of a media file comes from. */
export interface Origin {
  /** name of the source's data manifest */
  source: string;
  /** path inside the source */
  file: string;
  licence: string;
}

/** One image or sound that the generator wrote into its target folder. */
export interface MediaFile {
  /** what `Item.media` and `AlignmentItem.media` refer to */
  key: string;
  /** path relative to the target folder, with `/` */
  file: string;
  /** everything it was made from: one icon, or several mixed recordings */
  origins: Origin[];
}

/** What a generator gives back; the media files lie in the target folder by then. */
export interface Generated {
  items: Item[];
  alignment: AlignmentItem[];
  /** classes of the alignment phase; empty for captions */
  classes: string[];
  media: MediaFile[];
  /** reason -> number of source files left out for it */
  skipped: Record<string, number>;
  /** further facts for the data card, deterministic: no times, no paths of this machine */
  notes: Record<string, unknown>;
}

/** Says how far a long step is, e.g. `report('rendering', 120, 3600)`. */
export type OnProgress = (what: string, done: number, total: number) => void;

/** A set's recipe. Same version, options and source hashes must give the same bytes on every machine. */
export interface SetGenerator {
  task: string;
  modality: Modality;
  /** raise it with every change that alters a byte of the set */
  version: string;
  /** `__filename` of what defines it: its code belongs to the identity (src/parts/code.ts); absent outside this repository */
  files?: readonly string[];
  /** names of the data manifests it reads */
  sources: readonly string[];
  /** every number and name that shapes the set; part of the identity */
  options: Record<string, unknown>;
  /**
   * the questions are others', taken as they are: repeats and media on both sides of a split are noted in the card, not
   * refused
   */
  released?: true;
  /**
   * Writes media under `target` and returns the items. `source(name)` gives one of `sources`.
   * Throws UserError when a source is not what it should be.
   */
  generate(source: (name: string) => Source, target: string, onProgress: OnProgress): Promise<Generated>;
}

/** Where the sources come from: the data manifests in the product, drawn fixtures in tests. */
export interface SourceProvider {
  /** hash over the source's files, without any network */
  identity(name: string): string;
  open(name: string): Promise<Source>;
}
