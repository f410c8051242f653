/**
 * The small zoo: the second backbone, the connectors of the published families, and which module each parameter counts
 * to.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { expand } from '../../src/manifest/expand';
import { loadManifest } from '../../src/manifest/load';
import type { ConnectorSpec } from '../../src/manifest/run';
import { projectRoot } from '../../src/files';
import { llamaWeights, type LlamaConfig } from '../../src/models/parts/llama';
import { buildConnector, connectorRows, connectorSources, type ConnectorShape } from '../../src/models/zoo/connectors';
import type { Model } from '../../src/models/build';
import { zooModel } from '../../src/models/zoo/compose';
import { qformerParameters } from '../../src/models/parts/qformer';
import type { OnnxInitialiser, OnnxNode } from '../../src/models/weights/onnx';
import { onnxLlamaWeights } from '../../src/models/zoo/backbones/minimind2Small';
import { bertStart, inBert } from '../../src/models/zoo/connectors/minilm';
import { byteLevelTokenizer } from '../../src/text/tokenizer';
import { tokenizerOf } from '../../src/text/tokenizerJson';
import { UserError } from '../../src/problems';
import { useBackend } from '../../src/tensor/backend';
import { asFloat32 } from '../../src/tensor/bfloat16';
import { gelu } from '../../src/tensor/ops';
import { initialVector, splitVector, totalSize, byName } from '../../src/tensor/parameters';
import { tf } from '../../src/tensor/tf';
import { random } from '../../src/random';
import { expectEvery, notEmpty } from '../../testing/lists';
import { tinyBackbone, tinyConfig } from '../../testing/tinyModel';
import { runsOf } from '../../testing/manifestHelp';
import { connectorOf, tuningOf, type GivenConnector } from '../../testing/specs';

const numbers = (name: string, length: number) => {
  const source = random(1, name);
  return Float32Array.from({ length }, () => source.normal());
};
const shape: ConnectorShape = { rows: 16, features: 6, width: 16, embeddingScale: 0.5 };

/** A connector's prefix tokens of features [1, rows, features], as rows. */
async function prefixOf(spec: ConnectorSpec, features: Float32Array, of: ConnectorShape = shape): Promise<number[][]> {
  const connector = buildConnector(spec, of);
  const values = tf.tidy(() =>
    connector
      .apply(
        {
          tensors: byName(
            connector.parameters,
            splitVector(tf.tensor1d(initialVector(connector.parameters, 3)), connector.parameters),
          ),
        },
        tf.tensor(features, [1, of.rows, of.features]),
      )
      .arraySync(),
  ) as number[][][];
  expect(values[0]).toHaveLength(connector.tokens);
  return values[0]!;
}

beforeAll(async () => {
  await useBackend({ name: 'cpu' });
});

describe('a Llama in an ONNX export', () => {
  const config: LlamaConfig = {
    ...tinyConfig,
    width: 4,
    hiddenWidth: 6,
    layers: 1,
    heads: 2,
    keyValueHeads: 1,
    vocabulary: 3,
    tied: true,
  };
  const modules: Record<string, string> = {
    q: 'self_attn/q_proj',
    k: 'self_attn/k_proj',
    v: 'self_attn/v_proj',
    o: 'self_attn/o_proj',
    gate: 'mlp/gate_proj',
    up: 'mlp/up_proj',
    down: 'mlp/down_proj',
  };

  /**
   * An export as transformers.js writes it: norms plain, the embedding in uint8, matrices [in, out] in int8 under
   * made-up names.
   */
  function exported(): { initialisers: Map<string, OnnxInitialiser>; nodes: OnnxNode[] } {
    const initialisers = new Map<string, OnnxInitialiser>();
    const nodes: OnnxNode[] = [];
    const quantised = (name: string, sides: number[], values: Int8Array | Uint8Array, zero: number) => {
      const dataType = values instanceof Uint8Array ? 2 : 3;
      initialisers.set(`${name}_quantized`, { shape: sides, dataType, values });
      initialisers.set(`${name}_scale`, { shape: [], dataType: 1, values: Float32Array.of(0.5) });
      initialisers.set(`${name}_zero_point`, {
        shape: [],
        dataType,
        values: dataType === 2 ? Uint8Array.of(zero) : Int8Array.of(zero),
      });
    };
    let made = 100;
    for (const { name, shape: sides } of llamaWeights(config)) {
      const part = name.split('.').at(-1)!;
      if (name === 'tokenEmbedding')
        quantised(
          'model.embed_tokens.weight',
          sides,
          Uint8Array.from({ length: 12 }, (_, i) => i),
          2,
        );
      else if (sides.length === 1) {
        const theirs = {
          attentionNorm: 'model.layers.0.input_layernorm',
          feedForwardNorm: 'model.layers.0.post_attention_layernorm',
          finalNorm: 'model.norm',
        }[part]!;
        initialisers.set(`${theirs}.weight`, {
          shape: sides,
          dataType: 1,
          values: new Float32Array(sides[0]!).fill(made),
        });
      } else {
        const [output, input] = sides as [number, number];
        const matrix = `onnx::MatMul_${made}`;
        quantised(
          matrix,
          [input, output],
          Int8Array.from({ length: input * output }, (_, i) => i + (made % 7)),
          0,
        );
        nodes.push({
          operation: 'MatMulInteger',
          name: `/model/layers.0/${modules[part]!}/MatMul_quant`,
          inputs: ['x', `${matrix}_quantized`],
          outputs: ['y'],
        });
      }
      made += 1;
    }
    return { initialisers, nodes };
  }

  it('becomes float32 weights by our names, matrices turned to [out, in]', () => {
    const onnx = exported();
    const weights = onnxLlamaWeights(onnx, config);
    expect(Object.keys(weights).sort()).toEqual(
      llamaWeights(config)
        .map(({ name }) => name)
        .sort(),
    );
    for (const { name, shape: sides } of notEmpty(llamaWeights(config)))
      expect(weights[name]!.shape, name).toEqual(sides);
    expect([...weights['tokenEmbedding']!.data.slice(0, 4)]).toEqual([-1, -0.5, 0, 0.5]);
    const stored = onnx.initialisers.get(onnx.nodes.find(({ name }) => name.includes('k_proj'))!.inputs[1]!)!.values; // [4, 2]
    expect([...weights['layers.0.k']!.data]).toEqual([0, 2, 4, 6, 1, 3, 5, 7].map((i) => 0.5 * stored[i]!));
  });

  it('refuses what is missing, of another shape or not tied', () => {
    const without = exported();
    without.nodes.pop();
    expect(() => onnxLlamaWeights(without, config, 'file')).toThrow(
      /file: 0 products for model\.layers\.0\.mlp\.down_proj/,
    );
    const twice = exported();
    twice.nodes.push(twice.nodes[0]!);
    expect(() => onnxLlamaWeights(twice, config)).toThrow(/2 products/);
    expect(() => onnxLlamaWeights(exported(), { ...config, vocabulary: 4 })).toThrow(/embed_tokens.*\[3,4\].*\[4,4\]/);
    expect(() => onnxLlamaWeights(exported(), { ...config, tied: false })).toThrow(UserError);
  });
});

describe('a byte-level tokenizer', () => {
  // Every byte has a character: printable ones their own, the others those from U+0100 on (Radford et al. 2019).
  const isPrintable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let others = 256;
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : others++));
  const vocab = Object.fromEntries(
    [
      '<end>',
      '<begin>',
      '<stop>',
      'Ġ',
      'a',
      'b',
      'Ġa',
      'Ġb',
      'ab',
      ...bytes.filter((one) => !['Ġ', 'a', 'b'].includes(one)),
    ].map((token, id) => [token, id]),
  );
  const file = tokenizerOf(
    {
      version: '1.0',
      added_tokens: ['<end>', '<begin>', '<stop>'].map((content, id) => ({
        id,
        content,
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      })),
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      post_processor: null,
      decoder: { type: 'ByteLevel' },
      model: {
        type: 'BPE',
        vocab,
        merges: [
          ['Ġ', 'a'],
          ['Ġ', 'b'],
          ['a', 'b'],
        ],
      },
    },
    {},
  );
  const tokenizer = byteLevelTokenizer(file, { begin: '<begin>', end: '<stop>', unknown: '<end>' });

  it('gives the first word its space, so that prompt and answer may be encoded apart', () => {
    expect(tokenizer.encode('a b')).toEqual([6, 7]);
    expect(tokenizer.encode(' a b')).toEqual([6, 7]);
    expect([...tokenizer.encode('a a'), ...tokenizer.encode(' b')]).toEqual(tokenizer.encode('a a b'));
    expect(tokenizer.encode('')).toEqual([]);
    expect(tokenizer.decode([1, 6, 7, 2])).toBe('a b');
    expect([tokenizer.begin, tokenizer.answerEnd, tokenizer.unknown]).toEqual([1, 2, 0]);
  });

  it('says which token a vocabulary lacks', () =>
    expect(() => byteLevelTokenizer(file, { begin: '<s>', end: '<stop>', unknown: '<end>' }, 'here')).toThrow(
      /here: no token <s>/,
    ));
});

describe('MiniLM as a start', () => {
  const options = {
    width: 4,
    hidden: 6,
    layers: 3,
    heads: 2,
    epsilon: 1e-12,
    activation: gelu,
    features: 5,
    queries: 2,
    crossEvery: 2,
    textLayers: false,
    normFirst: false,
  };
  const wanted = qformerParameters(options);
  const published = new Map<string, string>([
    ['norm', 'embeddings.LayerNorm.weight'],
    ['norm.bias', 'embeddings.LayerNorm.bias'],
    ['layers.2.self.q', 'encoder.layer.2.attention.self.query.weight'],
    ['layers.1.self.o.bias', 'encoder.layer.1.attention.output.dense.bias'],
    ['layers.0.feedForward.up', 'encoder.layer.0.intermediate.dense.weight'],
    ['layers.0.feedForward.norm.bias', 'encoder.layer.0.output.LayerNorm.bias'],
  ]);

  it('fills all that BERT has, under its published names, and leaves queries and cross-attention new', () => {
    const asked: string[] = [];
    const sides = new Map(wanted.map(({ name, shape: each }) => [name, each]));
    let at = 0;
    const given = wanted.filter(({ name }) => inBert(name));
    const start = bertStart(
      {
        read: (name) => {
          asked.push(name);
          const each = given[at++]!.shape;
          return {
            shape: each,
            data: numbers(
              name,
              each.reduce((a, b) => a * b, 1),
            ),
          };
        },
      },
      wanted,
      'file',
    );
    expect(Object.keys(start)).toEqual(given.map(({ name }) => name));
    expect(Object.keys(start).some((name) => name === 'queries' || name.includes('cross'))).toBe(false);
    expectEvery(
      [...sides.keys()].filter((name) => !(name in start)),
      (name) => name === 'queries' || name.includes('.cross.'),
    );
    for (const [ours, theirs] of notEmpty(published))
      expect(start[ours]!.data, ours).toEqual(numbers(theirs, start[ours]!.data.length));
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('refuses another shape and values that are not numbers', () => {
    expect(() => bertStart({ read: () => ({ shape: [3], data: new Float32Array(3) }) }, wanted, 'file')).toThrow(
      /LayerNorm\.weight has the shape \[3\].*\[4\]/,
    );
    expect(() =>
      bertStart({ read: () => ({ shape: [4], data: new Float32Array(4).fill(NaN) }) }, wanted, 'file'),
    ).toThrow(/not numbers/);
  });

  it('is what a connector starts from, and a source of its runs', () => {
    const spec = connectorOf({ kind: 'blip2-qformer', layers: 1, tokens: 2 });
    const random0 = buildConnector(spec, shape);
    const weights = Object.fromEntries(
      random0.parameters.map(({ name, shape: each }) => [
        name,
        {
          shape: each,
          data: numbers(
            name,
            each.reduce((a, b) => a * b, 1),
          ),
        },
      ]),
    );
    const started = buildConnector(spec, shape, weights);
    const value = (connector: typeof started, name: string) =>
      connector.parameters.find((parameter) => parameter.name === name)!.initial;
    expect(value(started, 'layers.0.self.q')).toEqual({ kind: 'value', data: weights['layers.0.self.q']!.data });
    expect(value(started, 'layers.0.cross.q')).toEqual({ kind: 'normal', deviation: 0.02 });
    expect(value(started, 'queries').kind).toBe('normal');
    expect(value(random0, 'layers.0.self.norm')).toEqual({ kind: 'constant', value: 1 });
    expect(connectorSources(spec)).toEqual(['minilm']);
    expect(connectorSources(connectorOf({ kind: 'window-qformer' }))).toEqual(['minilm']);
    expect(connectorSources(connectorOf({ kind: 'window-qformer', start: 'random' }))).toEqual([]);
    expect(connectorSources(connectorOf({ kind: 'mlp' }))).toEqual([]);
  });
});

describe('connectors of the families', () => {
  const features = numbers('features', 16 * 6);
  const changed = (row: number) =>
    features.map((value, i) => (Math.floor(i / 6) === row ? value + Math.sin(5 * i) : value)); // not a constant, which a layer norm takes away
  const moved = async (spec: ConnectorSpec, row: number): Promise<boolean[]> => {
    const [before, after] = [await prefixOf(spec, features), await prefixOf(spec, changed(row))];
    return before.map((token, i) => token.some((value, j) => Math.abs(value - after[i]![j]!) > 1e-6));
  };

  it('pixel shuffle: a token sees the four cells of its own square', async () => {
    // Row 6 of a 4 x 4 grid is the cell (1, 2), in the upper right square.
    expect(await moved(connectorOf({ kind: 'pixel-shuffle', width: 8 }), 6)).toEqual([false, true, false, false]);
    expect(await moved(connectorOf({ kind: 'pixel-shuffle', width: 8 }), 12)).toEqual([false, false, true, false]);
    expect(() => buildConnector(connectorOf({ kind: 'pixel-shuffle', factor: 3 }), shape)).toThrow(
      /connector\.factor.*4 x 4/,
    );
    expect(() => buildConnector(connectorOf({ kind: 'pixel-shuffle' }), { ...shape, rows: 50 })).toThrow(/square grid/);
  });

  it('a window Q-Former sees its window and nothing else; what fills no window is left out', async () => {
    const spec: ConnectorSpec = { kind: 'window-qformer', window: 5, queries: 2, layers: 1, start: 'random' };
    expect(await moved(spec, 7)).toEqual([false, false, true, true, false, false]);
    expect(await moved(spec, 15)).toEqual([false, false, false, false, false, false]);
    expect(() => buildConnector(connectorOf({ kind: 'window-qformer', window: 17 }), shape)).toThrow(/16 rows/);
  });

  it('BLIP-2: every query sees every cell, and where it lies', async () => {
    const spec: ConnectorSpec = { kind: 'blip2-qformer', tokens: 3, layers: 2, start: 'random' };
    expect(await moved(spec, 9)).toEqual([true, true, true]);
    const swapped = features.slice();
    swapped.set(features.subarray(0, 6), 6);
    swapped.set(features.subarray(6, 12), 0);
    const [before, after] = [await prefixOf(spec, features), await prefixOf(spec, swapped)];
    expect(
      Math.max(...before.flatMap((token, i) => token.map((value, j) => Math.abs(value - after[i]![j]!)))),
    ).toBeGreaterThan(1e-6);
  });

  it('start with tokens of the size of words', async () => {
    for (const kind of ['pixel-shuffle', 'blip2-qformer', 'window-qformer'] as const) {
      for (const token of notEmpty(await prefixOf(connectorOf({ kind }), features)))
        expect(Math.sqrt(token.reduce((sum, value) => sum + value * value, 0) / token.length), kind).toBeCloseTo(
          0.5,
          3,
        );
    }
  });

  it('take the whole grid where they choose for themselves', () => {
    expect(connectorRows(connectorOf({ kind: 'pixel-shuffle' }), [4, 16])).toBe(16);
    expect(connectorRows(connectorOf({ kind: 'blip2-qformer' }), [4, 16])).toBe(16);
    expect(connectorRows(connectorOf({ kind: 'mlp' }), [4, 16])).toBeUndefined();
    expect(connectorRows(connectorOf({ kind: 'window-qformer' }), [50])).toBeUndefined();
  });
});

describe('the partition', () => {
  const given: GivenConnector[] = [
    { kind: 'mlp' },
    { kind: 'qformer' },
    { kind: 'pixel-shuffle', width: 8 },
    { kind: 'blip2-qformer', layers: 1 },
    { kind: 'window-qformer', layers: 1 },
  ];
  const connectors = given.map(connectorOf);
  const tunings = [
    tuningOf({ kind: 'lora', rank: 2, alpha: 4 }),
    tuningOf({ kind: 'full' }),
    tuningOf({ kind: 'frozen' }),
  ];
  const cases = connectors.flatMap((connector) =>
    tunings.map((tuning) => ({ name: `${connector.kind}, ${tuning.kind}`, connector, tuning })),
  );

  it.each(cases)('every parameter of $name counts to exactly one module', ({ connector, tuning }) => {
    const backbone = tinyBackbone();
    const model = zooModel({ connector, tuning: { backbone: tuning } }, { rows: 16, width: 6 }, backbone);
    const names = (module: 'encoder' | 'backbone') => model.trainable[module].map(({ name }) => name);
    const layout = llamaWeights(tinyConfig).map(({ name }) => name);
    // The encoder: all of the connector, and nothing else (its tower is frozen, and its features are the input).
    expect(new Set(model.trainable.encoder.map(({ part }) => part))).toEqual(new Set(['connector']));
    expect(new Set(names('encoder')).size).toBe(names('encoder').length);
    // The backbone: each weight is trained or frozen and never both; adapters beside them.
    const adapters = names('backbone').filter((name) => /\.lora_[AB]$/.test(name));
    const weights = names('backbone').filter((name) => !adapters.includes(name));
    expect([...weights, ...Object.keys(model.frozen)].sort()).toEqual([...layout].sort());
    expect(new Set(names('backbone')).size).toBe(names('backbone').length);
    // Without adapters, as in full tuning, there is nothing to hold; their number is held below.
    expect(adapters.filter((name) => !layout.includes(name.replace(/\.lora_[AB]$/, '')))).toEqual([]);
    expect([tuning.kind === 'lora', tuning.kind === 'full']).toEqual([adapters.length > 0, weights.length > 0]);
    expect(totalSize(model.trainable.encoder)).toBeGreaterThan(0);
  });

  it.each(connectors.map((connector) => ({ name: connector.kind, connector })))(
    'with $name the encoder alone decides the prefix, and both decide what is said',
    ({ connector }) => {
      const model = zooModel(
        { connector, tuning: { backbone: { kind: 'full' } } },
        { rows: 16, width: 6 },
        tinyBackbone(),
      );
      const start = {
        encoder: initialVector(model.trainable.encoder, 1),
        backbone: initialVector(model.trainable.backbone, 1),
      };
      const input = tf.tensor(numbers('seen', 96), [1, 16, 6]);
      const said = (encoder: Float32Array, backbone: Float32Array) =>
        tf.tidy(() => {
          const prefix = model.prefix({
            encoder: splitVector(tf.tensor1d(encoder), model.trainable.encoder),
            frozen: {},
            features: input,
          });
          const pass = {
            backbone: splitVector(tf.tensor1d(backbone), model.trainable.backbone),
            frozen: {},
            prefix,
            tokens: tf.tensor2d([[2, 3]], [1, 2], 'int32'),
            positions: tf.tensor1d([model.prefixTokens + 1], 'int32'),
          };
          return [...model.words(pass, model.hidden(pass)).dataSync()];
        });
      const before = said(start.encoder, start.backbone);
      expect(
        said(
          start.encoder.map((value, i) => value + Math.sin(i)),
          start.backbone,
        ),
      ).not.toEqual(before);
      expect(
        said(
          start.encoder,
          start.backbone.map((value, i) => value + 0.1 * Math.sin(i)),
        ),
      ).not.toEqual(before);
    },
  );
});

describe('the side of the connector', () => {
  it.each<ConnectorSpec>([connectorOf({ kind: 'mlp' }), connectorOf({ kind: 'window-qformer', layers: 1 })])(
    'changes what belongs to which module and nothing that is computed: $kind',
    (connector) => {
      const tuning = {
        tower: { kind: 'scale-shift' },
        backbone: tuningOf({ kind: 'lora', rank: 2, alpha: 4 }),
      } as const;
      const [usual, other] = (['encoder', 'backbone'] as const).map((connectorSide) =>
        zooModel({ connector, connectorSide, tuning }, { rows: 16, width: 6 }, tinyBackbone()),
      ) as [Model, Model];
      const names = (model: Model, module: 'encoder' | 'backbone') => model.trainable[module].map(({ name }) => name);
      expect(names(other, 'encoder')).toEqual(['features.scale', 'features.shift']);
      expect(names(usual, 'encoder')).toEqual([
        ...names(other, 'encoder'),
        ...other.trainable.backbone.flatMap(({ name, part }) => (part === 'connector' ? [name] : [])),
      ]);
      expect([...names(usual, 'encoder'), ...names(usual, 'backbone')].sort()).toEqual(
        [...names(other, 'encoder'), ...names(other, 'backbone')].sort(),
      );
      const input = tf.tensor(numbers('seen', 96), [1, 16, 6]);
      const [tokens, positions] = [
        tf.tensor2d([[2, 3]], [1, 2], 'int32'),
        tf.tensor1d([usual.prefixTokens + 1], 'int32'),
      ];
      const frozen = Object.fromEntries(
        Object.entries(usual.frozen).map(([name, { shape, data }]) => [name, tf.tensor(asFloat32(data), shape)]),
      );
      const said = (model: Model, scale: number) => {
        const parts = (module: 'encoder' | 'backbone') =>
          model.trainable[module].map(({ name, shape, initial }) => {
            const start = tf.tensor(initialVector([{ name, shape, initial }], 1), shape);
            return name === 'features.scale' ? tf.mul(start, tf.linspace(1, scale, 6)) : start;
          });
        const seen = model.prefix({ encoder: parts('encoder'), frozen, features: input });
        const prompt = model.decoding.prompt(parts('backbone'), frozen, seen, tokens);
        const pass = { backbone: parts('backbone'), frozen, prefix: seen, tokens, positions };
        return [
          ...model.words(pass, model.hidden(pass)).dataSync(),
          ...prompt.embeddings.dataSync(),
          ...prompt.counts.dataSync(),
        ];
      };
      const [at1, at2] = [said(usual, 1), said(usual, 2)];
      expect(said(other, 1)).toEqual(at1);
      expect(said(other, 2)).toEqual(at2);
      expect(at2).not.toEqual(at1);
      // A scale of 1 and a shift of 0 change nothing.
      const bare = zooModel(
        { connector, tuning: { backbone: tuning.backbone } },
        { rows: 16, width: 6 },
        tinyBackbone(),
      );
      expect(said(bare, 1)).toEqual(at1);
    },
  );
});

describe('the manifests of the families', () => {
  it.each([
    ['llava', 'resnet50', 'mlp'],
    ['internvl2', 'resnet50', 'pixel-shuffle'],
    ['blip2', 'resnet50', 'blip2-qformer'],
    ['salmonn', 'whisper-tiny', 'window-qformer'],
  ])('%s trains its composition before both backbones', (name, encoder, connector) => {
    const runs = expand(loadManifest(join(projectRoot, 'experiments', 'families', `${name}.json`), {}));
    expect(new Set(runs.map((run) => `${run.encoder} ${run.connector.kind}`))).toEqual(
      new Set([`${encoder} ${connector}`]),
    );
    expect(new Set(runs.map((run) => run.backbone))).toEqual(new Set(['stories15m', 'minimind2-small']));
    expect(runs).toHaveLength(12);
  });

  it('what cannot be combined is said before anything runs', () => {
    const problems = (fixed: object): string => {
      try {
        runsOf({
          fixed: { task: 'sound-qa', encoder: 'whisper-tiny', backbone: 'minimind2-small', seed: 1, ...fixed },
        });
        return '';
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return error.message;
      }
    };
    expect(problems({ connector: 'window-qformer' })).toBe('');
    expect(problems({ connector: 'pixel-shuffle' })).toMatch(/connector.*pixel-shuffle needs a grid/);
    expect(problems({ connector: { kind: 'window-qformer', layers: 7 } })).toMatch(/connector\/layers.*at most 6/);
    expect(problems({ connector: { kind: 'window-qformer', layers: 7, start: 'random' } })).toBe('');
  });
});
