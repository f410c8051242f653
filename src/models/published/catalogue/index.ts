/**
 * The published checkpoints of the four families as facts: configuration, where it was taken from, and how many
 * parameters the checkpoint is known to have. Nothing here opens a weight.
 */
import { nearestName } from '../../../nearest';
import { userError } from '../../../problems';
import type { JsonObject } from '../../../json';
import type { PartName } from '../../composition';
import blip2Opt125m from './blip2-opt-125m.json';
import blip2Opt27b from './blip2-opt-2.7b.json';
import internvl21b from './internvl2-1b.json';
import internvl22b from './internvl2-2b.json';
import llava157b from './llava-1.5-7b.json';
import salmonn13b from './salmonn-13b.json';
import salmonn7b from './salmonn-7b.json';

export interface PublishedModel {
  /** owner/name on the Hugging Face hub; null for a size that nobody has published */
  repository: string | null;
  about: string;
  /** where the configuration was taken from */
  configSource: string;
  /** counts that were not made by this program, and who made them */
  parameters: Record<PartName | 'total', number> & { source: string };
  /** as in config.json */
  config: JsonObject;
}

export const publishedModels: Readonly<Record<string, PublishedModel>> = {
  'blip2-opt-125m': blip2Opt125m,
  'blip2-opt-2.7b': blip2Opt27b,
  'llava-1.5-7b': llava157b,
  'internvl2-1b': internvl21b,
  'internvl2-2b': internvl22b,
  'salmonn-7b': salmonn7b,
  'salmonn-13b': salmonn13b,
};

/** A published model by name. Throws UserError with the nearest name. */
export function findPublished(name: string): PublishedModel {
  const found = Object.hasOwn(publishedModels, name) ? publishedModels[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(publishedModels),
    nearest = nearestName(name, names);
  throw userError({
    where: 'model',
    what: `there is no published model ${JSON.stringify(name)}`,
    expected: `one of ${names.join(', ')}, or the path of a config.json`,
    ...(nearest === undefined ? {} : { hint: `did you mean ${nearest}?` }),
  });
}
