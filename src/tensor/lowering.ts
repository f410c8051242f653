/**
 * bfloat16 in a recorded program, as a pass over its nodes. Two things are lowered: state that is stored in bfloat16
 * is read so, and marked products are computed so: of rounded operands, summed in float32, the result rounded.
 * Everything else stays float32: before any other op a stored value is turned back, which is exact.
 */
import {
  boolAttribute,
  graphNode,
  typeAttribute,
  type AttributesByName,
  type Binding,
  type NodeDef,
  type OpAttribute,
} from './graph';
import { BFLOAT16, FLOAT } from './recording';

const products: ReadonlySet<string> = new Set(['MatMul', 'BatchMatMulV2']);

/** What a session stores in bfloat16, and which products of a program may be computed in it, by name of their node. */
export interface Lowered {
  stored: ReadonlySet<string>;
  rounded: ReadonlySet<string>;
  /**
   * whether the library's own product in bfloat16 rounds to the nearest; else operands and result are rounded around a
   * product in float32, which gives the same numbers and saves nothing
   */
  native: boolean;
}

/** The nodes of one program in float32 -> the same with casts. Returns them as they are where nothing is lowered. */
export function lowered(nodes: NodeDef[], { stored, rounded, native }: Lowered): NodeDef[] {
  if (stored.size === 0 && rounded.size === 0) return nodes;
  const out: NodeDef[] = [];
  /** a float32 value by its source -> its bfloat16 source; cast once, however many products read it */
  const narrowed = new Map<string, string>();
  /** bfloat16 reads of stored state */
  const reads = new Set<string>();

  const narrow = (source: string): string => {
    if (reads.has(source)) return source;
    const known = narrowed.get(source);
    if (known !== undefined) return known;
    const node = `${source.replace(':', '/')}/bfloat16`;
    out.push(cast(node, source, FLOAT, BFLOAT16));
    narrowed.set(source, node);
    return node;
  };
  /** Written under another name and turned back under its own, so that its readers need not know. */
  const asFloat = (node: NodeDef, inputs: string[], types: AttributesByName): void => {
    const name = node.getName(),
      inner = `${name}/bfloat16`;
    out.push(
      graphNode(inner, node.getOp(), inputs, { ...attributesOf(node), ...types }),
      cast(name, inner, BFLOAT16, FLOAT),
    );
    narrowed.set(name, inner);
  };

  for (const node of nodes) {
    const [op, name, inputs] = [node.getOp(), node.getName(), node.getInputList()];
    const variable = inputs[0]?.replace(/^var\//, '');
    if (op === 'ReadVariableOp' && variable !== undefined && stored.has(variable)) {
      reads.add(name);
      out.push(graphNode(name, op, inputs, { dtype: typeAttribute(BFLOAT16) }));
    } else if (products.has(op) && rounded.has(name)) {
      const sources = inputs.map((source) => (isControl(source) ? source : narrow(source)));
      if (native) asFloat(node, sources, { T: typeAttribute(BFLOAT16) });
      else {
        const wide = graphNode(`${name}/float32`, op, sources, attributesOf(node));
        out.push(...widened(wide, sources, (source) => !isControl(source), reads));
        out.push(cast(`${name}/bfloat16`, `${name}/float32`, FLOAT, BFLOAT16));
        out.push(cast(name, `${name}/bfloat16`, BFLOAT16, FLOAT));
        narrowed.set(name, `${name}/bfloat16`);
      }
    } else if (op === 'GatherV2' && reads.has(inputs[0]!)) {
      asFloat(node, inputs, { Tparams: typeAttribute(BFLOAT16) });
    } else if (inputs.some((source) => reads.has(source))) {
      out.push(...widened(node, inputs, (source) => reads.has(source), reads));
    } else out.push(node);
  }
  return out;
}

/**
 * A node in float32 behind casts of those inputs that are `narrow`. Each cast waits for what else the node reads, but for
 * stored state, which is there from the start: else all casts of weights would run as soon as the step begins, and a
 * float32 copy of all of them would stand in memory.
 */
function widened(
  node: NodeDef,
  inputs: readonly string[],
  isNarrow: (source: string) => boolean,
  stored: ReadonlySet<string>,
): NodeDef[] {
  const name = node.getName();
  const awaited = inputs.filter((source) => !stored.has(source) && !isControl(source));
  const casts: NodeDef[] = [];
  const sources = inputs.map((source, i) => {
    if (!isNarrow(source)) return source;
    const wide = `${name}/float32/${i}`;
    const after = awaited.filter((other) => other !== source).map((other) => `^${other.split(':')[0]!}`);
    casts.push(cast(wide, source, BFLOAT16, FLOAT, [...new Set(after)]));
    return wide;
  });
  return [...casts, graphNode(name, node.getOp(), sources, attributesOf(node))];
}

/**
 * Whether the library's product in bfloat16 rounds to the nearest. TensorFlow's own on processors without AVX-512 cuts
 * the result off instead, which shrinks every number that passes a layer; it is asked for 1 + 3/4 of a last digit.
 */
export function roundsProducts(binding: Binding): boolean {
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  const flag = (name: string) => ({ name, type: binding.TF_ATTR_BOOL, value: false });
  const made: number[] = [];
  const keep = (id: number): number => {
    made.push(id);
    return id;
  };
  const run = (op: string, attributes: OpAttribute[], inputs: number[]): number =>
    keep(binding.executeOp(op, attributes, inputs, 1)[0]!.id);
  const turned = (id: number, from: number, to: number): number =>
    run('Cast', [type('SrcT', from), type('DstT', to), flag('Truncate')], [id]);
  try {
    const given = (shape: number[], values: number[]): number =>
      turned(keep(binding.createTensor(shape, FLOAT, Float32Array.from(values))), FLOAT, BFLOAT16);
    const product = run(
      'MatMul',
      [flag('transpose_a'), flag('transpose_b'), type('T', BFLOAT16)],
      [given([1, 2], [1, 0.75 * 2 ** -7]), given([2, 1], [1, 1])],
    );
    return binding.tensorDataSync(turned(product, BFLOAT16, FLOAT))[0] === 1 + 2 ** -7;
  } finally {
    for (const id of made) binding.deleteTensor(id);
  }
}

const isControl = (source: string): boolean => source.startsWith('^');

/** A Cast node; from float32 it rounds to the nearest, ties to even. */
export const cast = (name: string, source: string, from: number, to: number, after: readonly string[] = []): NodeDef =>
  graphNode(name, 'Cast', [source, ...after], {
    SrcT: typeAttribute(from),
    DstT: typeAttribute(to),
    Truncate: boolAttribute(false),
  });

/** What is said of a node beside its op and inputs. */
function attributesOf(node: NodeDef): AttributesByName {
  const found: AttributesByName = {};
  node.getAttrMap().forEach((value, name) => {
    found[name] = value;
  });
  return found;
}
