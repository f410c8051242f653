/** Plain data that passes from the data room to models, training and evaluation. */

import type { Modality } from '../modules';

export type { Modality };

export type SplitName = 'train' | 'validation' | 'evaluation';

/** What a task is, as plain data: one beside each generator, one for each published set. */
export interface TaskDefinition {
  /** as manifests name it */
  name: string;
  modality: Modality;
  /** what is asked, for lists and editors */
  about: string;
  /** other wordings of its prompts by kind of question, for runs that train with several (instructions.ts) */
  wordings?: Readonly<Record<string, Wordings>>;
  /** by kind of question, the metric of what is generated where its name and number of references do not say it */
  metrics?: Readonly<Record<string, TextMetric>>;
}

/**
 * A metric of generated text: `captions` is BLEU, METEOR, ROUGE-L and CIDEr-D over all captions of a set, `sets` accuracy
 * and WUPS of answers that are sets of words, the others are means over questions.
 */
export type TextMetric = 'captions' | 'sets' | 'directAnswerAccuracy' | 'vqaAccuracy';

/** Other wordings of a prompt; what the pattern's first group matches in the set's own stands for `{}`. */
export interface Wordings {
  pattern?: RegExp;
  others: readonly string[];
}

/** One question about one image or sound. */
export interface Item {
  /** unique in its set, stable across machines */
  id: string;
  split: SplitName;
  /** question kind, e.g. `name`, `count`, `category`, `present` */
  kind: string;
  /** evaluation slice, e.g. `cross-style`, `held-out-package`; training items: `train` */
  slice: string;
  /** key of the image or sound in `DataSet.media` */
  media: string;
  /** the whole text prompt that the backbone sees after the prefix tokens, e.g. `What is it? It is` */
  prompt: string;
  /** the reference answer continues the prompt: no leading space, no full stop */
  answer: string;
  /** candidates scored by likelihood; contains `answer`; empty for free answers */
  choices: string[];
  /** the question as it was released, before it became part of the prompt */
  question?: string;
  /**
   * every reference as it was released (ten answers of TextVQA, all captions of a sound), for metrics over several;
   * absent: `answer` alone
   */
  references?: string[];
  /** what else the released record says (OCR tokens, rationales, confidences, tags); nothing is trained on it */
  released?: Record<string, unknown>;
}

/** An example of the alignment phase: a caption to generate (vision), or the classes that a sound contains (audio). */
export type AlignmentItem =
  | { kind: 'caption'; media: string; prompt: string; answer: string }
  | { kind: 'classes'; media: string; classes: string[] };

/**
 * A generated or published set, ready for feature extraction. Generation is deterministic: same identity, same bytes.
 */
export interface DataSet {
  task: string;
  modality: Modality;
  /** sha256 over generator version, options and the hashes of every source file */
  identity: string;
  items: Item[];
  alignment: AlignmentItem[];
  /** all classes of the alignment phase (audio); empty for captions */
  classes: string[];
  /** media key -> where its file lies in the cache: PNG (image) or 16 kHz mono float32 WAV (sound) */
  media: Map<string, string>;
  /** sources with licences, one line each, for the data card and the report */
  sources: { source: string; licence: string }[];
  /** what was left out of a released set or is odd about it, one sentence each, for run.json */
  notices?: string[];
}
