/**
 * A published checkpoint: a folder with config.json and safetensors, in one file or in shards with an index, as Hugging
 * Face lays them out. Weights are read tensor by tensor, so memory peaks at the weights plus one tensor.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Problem, userError, UserError } from '../../problems';
import { openSafetensors, type SafetensorsFile, type TensorEntry } from '../weights/safetensors';
import type { WeightTensor } from '../weights/weight';
import { isObject, type JsonObject, jsonLimits, readObject } from '../../json';

export interface Checkpoint {
  folder: string;
  tensors: ReadonlyMap<string, TensorEntry>;
  /** as float32; throws UserError for an unknown name or a type that is not floating point */
  read(name: string): WeightTensor;
  /** as bits of bfloat16, without a float32 copy; throws as `read` */
  readBfloat16(name: string): { shape: number[]; data: Uint16Array };
  close(): void;
}

const single = 'model.safetensors';
const indexName = 'model.safetensors.index.json';

/** config.json of a checkpoint. Throws UserError when it is missing, too large, too deep or not an object. */
export const readConfig = (folder: string): JsonObject => readObject(join(folder, 'config.json'), jsonLimits.config);

/**
 * Opens the weights of a folder; only headers are read. The caller closes it. Throws UserError with all problems of the
 * index at once.
 */
export function openCheckpoint(folder: string): Checkpoint {
  if (existsSync(join(folder, single))) {
    const file = openSafetensors(join(folder, single));
    return {
      folder,
      tensors: file.entries,
      read: (name) => file.read(name),
      readBfloat16: (name) => file.readBfloat16(name),
      close: () => file.close(),
    };
  }
  if (existsSync(join(folder, indexName))) return openShards(folder);
  throw userError({
    where: folder,
    what: `holds neither ${single} nor ${indexName}`,
    expected: 'a checkpoint in safetensors',
    hint: 'weights saved by pickle are not read: save the model with safe_serialization in Python first',
  });
}

/** Names of the tensors by shard. Throws UserError with every name of a file that is not one of the folder. */
function tensorsByShard(map: JsonObject, where: string): Map<string, string[]> {
  const problems: Problem[] = [];
  const shards = new Map<string, string[]>();
  for (const [name, file] of Object.entries(map)) {
    // A shard's name comes from a stranger: it must not lead out of the folder.
    if (typeof file !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(file))
      problems.push({
        where,
        what: `tensor "${name}" is said to be in ${JSON.stringify(file)}`,
        expected: 'a .safetensors file of the same folder',
      });
    else shards.set(file, [...(shards.get(file) ?? []), name]);
  }
  if (problems.length > 0) throw new UserError(problems);
  return shards;
}

/** What a tensor of a shard contradicts, if anything: another shard, or the index. */
function tensorProblem(tensor: string, where: string, elsewhere: boolean, stated: unknown, shard: string): Problem[] {
  if (elsewhere) return [{ where, what: `tensor "${tensor}" is in another shard too`, expected: 'each tensor once' }];
  if (stated === shard) return [];
  const what = `tensor "${tensor}" is not where the index says`;
  return [{ where, what, expected: `${String(stated ?? 'no such tensor')}` }];
}

function openShards(folder: string): Checkpoint {
  const where = join(folder, indexName);
  const map = readObject(where, jsonLimits.index)['weight_map'];
  if (!isObject(map)) throw userError({ where, what: 'no weight_map', expected: 'file names by tensor name' });
  const shards = tensorsByShard(map, where);
  const problems: Problem[] = [];
  const files: SafetensorsFile[] = [];
  const close = () => files.forEach((file) => file.close());
  try {
    const tensors = new Map<string, TensorEntry>();
    const holder = new Map<string, SafetensorsFile>();
    for (const name of [...shards.keys()].sort()) {
      const path = join(folder, name);
      const file = openSafetensors(path);
      files.push(file);
      for (const [tensor, entry] of file.entries) {
        problems.push(...tensorProblem(tensor, path, tensors.has(tensor), map[tensor], name));
        tensors.set(tensor, entry);
        holder.set(tensor, file);
      }
      for (const tensor of shards.get(name)!)
        if (!file.entries.has(tensor))
          problems.push({ where: path, what: `no tensor "${tensor}"`, expected: 'what the index says' });
    }
    if (problems.length > 0) throw new UserError(problems);
    const of = (name: string): SafetensorsFile => {
      const file = holder.get(name);
      if (file === undefined)
        throw userError({ where: folder, what: `no tensor "${name}"`, expected: 'a tensor of the checkpoint' });
      return file;
    };
    return {
      folder,
      tensors,
      close,
      read: (name) => of(name).read(name),
      readBfloat16: (name) => of(name).readBfloat16(name),
    };
  } catch (error) {
    close();
    throw error;
  }
}
