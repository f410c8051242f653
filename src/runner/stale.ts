/** Whether a finished run is still what its manifest would give now. */
import { usedParts, changedPart } from '../ownParts';
import { UserError } from '../problems';
import { usedCode } from '../train/usedCode';
import { methodVersion } from '../version';
import { setIdentity } from '../data';
import { dataIdentity, tasksOf, weightIdentities } from './identify';
import { changedFiles, comparedOf } from './relatives';
import type { RunFile } from './runFile';

/**
 * What has changed since a run was trained, in words: the method, the code of its parts, its data or weights; null for
 * nothing, and for a run of which this machine cannot know (a task, a part or weights that are not here).
 */
export function staleReason(file: RunFile): string | null {
  const { method } = file.code;
  if (method !== undefined && method !== methodVersion)
    return `version ${method} of the method, this is ${methodVersion}`;
  try {
    const { spec } = file;
    const data = dataIdentity(spec, (task) => setIdentity(task));
    const files = changedFiles({ data, ...usedCode(spec, tasksOf(spec)) }, comparedOf(file));
    if (files.length > 0) return `${files.join(' and ')} changed`;
    if (data !== file.data.identity) return 'the data changed';
    const weights = Object.entries(weightIdentities(spec)).filter(([name, hash]) => file.weights[name] !== hash);
    if (weights.length > 0) return `the weights of ${weights.map(([name]) => name).join(' and ')} changed`;
    return file.parts === undefined || usedParts(spec) === undefined ? null : changedPart(file.parts);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
