/**
 * Unpacks from a wheel (a zip archive with a list of hashes) only what linking needs; the wheel is hostile until
 * checked.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as yauzl from 'yauzl';
import { UserError } from '../../problems';
import { checkArchitecture, copyHeaders, oldestTensorflow, saysCuda, type Library } from './library';
import { compareVersions } from './state';
import { linkError } from './tools';

/**
 * No member of a TensorFlow or CUDA wheel that is needed is larger (bytes): a bound on what a false archive can write.
 */
const largestMember = 4 * 2 ** 30;
const largestText = 16 * 2 ** 20;

/** An opened wheel: its members by name and the sha256 (base64url) its RECORD gives each. */
interface Wheel {
  file: string;
  zip: yauzl.ZipFile;
  members: Map<string, yauzl.Entry>;
  hashes: Map<string, string>;
  metadata: string;
}

/**
 * Unpacks libtensorflow_cc, libtensorflow_framework and the needed headers of a TensorFlow wheel into `into`.
 * @returns the library, and the requirements of its CUDA libraries (`nvidia-cublas-cu12<13.0,>=12.5.3.2`), empty when
 * it has none
 * @throws UserError for a torn or hostile archive, a wheel of another architecture, or TensorFlow < 2.15
 */
export async function unpackTensorflow(
  file: string,
  into: string,
  where: string,
): Promise<{ library: Library; nvidiaRequirements: string[] }> {
  return withWheel(file, where, async (wheel) => {
    const version = /^Version: (\S+)/m.exec(wheel.metadata)?.[1] ?? '0';
    if (compareVersions(version, oldestTensorflow) < 0)
      throw linkError(where, `${basename(file)} is TensorFlow ${version}`, `take ${oldestTensorflow} or newer`);
    const main = 'tensorflow/libtensorflow_cc.so.2',
      framework = 'tensorflow/libtensorflow_framework.so.2';
    for (const name of [framework, main]) {
      if (!wheel.members.has(name))
        throw linkError(where, `${basename(file)} holds no ${name}`, 'take a TensorFlow wheel for Linux');
      await unpackMember(wheel, name, join(into, name));
      checkArchitecture(join(into, name), where); // the small one first: a wrong wheel is found before 800 MB are written
    }
    const include = join(into, 'tensorflow', 'include');
    await copyHeaders((path) => textOf(wheel, `tensorflow/include/${path}`), include);
    const cuda = saysCuda((await textOf(wheel, 'tensorflow/python/platform/build_info.py')) ?? '');
    const nvidiaRequirements = [
      ...wheel.metadata.matchAll(/^Requires-Dist: (nvidia-[a-z0-9-]+[^;\r\n]*?)\s*;\s*extra == ["']and-cuda["']/gm),
    ]
      .map((match) => match[1]!)
      .filter((requirement) => !requirement.startsWith('nvidia-cuda-nvcc')); // the compiler serves XLA only
    const sha = createHash('sha256');
    await pipeline(createReadStream(file), sha);
    const library: Library = {
      source: { kind: 'wheel', wheel: basename(file), sha256: sha.digest('hex') },
      main: join(into, main),
      framework: join(into, framework),
      include,
      nvidia: null,
      cuda,
    };
    return { library, nvidiaRequirements };
  });
}

/**
 * Unpacks the shared libraries of one nvidia-* wheel as `into`/nvidia/<name>/lib/*. @throws UserError for a torn or
 * hostile archive
 */
export async function unpackNvidia(file: string, into: string, where: string): Promise<void> {
  await withWheel(file, where, async (wheel) => {
    for (const name of [...wheel.members.keys()].sort()) {
      if (/^nvidia\/[a-z0-9_]+\/lib\/[A-Za-z0-9_.+-]+\.so[0-9.]*$/.test(name))
        await unpackMember(wheel, name, join(into, name));
    }
  });
}

async function withWheel<T>(file: string, where: string, work: (wheel: Wheel) => Promise<T>): Promise<T> {
  let zip: yauzl.ZipFile | undefined;
  try {
    zip = await yauzl.openPromise(file, { autoClose: false, strictFileNames: true });
    const members = new Map<string, yauzl.Entry>();
    for await (const entry of zip.eachEntry()) {
      if (members.has(entry.fileName))
        throw linkError(where, `${basename(file)} names ${entry.fileName} twice`, 'delete it and try again');
      members.set(entry.fileName, entry);
    }
    const wheel: Wheel = { file, zip, members, hashes: new Map(), metadata: '' };
    const folder = [...members.keys()]
      .find((name) => /^[^/]+\.dist-info\/RECORD$/.test(name))
      ?.slice(0, -'RECORD'.length);
    if (folder === undefined) throw linkError(where, `${basename(file)} is no wheel: it has no RECORD`);
    wheel.metadata = (await textOf(wheel, `${folder}METADATA`)) ?? '';
    for (const line of ((await textOf(wheel, `${folder}RECORD`)) ?? '').split('\n')) {
      const match = /^"?(.+?)"?,sha256=([A-Za-z0-9_-]+=*),\d+\s*$/.exec(line);
      if (match !== null) wheel.hashes.set(match[1]!, match[2]!.replace(/=+$/, ''));
    }
    return await work(wheel);
  } catch (error) {
    if (error instanceof UserError || isDiskFull(error)) throw error;
    throw linkError(
      where,
      `${basename(file)} is torn or no archive: ${error instanceof Error ? error.message : String(error)}`,
      'delete it and try again',
    );
  } finally {
    zip?.close();
  }
}

async function unpackMember(wheel: Wheel, name: string, to: string): Promise<void> {
  const expected = wheel.hashes.get(name);
  if (expected === undefined) throw new Error(`RECORD has no sha256 of ${name}`);
  mkdirSync(dirname(to), { recursive: true });
  const sha = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sha.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(await openMember(wheel, name, largestMember), hashing, createWriteStream(to));
  if (sha.digest('base64url') !== expected) throw new Error(`${name} has another sha256 than RECORD says`);
}

async function textOf(wheel: Wheel, name: string): Promise<string | null> {
  if (!wheel.members.has(name)) return null;
  const parts: Buffer[] = [];
  for await (const part of await openMember(wheel, name, largestText)) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function openMember(wheel: Wheel, name: string, largest: number): Promise<Readable> {
  const entry = wheel.members.get(name);
  if (entry === undefined) throw new Error(`${name} is missing`);
  if (entry.uncompressedSize > largest)
    throw new Error(`${name} claims ${entry.uncompressedSize} bytes, at most ${largest} are expected`);
  return wheel.zip.openReadStreamPromise(entry);
}

/** Whether an error says that the disk or the quota is full. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
