/**
 * Files as publishers, recorders, operating systems and other tools leave them: each is read for what it is, or refused
 * in words that say what it is.
 */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSet } from '../../src/data';
import { decodeRecording } from '../../src/data/audio';
import { parseJson } from '../../src/data/readers/jsonText';
import { prepareSound } from '../../src/data/readers/media';
import { shown } from '../../src/data/readers/names';
import { pinTask } from '../../src/data/readers/recipe';
import { readCard } from '../../src/data/sets/store';
import { setPath } from '../../src/data';
import { UserError } from '../../src/problems';
import {
  picture,
  put,
  textVqaQuestion,
  writeIconQa,
  writeMacs,
  writeTextVqa,
  writeTextVqaHub,
} from '../../testing/releases';
import { sineWav, wav } from '../../testing/sounds';
import { zip } from '../../testing/zipFile';
import { sharp } from '../../testing/sharp';

const names = ['EQUIPOISE_CACHE', 'EQUIPOISE_DATA', 'EQUIPOISE_LOCKS', 'EQUIPOISE_TASKS', 'HF_HUB_CACHE'];
const before = { ...process.env };
let base: string;
const tasks = () => join(base, 'tasks');
const root = (task: string) => join(base, 'data', task);

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'practice-')));
  for (const name of names) process.env[name] = join(base, name.slice(name.lastIndexOf('_') + 1).toLowerCase());
  mkdirSync(tasks());
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
  for (const name of names)
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
});

/** Imports a task of one's own from these lines; gives its media keys by id, or the message. */
async function own(
  lines: (object | string)[],
  media: string[],
  over: object = {},
): Promise<Record<string, string> | string> {
  const manifest = {
    name: 'mine',
    about: 'x',
    modality: 'image',
    format: 'jsonl',
    questions: [{ file: 'mine.jsonl' }],
    license: 'CC0-1.0',
    citeAs: 'x',
  };
  put(tasks(), 'mine.json', JSON.stringify({ ...manifest, media, pictureSide: 16, ...over }));
  put(tasks(), 'mine.jsonl', lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return outcome(async () =>
    Object.fromEntries((await loadSet('mine')).items.map(({ id, media: key }) => [id.slice(5), key])),
  );
}

async function outcome<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
}

const asked = (image: string, over: object = {}) => ({
  image,
  question: 'q',
  answers: ['a'],
  split: 'train',
  id: image,
  ...over,
});
const png = (n = 0) => picture([n, 100, 200], { format: 'png', width: 8, height: 8 });
const held = async (id = 'e') => asked('held.png', { split: 'evaluation', id });

describe('names are found exactly as stated', () => {
  it('with spaces of any kind, control characters, a backslash, and letters composed or not, in folders and archives', async () => {
    const odd = [
      'a  b.png',
      ' a.png',
      'a .png',
      'at 9.41\u202fAM.png',
      'v\u00a013.png',
      'tab\there.png',
      'back\\slash.png',
      'A: b.png',
      'cafe\u0301.png',
    ];
    for (const name of [...odd, 'held.png']) put(join(tasks(), 'pics'), name, await png());
    put(
      tasks(),
      'more.zip',
      zip(await Promise.all(['z  z.png', 'é.png'].map(async (name) => ({ name, content: await png(9) })))),
    );
    const stated = [...odd.slice(0, -1), 'caf\u00e9.png', 'z  z.png', 'é.png'];
    const found = await own([await held(), ...stated.map((name) => asked(name))], ['pics', 'more.zip']);
    expect(found).toEqual({
      e: 'pics/held.png',
      ...Object.fromEntries(odd.slice(0, -1).map((name) => [name, `pics/${name}`])),
      'caf\u00e9.png': 'pics/cafe\u0301.png',
      'z  z.png': 'more.zip/z  z.png',
      'é.png': 'more.zip/é.png',
    });
  });

  it('and one that only looks like another is missing, with the other named and every letter visible', async () => {
    for (const name of ['a  b.png', 'held.png']) put(join(tasks(), 'pics'), name, await png());
    expect(await own([await held(), asked('a b.png')], ['pics'])).toMatch(
      /its picture is missing \(a b\.png; there is "pics\/a {2}b\.png"\)/,
    );
    expect(shown('x\u202f\u202ey\t.png')).toBe('x\\u202f\\u202ey\\u0009.png');
  });

  it('whose bytes on the disk are no UTF-8 are found by what they were written as', async () => {
    mkdirSync(join(tasks(), 'pics'));
    const latin = Buffer.concat([Buffer.from(join(tasks(), 'pics', 'caf')), Buffer.from([0xe9]), Buffer.from('.png')]);
    writeFileSync(latin, await png(3));
    put(join(tasks(), 'pics'), 'held.png', await png());
    expect(await own([await held(), asked('café.png')], ['pics'])).toMatchObject({ 'café.png': 'pics/café.png' });
    expect(await own([await held(), asked('cafe.png')], ['pics'])).toMatch(/its picture is missing \(cafe\.png\)/);
  });

  it('of which two look the same are ambiguous, unless one is stated to the letter', async () => {
    for (const [i, name] of ['\u212b.png', 'A\u030a.png', 'held.png'].entries())
      put(join(tasks(), 'pics'), name, await png(i * 90));
    expect(await own([await held(), asked('A\u030a.png')], ['pics'])).toMatchObject({
      'A\u030a.png': 'pics/A\u030a.png',
    });
    expect(await own([await held(), asked('\u00c5.png')], ['pics'])).toMatch(
      /its picture is ambiguous \(.*pics\/A\\u\{30a\}\.png or pics\/\\u\{212b\}\.png, which differ/,
    );
  });
});

describe('names in the readers of published formats', () => {
  it('are looked up as stated: TextVQA', async () => {
    const odd = ['two  spaces', ' lead', 'caf\u00e9.1', 1610521604143693];
    await writeTextVqa(root('textvqa'), {
      zipped: false,
      train: odd.map((image, i) => textVqaQuestion(900 + i, image as string, 'train')),
    });
    for (const [i, image] of odd.entries()) put(root('textvqa'), `train_images/${image}.jpg`, await png(i * 60));
    pinTask('textvqa');
    const keys = (await loadSet('textvqa')).items.map(({ media }) => media);
    for (const image of odd) expect(keys).toContain(`train_images/${image}.jpg`);
  });

  it('are looked up as stated: IconQA', async () => {
    await writeIconQa(root('iconqa'), { layout: 'files' });
    const folder = 'iconqa_data/iconqa/train/choose_img/10  x';
    const choices = ['a  b.png', '\u00e9.jpeg'];
    const problem = { question: 'Which one?', choices, answer: 1, ques_type: 'choose_img', grade: 'g', label: 'l' };
    put(root('iconqa'), `${folder}/data.json`, JSON.stringify(problem));
    for (const [i, name] of ['image.png', ...choices].entries())
      put(root('iconqa'), `${folder}/${name}`, await png(i * 60));
    pinTask('iconqa');
    const item = (await loadSet('iconqa')).items.find(({ id }) => id === 'iconqa/choose_img/10  x');
    expect(item).toMatchObject({ answer: 'second', media: `${folder}/image.png with a  b.png, \u00e9.jpeg` });
  });
});

describe('an ambiguous name', () => {
  it.each([
    ['two folders', ['one/a.png', 'two/a.png'], ['one', 'two'], 'a.png'],
    ['folders at any depth', ['pics/a.png', 'pics/1/2/3/4/5/a.png'], ['pics'], 'a.png'],
    ['the end of two paths', ['pics/x/s/a.png', 'pics/y/s/a.png'], ['pics'], 's/a.png'],
  ])('names all candidates: %s', async (_what, files, media, name) => {
    for (const [i, file] of [...files, 'held.png'].entries()) put(tasks(), file, await png(100 * i));
    const lines = [await held(), asked(name)];
    const message = await own(lines, [...media, 'held.png']);
    for (const file of files) expect(message).toContain(file);
    expect(message).toMatch(/mine\.jsonl:2: its picture is ambiguous/);
    expect(await own([await held(), asked(files[1]!)], [...media, 'held.png'])).toMatchObject({
      [files[1]!]: files[1],
    });
  });

  it('is none when all candidates hold the same, and two archives count like two folders', async () => {
    const same = await png(7);
    put(tasks(), 'one/a.png', same);
    put(tasks(), 'one.zip', zip([{ name: 'a.png', content: same }]));
    put(tasks(), 'held.png', await png());
    const lines = [await held(), asked('a.png')];
    expect(await own(lines, ['one', 'one.zip', 'held.png'])).toMatchObject({ 'a.png': 'one/a.png' });
    put(tasks(), 'two.zip', zip([{ name: 'a.png', content: await png(200) }]));
    expect(await own(lines, ['one.zip', 'two.zip', 'held.png'])).toMatch(
      /a\.png may be one\.zip\/a\.png or two\.zip\/a\.png, which differ/,
    );
  });

  it('groups by path: the same name in two folders is two pictures', async () => {
    for (const [i, file] of ['one/a.png', 'two/a.png'].entries()) put(tasks(), file, await png(100 * i));
    const found = await own([asked('one/a.png'), asked('two/a.png', { split: 'evaluation' })], ['one', 'two']);
    expect(Object.values(found)).toEqual(['one/a.png', 'two/a.png']);
  });
});

describe('ids', () => {
  it('that come twice are faulty records with their places, counted against the tolerance', async () => {
    await writeTextVqa(root('textvqa'), { train: [textVqaQuestion(3, '03aabbccddeeff', 'train')] });
    pinTask('textvqa');
    expect(await outcome(() => loadSet('textvqa'))).toMatch(
      /TextVQA_0\.5\.1_train\.json record 41: the question_id is there twice \(3; first in TextVQA_0\.5\.1_train\.json record 4\)[\s\S]*1 of 45 records are faulty.*tolerance 0/,
    );
    put(tasks(), 'held.png', await png());
    const twice = [await held('x'), asked('held.png', { id: 'y' }), asked('held.png', { id: 'y' })];
    expect(await own(twice, ['held.png'])).toMatch(
      /mine\.jsonl:3: the id is there twice \(y; first in mine\.jsonl:2\)/,
    );
    expect(await own(twice, ['held.png'], { tolerance: 0.4 })).toEqual({ x: 'held.png', y: 'held.png' });
    const caption = asked('held.png', { id: 'c', kind: 'caption', answers: ['one', 'two'] });
    expect(await own([await held('x'), caption, asked('held.png', { id: 'c/2' })], ['held.png'])).toMatch(
      /mine\.jsonl:3: the id is there twice \(mine\/c\/2/,
    );
  });

  it('differ as they are written: beyond 2^53, and by their spaces', async () => {
    put(tasks(), 'held.png', await png());
    const line = (id: string, split: string) =>
      `{"id":${id},"image":"held.png","question":"q","answers":["a"],"split":"${split}"}`;
    const found = await own(
      [
        line('1610521604143693812', 'train'),
        line('1610521604143693813', 'evaluation'),
        line('" x"', 'train'),
        line('"x"', 'train'),
      ],
      ['held.png'],
    );
    expect(Object.keys(found)).toEqual(['1610521604143693812', '1610521604143693813', ' x', 'x']);
  });

  it('and other numbers: JSON keeps what JavaScript cannot, in values and never in texts', () => {
    const big =
      '{"a":[9007199254740991,9007199254740993,-12345678901234567890,1e400,0.1],"b\\"1":"12345678901234567890"}';
    expect(parseJson(big)).toEqual({
      value: {
        a: [9007199254740991, '9007199254740993', '-12345678901234567890', '1e400', 0.1],
        'b"1': '12345678901234567890',
      },
      repeated: [],
    });
    expect(parseJson('{"a":1,\n"b":{"a":2},"\\u0061":3}').repeated).toEqual([{ key: 'a', depth: 1, line: 2 }]);
    expect(() => parseJson('['.repeat(70))).toThrow(/nested more than 64 deep/);
    expect(() => parseJson('{"a": 12345678901234567890,\n oops}')).toThrow(/line 2/);
  });
});

describe('YAML', () => {
  it('aliases mean what their anchors hold: tags, annotations, lists of them, and maps that are merged', async () => {
    writeMacs(root('macs'));
    const entry = (at: number, rest: string) =>
      `- filename: park-lisbon-${1000 + at}-${40_000 + 2 * at}-a.wav\n${rest}`;
    const first = entry(
      0,
      '  annotations: &l\n  - &a\n    annotator_id: 12345678901234567890\n    sentence: one\n    tags: &t [x, 010]\n',
    );
    const more = [
      entry(1, '  annotations:\n  - {annotator_id: 1, sentence: two, tags: *t}\n'),
      entry(2, '  annotations:\n  - *a\n'),
      entry(3, '  annotations: *l\n'),
      entry(4, '  annotations:\n  - {<<: *a, sentence: three}\n'),
    ];
    const fill = Array.from({ length: 7 }, (_, i) => entry(5 + i, '  annotations: *l\n'));
    put(root('macs'), 'MACS.yaml', `files:\n${[first, ...more, ...fill].join('')}`);
    pinTask('macs');
    const items = (await loadSet('macs')).items;
    expect(items).toHaveLength(12);
    expect(new Set(items.map(({ released }) => JSON.stringify(released!['tags'])))).toEqual(new Set(['[["x","010"]]']));
    expect(
      items
        .map(({ answer }) => answer)
        .filter((answer) => answer !== 'one')
        .sort(),
    ).toEqual(['three', 'two']);
    expect(
      items.filter(({ released }) => (released!['annotator_id'] as unknown[])[0] === '12345678901234567890'),
    ).toHaveLength(11);
  });

  it('aliases without anchor, and lists that aliases make endless, are faults of their record', async () => {
    writeMacs(root('macs'), {
      extra: '- filename: a.wav\n  annotations: *gone\n- filename: b.wav\n  annotations: &b\n  - *b\n',
    });
    put(root('macs'), 'MACS.yaml', `${readFileSync(join(root('macs'), 'MACS.yaml'), 'utf8')}- *none\n`);
    pinTask('macs');
    const message = await outcome(() => loadSet('macs'));
    expect(message).toMatch(/the alias has no anchor \(gone\)/);
    expect(message).toMatch(/the annotation is no map/);
    expect(message).toMatch(/MACS\.yaml:271: the alias has no anchor/);
  });
});

describe('links', () => {
  it("into the hub's blobs are read like files, and hash-named parts too", async () => {
    await writeTextVqaHub(join(base, 'plain'));
    const hub = join(base, 'repo');
    const data = join(hub, 'snapshots', 'abc', 'data');
    mkdirSync(data, { recursive: true });
    mkdirSync(join(hub, 'blobs'));
    for (const [i, name] of readdirSync(join(base, 'plain', 'data')).entries()) {
      copyFileSync(join(base, 'plain', 'data', name), join(hub, 'blobs', `${i}f00`));
      symlinkSync(`../../../blobs/${i}f00`, join(data, name.replace('.parquet', '-0123456789abcdef.parquet')));
    }
    mkdirSync(join(base, 'data'));
    symlinkSync(join(hub, 'snapshots', 'abc'), root('textvqa'));
    pinTask('textvqa');
    expect((await loadSet('textvqa')).items).toHaveLength(35);
    rmSync(join(data, 'train-00001-of-00002-0123456789abcdef.parquet'));
    pinTask('textvqa', true);
    expect(await outcome(() => loadSet('textvqa'))).toMatch(/1 of the 2 parts of train are missing \(the first: 1\)/);
  });

  it('inside the folder are followed, out of it never, which is said; a circle ends', async () => {
    put(base, 'secret.png', await png(50));
    put(tasks(), 'store/a.png', await png(1));
    put(tasks(), 'pics/held.png', await png());
    symlinkSync('../store/a.png', join(tasks(), 'pics', 'in.png'));
    symlinkSync('..', join(tasks(), 'pics', 'circle'));
    symlinkSync(join(base, 'secret.png'), join(tasks(), 'pics', 'out.png'));
    symlinkSync('gone.png', join(tasks(), 'pics', 'broken.png'));
    expect(await own([await held(), asked('in.png')], ['pics'])).toMatchObject({ 'in.png': 'pics/in.png' });
    expect(JSON.stringify(readCard(setPath('mine')).notes['notices'])).toMatch(/\d+ links were not followed/);
    const message = await own([await held(), asked('out.png'), asked('broken.png')], ['pics']);
    expect(message).toMatch(/its picture is a link that is not followed \(pics\/out\.png leads out of the folder/);
    expect(message).toMatch(/pics\/broken\.png leads nowhere/);
  });

  it('or lie in the folder itself or in default/, as the hub converts them', async () => {
    await writeTextVqaHub(root('elsewhere'));
    const data = join(root('elsewhere'), 'data');
    for (const [index, name] of readdirSync(data).sort().entries()) {
      const place = name.startsWith('train') ? `default/train/${String(index).padStart(4, '0')}.parquet` : name;
      put(root('textvqa'), place, readFileSync(join(data, name)));
    }
    pinTask('textvqa');
    expect((await loadSet('textvqa')).items).toHaveLength(35);

    rmSync(root('textvqa'), { recursive: true });
    put(root('textvqa'), 'data/train-00000-of-00001.parquet', 'version https://git-lfs.github.com/spec/v1\noid x\n');
    pinTask('textvqa', true);
    expect(await outcome(() => loadSet('textvqa'))).toMatch(/train-00000-of-00001\.parquet: is a pointer of Git LFS/);
    rmSync(root('textvqa'), { recursive: true });
    mkdirSync(root('textvqa'), { recursive: true });
    expect(await outcome(async () => pinTask('textvqa', true))).toMatch(
      /none of its files is in .*the hub's Parquet files/,
    );
  });

  it('and when nothing fits, the message says which layouts were looked for and what is there', async () => {
    put(root('textvqa'), 'data/readme.txt', 'x');
    pinTask('textvqa');
    expect(await outcome(() => loadSet('textvqa'))).toMatch(
      /neither layout of TextVQA.*TextVQA_0\.5\.1_train\.json.*Parquet.*the folder holds data/,
    );
    put(root('iconqa'), 'iconqa_data/readme.txt', 'x');
    pinTask('iconqa');
    expect(await outcome(() => loadSet('iconqa'))).toMatch(/neither layout of IconQA.*problems\.json.*data\.json/);
  });
});

const id3 = Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\x0a', 'latin1'), Buffer.alloc(10)]);
const decode = (bytes: Buffer) => decodeRecording(bytes, 'x');
const tone = sineWav(440, { rate: 16_000, seconds: 0.2 });

describe('sounds', () => {
  it.each([
    ['ffmpeg', 0xffff_ffff, 0xffff_ffff],
    ['sox', 0x7fff_f024, 0x7fff_f000],
    ['aplay', 0x7fff_ff24, 0x7fff_ff00],
    ['2 GB', 0x8000_0024, 0x8000_0000],
    ['zero', 0, 0],
    ['zero with a header counted', 36, 0],
  ])('of unknown length are read to their end: WAV as %s writes it into a pipe', async (_who, riff, data) => {
    const streamed = Buffer.from(tone);
    streamed.writeUInt32LE(riff, 4);
    streamed.writeUInt32LE(data, 40);
    expect((await decode(streamed)).samples).toEqual((await decode(tone)).samples);
  });

  it('as RF64, with and without its length, and an empty one whose length is known', async () => {
    const rf64 = (length: number) => {
      const ds64 = Buffer.alloc(36);
      ds64.write('ds64', 0);
      ds64.writeUInt32LE(28, 4);
      ds64.writeBigUInt64LE(BigInt(length), 16);
      const body = Buffer.from(tone.subarray(12));
      body.writeUInt32LE(0xffff_ffff, 28);
      return Buffer.concat([Buffer.from('RF64\xff\xff\xff\xffWAVE', 'latin1'), ds64, body]);
    };
    expect((await decode(rf64(6400))).samples).toHaveLength(3200);
    expect((await decode(rf64(0))).samples).toHaveLength(3200);
    await expect(decode(rf64(6402))).rejects.toThrow('cut off: 2 of its 6402 bytes');
    await expect(decode(wav([new Float32Array(0)], 16_000))).rejects.toThrow('the sound has no samples');
  });

  it('are what their content says, behind any number of tags; other things behind a tag are named', async () => {
    expect((await decode(Buffer.concat([id3, id3, tone]))).samples).toEqual((await decode(tone)).samples);
    for (const [bytes, what] of [
      [Buffer.from('OggS'), 'an Ogg file'],
      [Buffer.from('<!DOCTYPE html><html>'), 'an HTML page'],
      [Buffer.from('0000001c667479704d344120', 'hex'), 'an MP4 or M4A file'],
      [Buffer.alloc(500, 7), 'a file that begins with the bytes 0707070707070707'],
    ] as const)
      await expect(decode(Buffer.concat([id3, bytes]))).rejects.toThrow(`this is ${what} behind a tag, not a sound`);
  });

  it('are found behind APE tags and zeros, and in a WAV with odd chunks', async () => {
    const ape = Buffer.alloc(32 + 40);
    ape.write('APETAGEX', 0, 'latin1');
    ape.writeUInt32LE(2000, 8);
    ape.writeUInt32LE(40, 12);
    const { samples } = await decode(tone);
    expect((await decode(Buffer.concat([ape, id3, ape, Buffer.alloc(300), tone]))).samples).toEqual(samples);
    const list = Buffer.from('LIST\x05\0\0\0INFOx\0', 'latin1');
    expect((await decode(Buffer.concat([tone.subarray(0, 36), list, tone.subarray(36)]))).samples).toEqual(samples);
    await expect(decode(Buffer.alloc(500))).rejects.toThrow('this is a file of zeros, not a sound');
  });

  it('of MP3 frames with other bytes between them, and headers that contradict themselves, are refused', async () => {
    const frame = Buffer.concat([Buffer.from('fffb90c4', 'hex'), Buffer.alloc(413)]);
    const frames = Buffer.concat(Array.from({ length: 10 }, () => frame));
    expect((await decode(Buffer.concat([id3, frames, Buffer.from('TAG'), Buffer.alloc(125)]))).rate).toBe(44_100);
    await expect(decode(Buffer.concat([frames, Buffer.alloc(50, 1), frames]))).rejects.toThrow(
      'the sound is damaged: 50 bytes at 4170',
    );
    const odd = Buffer.from(tone);
    odd.writeUInt16LE(3, 32);
    await expect(decode(odd)).rejects.toThrow('contradicts itself');
  });

  const fixture = (name: string) => readFileSync(join(__dirname, '..', 'fixtures', 'sounds', name));

  it('as FLAC of a writer that did not know their length are read to their end; stated lengths are held', async () => {
    const flac = fixture('tone.flac');
    const whole = await decode(flac);
    expect([whole.rate, whole.samples.length]).toEqual([8000, 3200]);
    // 36 bits behind 20 of the rate, 3 of the channels and 5 of the depth (RFC 9639, section 8.2)
    const stated = (samples: number) => {
      const copy = Buffer.from(flac);
      copy[21]! &= 0xf0;
      copy.writeUInt32BE(samples, 22);
      return copy;
    };
    expect((await decode(stated(0))).samples).toEqual(whole.samples);
    await expect(decode(stated(1700))).rejects.toThrow('cut off or damaged: 1600 of its 1700 samples are there');
    await expect(decode(stated(1500))).rejects.toThrow('has 1600 samples but states 1500');
    await expect(decode(stated(0).subarray(0, -9))).rejects.toThrow('cut off or damaged');
    expect((await decode(Buffer.concat([id3, stated(0)]))).samples).toEqual(whole.samples);
  });

  it('as Ogg are read whole; torn ones, and ones without a page or a time, are refused', async () => {
    const ogg = fixture('tone.ogg');
    const whole = await decode(ogg);
    expect([whole.rate, whole.samples.length]).toEqual([8000, 3200]);
    const pages = [0, 58, 2662];
    expect(pages.map((at) => ogg.toString('latin1', at, at + 4))).toEqual(['OggS', 'OggS', 'OggS']);
    /** The checksum of a page: CRC-32 of polynomial 04C11DB7 over the page with zeros in its place (RFC 3533). */
    const sealed = (page: Buffer): Buffer => {
      const copy = Buffer.from(page);
      copy.writeUInt32LE(0, 22);
      let crc = 0;
      for (const byte of copy) {
        crc ^= byte << 24;
        for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000_0000 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
      }
      copy.writeUInt32LE(crc >>> 0, 22);
      return copy;
    };
    const last = Buffer.from(ogg.subarray(2662));
    expect(sealed(last)).toEqual(last);
    last.writeBigInt64LE(-1n, 6); // no packet ends here: nothing says what is to be played
    await expect(decode(Buffer.concat([ogg.subarray(0, 2662), sealed(last)]))).rejects.toThrow('has no samples');
    await expect(decode(ogg.subarray(0, 2662))).rejects.toThrow('cut off: its last page is missing');
    await expect(decode(ogg.subarray(0, -20))).rejects.toThrow('cut off');
    await expect(decode(Buffer.concat([ogg.subarray(0, 58), ogg.subarray(2662)]))).rejects.toThrow(
      'lacks a part: page 2 follows page 0',
    );
  });

  it('beyond 1 are clipped, which is counted', async () => {
    const loud = wav([Float32Array.of(0.5, 1.5, -2, 1)], 16_000, 'float');
    expect((await prepareSound(loud, { seconds: 1 }, 'x')).clipped).toBe(2);
    put(tasks(), 'loud.wav', loud);
    const line = (split: string) => ({ audio: 'loud.wav', question: 'q', answers: ['a'], split });
    await own([line('train'), line('evaluation')], ['loud.wav'], { modality: 'audio', pictureSide: undefined });
    expect(readCard(setPath('mine')).notes['notices']).toEqual([
      'mine: 2 samples of 1 sounds were beyond 1 and are clipped',
    ]);
  });
});

describe('messages say what is there', () => {
  it('a page saved as a picture, a pointer of Git LFS, a page saved as questions', async () => {
    put(tasks(), 'held.png', await png());
    put(tasks(), 'pics/a.jpg', '<!-- error --><!DOCTYPE html><html><body>404</body></html>');
    put(tasks(), 'pics/b.jpg', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\n');
    const message = await own([await held(), asked('a.jpg'), asked('b.jpg')], ['pics', 'held.png']);
    expect(message).toMatch(/pics\/a\.jpg: this is an HTML page, not a picture that can be read/);
    expect(message).toMatch(/pics\/b\.jpg: this is a pointer of Git LFS/);
    expect(await own(['<html><body>404</body></html>'], ['held.png'])).toMatch(
      /mine\.jsonl: is an HTML page; expected the text file/,
    );
  });

  it('archives and question files that are something else, and places that are not there', async () => {
    put(tasks(), 'held.png', await png());
    const page = '<!DOCTYPE html><html></html>';
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\n';
    const lines = [await held(), asked('held.png', { id: 't' })];
    for (const [name, content, message] of [
      ['a.zip', page, 'is an HTML page; expected a zip archive'],
      [
        'b.tar.gz',
        pointer,
        'is a pointer of Git LFS, whose file was not fetched (git lfs pull); expected a tar archive',
      ],
      ['c.tgz', zip([{ name: 'a.png', content: 'x' }]), 'is a zip archive (or a document made of one); expected a tar'],
      ['d.7z', Buffer.from('377abcaf271c0004', 'hex'), 'is a 7z archive; expected a folder, a zip or a tar archive'],
    ] as const) {
      put(tasks(), name, content);
      expect(await own(lines, [name, 'held.png'])).toContain(`${name}: ${message}`);
    }
    expect(await own([asked('a.png')], ['nowhere'])).toContain('its picture is missing (a.png; not there: nowhere)');
    const list = JSON.stringify(lines, null, 1).split('\n');
    expect(await own(list, ['held.png'])).toMatch(
      /mine\.jsonl: is one JSON list over several lines; expected one object/,
    );
  });

  it('a drawing and a photograph that are not whole or not plain, and a page without its html', async () => {
    put(tasks(), 'held.png', await png());
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="5" height="5"/></svg>';
    put(tasks(), 'pics/doctype.svg', `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd">${svg}`);
    put(tasks(), 'pics/prefix.svg', svg.replaceAll(/<(\/?)(?=svg|rect)/g, '<$1svg:').replace('xmlns', 'xmlns:svg'));
    put(tasks(), 'pics/cut.svg', svg.slice(0, -3));
    put(tasks(), 'pics/head.jpg', '<head><title>404</title></head>');
    const photograph = await sharp(Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i) % 251)), {
      raw: { width: 64, height: 64, channels: 3 },
    })
      .jpeg()
      .toBuffer();
    const torn = Buffer.from(photograph);
    torn.fill('ffd9', torn.length >> 1, (torn.length >> 1) + 8, 'hex');
    put(tasks(), 'pics/torn.jpg', torn);
    const segment = 4 + photograph.readUInt16BE(4); // the end of the first
    const spaced = Buffer.concat([photograph.subarray(0, segment), Buffer.alloc(6), photograph.subarray(segment)]);
    put(tasks(), 'pics/spaced.jpg', spaced);
    const names = ['doctype.svg', 'prefix.svg', 'cut.svg', 'head.jpg', 'torn.jpg'];
    const message = await own([await held(), ...names.map((name) => asked(name))], ['pics', 'held.png']);
    expect(message).toMatch(/doctype\.svg: this SVG is refused: it has a document type/);
    expect(message).toMatch(/prefix\.svg: this SVG is refused: its elements have a prefix/);
    expect(message).toMatch(/cut\.svg: this SVG is refused: its end is missing/);
    expect(message).toMatch(/head\.jpg: this is an HTML page/);
    expect(message).toMatch(/torn\.jpg: the picture cannot be decoded \(VipsJpeg: .*premature end/);
    expect(await own([await held(), asked('spaced.jpg')], ['pics', 'held.png'])).toMatchObject({
      'spaced.jpg': 'pics/spaced.jpg',
    });
  });

  it('a zip with backslashes for slashes, and the only training question', async () => {
    put(tasks(), 'held.png', await png());
    put(tasks(), 'win.zip', zip([{ name: 'img\\a.png', content: await png() }]));
    expect(await own([await held()], ['win.zip', 'held.png'])).toMatch(/holds the name "img\\\\a\.png": a backslash/);
    const lines = Array.from({ length: 12 }, (_, i) => [
      asked('held.png', { id: `t${i}`, group: `g${i}` }),
      asked('held.png', { id: 'e', split: 'evaluation' }),
    ]);
    for (const pair of lines) expect(Object.keys(await own(pair, ['held.png']))).toHaveLength(2);
  });
});
