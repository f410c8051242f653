/** Whether finished runs are still what their manifests would give now. */
import { usedParts, changedPart } from '../ownParts';
import { canonicalJson } from '../files';
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
  // Of runs that differ in seed and rates alone it is the same.
  const { spec, code, data, weights, parts = null } = file;
  const key = canonicalJson({ spec: { ...spec, seed: 0, learningRate: 0 }, code, data, weights, parts });
  const before = known.get(key);
  if (before !== undefined) return before;
  const reason = findReason(file);
  known.set(key, reason);
  return reason;
}

const known = new Map<string, string | null>();

function findReason(file: RunFile): string | null {
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

/**
 * What figures and tables say where runs among theirs are not what their manifests would give now: how many and why, the
 * two most frequent reasons; null where all are as they were.
 */
export function staleNotice(files: readonly RunFile[]): string | null {
  const reasons = files.flatMap((file) => staleReason(file) ?? []);
  if (reasons.length === 0) return null;
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const told = [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 2)
    .map(([reason, n]) => `${reason} (${n})`);
  const more = counts.size > told.length ? ', and others' : '';
  return `${reasons.length} of ${files.length} finished runs are not what they would be now: ${told.join(', ')}${more}; equipoise clean stale lists them`;
}
