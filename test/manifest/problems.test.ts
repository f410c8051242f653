import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadManifest } from '../../src/manifest/load';
import { editDistance, nearestName } from '../../src/nearest';
import { sizeLimit } from '../../src/manifest/parse';
import { UserError, type Problem } from '../../src/problems';
import { notEmpty } from '../../testing/lists';
import { fileOf, fixed, head, image, load, problemsOf } from '../../testing/manifestHelp';

const find = (problems: Problem[], where: string): Problem => {
  const found = problems.find((problem) => problem.where === where);
  if (found === undefined)
    throw new Error(
      `no problem at ${where}, but at ${problems.map((problem) => `${problem.where} (${problem.what})`).join(', ')}`,
    );
  return found;
};

describe('all problems at once', () => {
  it('reports form, structure and runs of one file together', () => {
    const problems = problemsOf({
      ...head,
      fixed: { backbone: 'stories15m', bacth: 4, warmup: -1 },
      steps: 10,
      epochs: 1,
      axes: {
        encoder: ['resnet5O', 'resnet50', 'whisper-tiny'],
        task: ['emoji-icon-qa'],
        seed: [],
        regulariser: ['none'],
        scheduler: ['commit', 'comit'],
      },
      include: [
        { fixed: { ...fixed, encoder: 'whisper-tiny' } },
        { fixed: { ...fixed, scheduler: { kind: 'commit-clr', interval: '5' } }, axes: { seed: [1, 2] } },
        { zip: [{ seed: [1, 2], batch: [1] }] },
      ],
    });
    expect(problems.map((problem) => problem.where).sort()).toEqual([
      '/axes/encoder/0',
      '/axes/scheduler/1',
      '/axes/seed',
      '/epochs',
      '/fixed/bacth',
      '/fixed/warmup',
      '/include/1/axes/seed',
      '/include/1/fixed/scheduler/interval',
      '/include/2/zip/0',
    ]);
    expect(find(problems, '/axes/encoder/0')).toEqual({
      where: '/axes/encoder/0',
      what: 'unknown value "resnet5O"',
      expected: 'one of resnet50, dinov2-small, whisper-tiny, whisper-tiny-en, whisper-base, aisfx, whisper-base-aisfx',
      hint: 'did you mean "resnet50"?',
    });
    expect(find(problems, '/fixed/bacth').hint).toBe('did you mean "batch"?');
    expect(find(problems, '/fixed/warmup').expected).toContain('at least 0');
  });

  it('checks the runs that are left when single values are wrong', () => {
    const problems = problemsOf({
      ...head,
      fixed: { backbone: 'stories15m', seed: 1, batch: 'many' },
      axes: {
        task: ['emoji-icon-qa', 'sound-qu'],
        encoder: ['resnet50', 'whisper-tiny'],
        scheduler: ['constant', 'commit'],
      },
      when: [{ if: { scheduler: 'commit' }, then: { regulariser: ['none', 'nine'] } }],
    });
    expect(problems.map((problem) => problem.where).sort()).toEqual([
      '/axes/encoder/1',
      '/axes/task/1',
      '/fixed/batch',
      '/when/0/then/regulariser/0',
      '/when/0/then/regulariser/1',
    ]);
    expect(find(problems, '/axes/encoder/1').what).toBe(
      'task emoji-icon-qa is about image, encoder whisper-tiny reads audio (2 runs)',
    );
  });

  it('checks the runs in spite of a stray key, but not when the key is a misspelt part of the grid', () => {
    const mixed = { ...head, fixed: { ...fixed, encoder: 'whisper-tiny' } };
    expect(problemsOf({ ...mixed, comment: 'x' }).map((problem) => problem.where)).toEqual([
      '/comment',
      '/fixed/encoder',
    ]);
    expect(problemsOf({ ...mixed, about: undefined, abuot: {} }).map((problem) => problem.where)).toEqual([
      '/about',
      '/abuot',
      '/fixed/encoder',
    ]);
    expect(problemsOf({ ...mixed, exlude: [{ seed: 1 }] }).map((problem) => problem.where)).toEqual(['/exlude']);
  });

  it('does not call missing what is only wrong', () => {
    expect(problemsOf({ ...head, fixed: { ...fixed, task: 'emoji' } }).map((problem) => problem.where)).toEqual([
      '/fixed/task',
    ]);
    expect(
      problemsOf({ ...head, fixed: { ...fixed, task: 'emoji' }, include: [{ axes: { batch: [1, 2] } }] }).map(
        (problem) => problem.where,
      ),
    ).toEqual(['/fixed/task']);
  });
});

/** Each class of bad input: the part that is wrong, the place, and words of the message. */
const cases: [string, object, string, RegExp][] = [
  [
    'a connector beside the backbone and nothing of the encoder left to train',
    { fixed: { ...fixed, connectorSide: 'backbone' } },
    '/fixed/connectorSide',
    /because its tower is not trained; expected "encoder", or beside it a tower that is tuned, such as `"tuning.tower": "scale-shift"`/,
  ],
  [
    'parts that do not divide a batch',
    { fixed: { ...fixed, batch: 12, accumulate: 5 } },
    '/fixed/accumulate',
    /5 parts of a batch of 12; expected a divisor of 12: 1, 2, 3, 4, 6, 12/,
  ],
  [
    'adapters on a tower without linear layers',
    { fixed: { ...fixed, 'tuning.tower': 'lora' } },
    '/fixed/tuning.tower',
    /encoder resnet50 has no linear layers that adapters could sit on; expected frozen, scale-shift or full/,
  ],
  [
    'both names of the tuning of a tower in one object',
    { fixed: { ...fixed, tuning: { encoder: 'scale-shift', tower: 'full' } } },
    '/fixed/tuning/encoder',
    /unknown key "encoder" with value "scale-shift"; expected one of tower, connector, backbone/,
  ],
  [
    'a connector that starts at random and is frozen',
    { fixed: { ...fixed, 'tuning.connector': 'frozen', 'tuning.tower': 'full' } },
    '/fixed/tuning.connector',
    /connector mlp starts at random and would never be trained; expected full; "learningRate.connector": 0 keeps it/,
  ],
  [
    'adapters on a connector that starts at random',
    { fixed: { ...fixed, 'tuning.connector': 'lora' } },
    '/fixed/tuning.connector',
    /connector mlp starts at random: adapters need a base; expected full/,
  ],
  [
    'a rate for a tower that is frozen',
    { fixed: { ...fixed, 'learningRate.tower': 1e-4 } },
    '/fixed/learningRate.tower',
    /the tower is frozen and has no learning rate; expected "tuning.tower" of another kind beside it, or no rate/,
  ],
  [
    'an encoder of which nothing moves',
    { fixed: { ...fixed, 'learningRate.connector': 0 } },
    '/fixed/learningRate.connector',
    /nothing of the encoder resnet50 is trained, neither its tower nor the connector/,
  ],
  ['an unknown key', { fixed, exlude: [] }, '/exlude', /unknown key "exlude".*did you mean "exclude"/],
  ['an unknown axis', { fixed, axes: { learningrate: [1] } }, '/axes/learningrate', /did you mean "learningRate"/],
  [
    'an unknown part of a field',
    { fixed, axes: { 'scheduler.intervall': [1] } },
    '/axes/scheduler.intervall',
    /did you mean "scheduler.interval"/,
  ],
  ['no name', { name: undefined, fixed }, '/name', /"name" is missing/],
  ['a name that leaves the folder', { name: '../x', fixed }, '/name', /cannot be used/],
  ['half an about', { about: { what: 'x' }, fixed }, '/about/lookFor', /"lookFor" is missing/],
  [
    'a wrong type',
    { fixed: { ...fixed, batch: '8' } },
    '/fixed/batch',
    /"8" has the wrong type; expected a whole number/,
  ],
  ['a fraction of a step', { fixed, steps: 1.5 }, '/steps', /1.5 has the wrong type; expected a whole number/],
  ['no steps', { fixed, steps: 0 }, '/steps', /0 is out of range; expected a whole number, at least 1/],
  ['a rate beyond reason', { fixed: { ...fixed, learningRate: 11 } }, '/fixed/learningRate', /11 is out of range/],
  ['an empty axis', { fixed: image, axes: { seed: [] } }, '/axes/seed', /the list is empty/],
  ['no axes in axes', { fixed, axes: {} }, '/axes', /the object is empty/],
  ['two durations', { fixed, steps: 1, examples: 8 }, '/examples', /two durations: examples here and steps at \/steps/],
  ['two durations, one an axis', { fixed, steps: 1, axes: { epochs: [1, 2] } }, '/axes/epochs', /two durations/],
  [
    'two durations in one object',
    { fixed: { ...fixed, duration: { steps: 1, epochs: 2 } } },
    '/fixed/duration',
    /2 keys are given \(steps, epochs\)/,
  ],
  [
    'a duration in a profile twice',
    { fixed, profiles: { a: { steps: 1, epochs: 1 } } },
    '/profiles/a/epochs',
    /two durations/,
  ],
  ['a field set twice', { fixed, axes: { seed: [1, 2] } }, '/axes/seed', /"seed" is already set at \/fixed\/seed/],
  [
    'a condition over an axis',
    { fixed, axes: { batch: [1, 2] }, when: [{ if: { batch: 1 }, then: { batch: [3] } }] },
    '/when/0/then/batch',
    /already set at \/axes\/batch/,
  ],
  ['an unknown task', { fixed: { ...fixed, task: 'emojiiconqa' } }, '/fixed/task', /did you mean "emoji-icon-qa"/],
  [
    'an unknown backbone',
    { fixed: { ...fixed, backbone: 'stories-15M' } },
    '/fixed/backbone',
    /did you mean "stories15m"/,
  ],
  [
    'an unknown scheduler',
    { fixed: { ...fixed, scheduler: 'commit-crl' } },
    '/fixed/scheduler',
    /did you mean "commit-clr"/,
  ],
  [
    'an unknown kind',
    { fixed: { ...fixed, scheduler: { kind: 'langauge-cd' } } },
    '/fixed/scheduler/kind',
    /unknown value "langauge-cd".*did you mean "language-cd"/,
  ],
  [
    'no kind',
    { fixed: { ...fixed, scheduler: { interval: 5 } } },
    '/fixed/scheduler/kind',
    /"kind" is missing; expected one of constant/,
  ],
  [
    'neither name nor object',
    { fixed: { ...fixed, scheduler: 3 } },
    '/fixed/scheduler',
    /3 has the wrong type; expected one of constant, .* or an object with "kind"/,
  ],
  [
    'an option of another kind',
    { fixed: { ...fixed, scheduler: { kind: 'constant', interval: 5 } } },
    '/fixed/scheduler/interval',
    /unknown key "interval"/,
  ],
  [
    'an option of another kind, by its dotted name',
    { fixed, axes: { scheduler: ['constant', 'commit'], 'scheduler.interval': [5, 25] } },
    '/axes/scheduler.interval/1',
    /with scheduler constant: unknown key "interval"/,
  ],
  [
    'a probe on the batch',
    { fixed, measure: { probe: 12 } },
    '/measure/probe',
    /with measure batch: unknown key "probe"/,
  ],
  [
    'a wrong value in a pattern',
    { fixed, axes: { batch: [1, 2] }, exclude: [{ scheduler: 'comit' }] },
    '/exclude/0/scheduler',
    /unknown value "comit".*did you mean "commit"/,
  ],
  [
    'a wrong value in a list of a pattern',
    { fixed, axes: { batch: [1, 2] }, exclude: [{ scheduler: ['commit', 'comit'] }] },
    '/exclude/0/scheduler/1',
    /unknown value "comit"/,
  ],
  ['no seed', { fixed: image }, '', /runs without a seed; expected "seed" in axes, zip or fixed/],
  [
    'a seed for some runs only',
    { fixed: image, axes: { batch: [1, 2] }, when: [{ if: { batch: 1 }, then: { seed: [1] } }] },
    '',
    /runs without a seed/,
  ],
  [
    'unequal lists of a zip',
    { fixed: image, zip: [{ seed: [1, 2], batch: [1, 2, 3] }] },
    '/zip/0',
    /different lengths: seed 2, batch 3/,
  ],
  [
    'a value twice in an axis',
    { fixed: image, axes: { seed: [1, 2, 1] } },
    '',
    /a run is described twice, in the same grid: emoji-icon-qa/,
  ],
  [
    'a run twice by a default written out',
    { fixed, axes: { scheduler: ['commit-clr', { kind: 'commit-clr', window: 5 }] } },
    '',
    /described twice/,
  ],
  [
    'a run twice but for the device',
    { fixed, axes: { device: ['cpu', 'gpu'] } },
    '',
    /described twice.*the device does not count/,
  ],
  [
    'a grid run included again',
    { fixed: image, axes: { seed: [1, 2, 3] }, include: [{ axes: { seed: [2, 3, 4] } }] },
    '/include/0',
    /2 runs are described twice, also in the manifest's own grid/,
  ],
  [
    'sounds for an image encoder',
    { fixed: { ...fixed, task: 'sound-qa' } },
    '/fixed/encoder',
    /task sound-qa is about audio, encoder resnet50 reads image; expected an encoder for audio: whisper-tiny, whisper-tiny-en, whisper-base, aisfx, whisper-base-aisfx; pair tasks/,
  ],
  [
    'commit without its regulariser',
    { fixed: { ...fixed, regulariser: 'none' }, axes: { scheduler: ['constant', 'commit'] } },
    '/fixed/regulariser',
    /scheduler commit without its regulariser/,
  ],
  [
    'prodigy with a rate of its own for a part',
    { fixed: { ...fixed, optimiser: 'prodigy', learningRate: { encoder: 1, backbone: 1, connector: 2 } } },
    '/fixed/learningRate/connector',
    /prodigy finds one rate for each module, and the connector cannot have another; expected another optimiser/,
  ],
  [
    'a ratio of rates of adapters without adapters',
    { fixed: { ...fixed, optimiser: { kind: 'adamw', loraRatio: 16 }, tuning: { backbone: 'full' } } },
    '/fixed/optimiser/loraRatio',
    /no part is tuned by adapters/,
  ],
  [
    'heads that do not divide the width',
    { fixed: { ...fixed, connector: { kind: 'qformer', width: 10, heads: 3 } } },
    '/fixed/connector/heads',
    /3 heads do not divide the width 10/,
  ],
  [
    'everything excluded',
    { fixed, axes: { batch: [1, 2] }, exclude: [{ seed: 1 }] },
    '',
    /every combination is excluded/,
  ],
  [
    'an exclude without a grid',
    { fixed: image, exclude: [{ seed: 1 }], include: [{ fixed: { seed: 2 } }] },
    '/exclude',
    /excludes nothing/,
  ],
  [
    'a profile that keeps nothing',
    { fixed, profiles: { a: { keep: { seed: 2 } } } },
    '/profiles/a/keep',
    /keeps no run/,
  ],
  [
    'transfer to a task of the other modality',
    { fixed, evaluate: { transfer: ['sound-qa'] } },
    '/evaluate/transfer',
    /sound-qa is about audio, task emoji-icon-qa about image; expected tasks about image/,
  ],
  [
    'transfer to the own task',
    { fixed, evaluate: { transfer: ['emoji-icon-qa'] } },
    '/evaluate/transfer',
    /task of the run itself/,
  ],
  [
    'transfer to no task',
    { fixed, evaluate: { transfer: ['emoji-icon'] } },
    '/evaluate/transfer',
    /no task "emoji-icon"/,
  ],
  [
    'a profile that spoils runs',
    { fixed, profiles: { a: { fixed: { encoder: 'whisper-tiny' } } } },
    '/profiles/a/fixed/encoder',
    /reads audio/,
  ],
  [
    'a name of a profile',
    { fixed, profiles: { 'A b': { steps: 1 } } },
    '/profiles/A b',
    /the name "A b" cannot be used/,
  ],
  [
    'too many runs',
    {
      fixed: image,
      axes: { seed: Array.from({ length: 400 }, (_, i) => i), batch: Array.from({ length: 300 }, (_, i) => i + 1) },
    },
    '',
    /the grid has 120,000 combinations; expected at most 100,000 runs/,
  ],
  [
    'too many runs through conditions',
    {
      fixed: image,
      axes: { seed: Array.from({ length: 400 }, (_, i) => i) },
      when: [{ if: { task: 'emoji-icon-qa' }, then: { batch: Array.from({ length: 300 }, (_, i) => i + 1) } }],
    },
    '',
    /conditions make too many/,
  ],
  [
    'too many runs in a condition',
    {
      fixed,
      when: [
        {
          if: { batch: 8 },
          then: {
            warmup: Array.from({ length: 400 }, (_, i) => i),
            'align.steps': Array.from({ length: 300 }, (_, i) => i),
          },
        },
      ],
    },
    '/when/0/then',
    /120,000 combinations/,
  ],
];

describe('each class of bad input is a clear problem', () => {
  it.each(cases)('%s', (_name, part, where, message) => {
    const problem = find(problemsOf({ ...head, ...part }), where);
    expect(
      [problem.what, problem.expected === undefined ? '' : `expected ${problem.expected}`, problem.hint ?? '']
        .filter((text) => text !== '')
        .join('; '),
    ).toMatch(message);
  });

  it('two conditions that match at once', () => {
    const problems = problemsOf({
      ...head,
      fixed,
      when: [
        { if: { task: 'emoji-icon-qa' }, then: { batch: [3] } },
        { if: { encoder: 'resnet50' }, then: { batch: [4] } },
      ],
    });
    expect(find(problems, '/when/1/then/batch').what).toMatch(/already set for a combination that matches/);
  });

  it('an unknown profile, with the nearest', () => {
    const [problem] = problemsOf({ ...head, fixed, profiles: { short: { steps: 1 } } }, 'smok');
    expect(problem).toMatchObject({
      what: 'there is no profile "smok"',
      expected: 'one of short, smoke',
      hint: 'did you mean "smoke"?',
    });
    expect(problemsOf({ ...head, fixed }, '__proto__')[0]?.what).toContain('__proto__');
  });
});

describe('warnings', () => {
  const warnings = (more: object, profile?: string) =>
    load({ fixed, ...more }, profile).warnings.map((text) => text.replace(/^\S+ /, ''));
  const coordinated = (scheduler: object, more: object = {}) => ({
    fixed: { ...fixed, scheduler: { kind: 'commit-clr', ...scheduler } },
    ...more,
  });

  it('names an exponent at the stability limit of its rule, not below', () => {
    expect(warnings(coordinated({ exponent: 0.25 }))).toEqual([
      '/fixed/scheduler/exponent: exponent 0.25 of rule symmetric is not stable; expected less than 0.25 (docs/method.md section 4)',
    ]);
    expect(warnings(coordinated({ exponent: 0.24 }))).toEqual([]);
    expect(warnings(coordinated({ rule: 'lagging', exponent: 0.49 }))).toEqual([]);
    expect(warnings(coordinated({ rule: 'lagging', exponent: 0.5 }))).toHaveLength(1);
    expect(warnings(coordinated({ rule: 'integral', exponent: 0.5, interval: 25 }))).toHaveLength(1);
  });

  it('names an integral rule that rings', () => {
    expect(warnings(coordinated({ rule: 'integral', interval: 24 }))).toEqual([
      '/fixed/scheduler/interval: rule integral with interval 24 swings to and fro; expected at least window x every = 25',
    ]);
    expect(warnings(coordinated({ rule: 'integral', interval: 24, window: 2 }, { measure: { every: 12 } }))).toEqual(
      [],
    );
  });

  it('counts equal warnings once', () => {
    expect(
      warnings({ fixed: { ...image, scheduler: { kind: 'commit', exponent: 0.3 } }, axes: { seed: [1, 2, 3] } }),
    ).toEqual([expect.stringContaining('(3 runs)')]);
  });

  it('names what has no effect or no meaning', () => {
    expect(warnings({ axes: { batch: [1, 2] }, exclude: [{ batch: 3 }] })).toEqual([
      '/exclude/0: matches no combination',
    ]);
    expect(warnings({ fixed: { ...fixed, tuning: { backbone: 'frozen' } } })[0]).toContain('frozen');
    const beside = { connectorSide: 'backbone', tuning: { encoder: 'scale-shift', backbone: 'frozen' } };
    expect(warnings({ fixed: { ...fixed, ...beside } })).toEqual([]); // the connector is trained in its place
    expect(warnings({ steps: 10 })[0]).toContain('all 10 steps are warm-up');
    expect(warnings(coordinated({}, {}))).toEqual([]);
    const prodigy = { kind: 'prodigy', safeguard: 'on' };
    expect(warnings({ fixed: { ...fixed, learningRate: 1, optimiser: prodigy } })).toEqual([]);
    expect(warnings({ fixed: { ...fixed, optimiser: prodigy } })[0]).toContain('by 0.0003; expected 1, as published');
    expect(warnings({ fixed: { ...fixed, learningRate: 1, optimiser: 'prodigy' } })[0]).toContain('during warm-up');
    expect(warnings({ fixed: { ...fixed, optimiser: 'schedule-free', scheduler: 'warmup-cosine' } })[0]).toContain(
      'in the place of a decay',
    );
    expect(warnings({ fixed: { ...fixed, scheduler: 'commit-clr', regulariser: 'commit' } })[0]).toContain(
      'trains as commit does',
    );
  });

  it('speaks about the runs of the profile', () => {
    expect(
      warnings(
        coordinated({ exponent: 0.3 }, { profiles: { calm: { fixed: { 'scheduler.exponent': 0.1 } } } }),
        'calm',
      ),
    ).toEqual([]);
  });
});

describe('hostile files', () => {
  const message = (content: string | Uint8Array) =>
    problemsOf(content)
      .map((problem) => `${problem.where}: ${problem.what}`)
      .join('\n');

  it('says where text is not JSON', () => {
    expect(message('{\n  "name": "x",\n  "steps": 1,,\n}')).toBe(
      ':3:14: is not JSON on line 3, column 14: no key in double quotes here',
    );
    for (const text of [
      '',
      ' ',
      '{',
      '[1 2]',
      '{a: 1}',
      "{'a': 1}",
      '{"a": NaN}',
      '{} {}',
      '// x\n{} /*',
      '{"a": "\\q"}',
      '{"a": 01}',
      '{"a":"\n"}',
      '{"a":\u0000}',
    ])
      expect(message(text)).toMatch(/is not JSON on line \d+, column \d+/);
  });

  it('refuses a key that is given twice, wherever it is', () => {
    expect(message('{"name": "a",\n "name": "b", "fixed": {"seed": 1, "seed": 2}}')).toBe(
      '/name: the key "name" is given twice (again on line 2, column 2)\n/fixed/seed: the key "seed" is given twice (again on line 2, column 36)',
    );
  });

  it('refuses what is too large, too deep, not UTF-8, or not a manifest at all', () => {
    expect(message(`"${'x'.repeat(sizeLimit)}"`)).toContain('bytes');
    expect(message('['.repeat(500_000))).toContain('nested more than');
    expect(message('{"a":'.repeat(50_000))).toContain('nested more than');
    // Closing brackets in comments and strings close nothing.
    for (const hidden of ['/* ] */', '// ]\n', '"]",', '/* " */'])
      expect(message(`[${hidden} `.repeat(20_000)), hidden).toContain('nested more than');
    expect(message(new Uint8Array([0x22, 0xff, 0x22]))).toContain('UTF-8');
    for (const text of ['[]', 'null', '3', '"x"']) expect(message(text)).toContain('has the wrong type');
  });

  it('refuses folders, missing files and pipes without waiting', () => {
    const folder = mkdtempSync(join(tmpdir(), 'manifest-none-'));
    expect(() => loadManifest(folder)).toThrow(/is a folder/);
    expect(() => loadManifest(join(folder, 'none.json'))).toThrow(/there is no such file/);
    expect(() => loadManifest('/dev/zero')).toThrow(/not a regular file/);
    rmSync(folder, { recursive: true });
  });

  it('treats prototype keys as unknown keys and pollutes nothing', () => {
    const at = (text: string) =>
      problemsOf(`{"name":"x","about":${JSON.stringify(head.about)},${text}}`).map((problem) => problem.where);
    expect(at('"__proto__": {"fixed": {}}, "fixed": {"constructor": 1, "__proto__": {"polluted": true}}')).toEqual([
      '/__proto__',
      '/fixed/constructor',
      '/fixed/__proto__',
    ]);
    expect(
      at(`"fixed": {"task": "constructor", "encoder": "__proto__", "backbone": "toString", "seed": 1}`).sort(),
    ).toEqual(['/fixed/backbone', '/fixed/encoder', '/fixed/task']);
    expect(
      at(
        '"fixed": {"learningRate": {"__proto__": 1}, "scheduler": {"kind": "__proto__"}}, "profiles": {"__proto__": {"steps": 1}}',
      ),
    ).toContain('/profiles/__proto__');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('prints no control characters and no endless values', () => {
    const problems = problemsOf({
      ...head,
      'a\u001b[2J\u202e': 1,
      fixed: { ...fixed, task: `\u001b]0;${'x'.repeat(5000)}` },
    });
    for (const problem of notEmpty(problems)) {
      const text = `${problem.where} ${problem.what} ${problem.hint ?? ''}`;
      expect(/[\p{Cc}\p{Cf}]/u.test(text)).toBe(false);
      expect(text.length).toBeLessThan(500);
    }
  });

  it('shows at most a hundred problems and says how many more', () => {
    const problems = problemsOf({ ...head, fixed: image, axes: { seed: Array.from({ length: 300 }, () => -1) } });
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)?.what).toBe('has 200 more problems');
  });

  it('never throws anything but a UserError, whatever is put where', () => {
    const keys = [
      'axes',
      'zip',
      'exclude',
      'when',
      'include',
      'fixed',
      'profiles',
      'steps',
      'measure',
      'scheduler',
      'task',
      'encoder',
      'seed',
      'learningRate',
      'if',
      'then',
      'keep',
      'kind',
      'scheduler.kind',
      '__proto__',
      'smoke',
    ];
    const names = ['commit', 'constant', 'resnet50', 'emoji-icon-qa', 'stories15m', 'x'];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>(...names, 1, 0, -1, 2.5, null, true),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), tree, { maxKeys: 6 }), fc.boolean(), (part, valid) => {
        try {
          loadManifest(fileOf({ ...(valid ? { ...head, fixed } : {}), ...part }), { profile: 'smoke' });
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.problems.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 400, seed: 5 },
    );
  });
});

describe('nearest names', () => {
  it('measures the distance of edits', () => {
    expect(editDistance('commit', 'comit')).toBe(1);
    expect(editDistance('langauge', 'language')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('is a distance: symmetric, and zero for equal names only', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
      { numRuns: 200, seed: 6 },
    );
  });

  it('suggests what is near and nothing far-fetched', () => {
    expect(nearestName('Resnet-50', ['resnet50', 'whisper-tiny'])).toBe('resnet50');
    expect(nearestName('clip', ['resnet50', 'whisper-tiny'])).toBeUndefined();
    expect(nearestName('x', [])).toBeUndefined();
  });
});
