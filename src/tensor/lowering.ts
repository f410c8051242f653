/**
 * bfloat16 in a recorded program, as a pass over its nodes. Two things are lowered: state that is stored in bfloat16
 * is read so, and marked products are computed so (sums inside a product are float32 in oneDNN, the result is rounded).
 * Everything else stays float32: before any other op a stored value is turned back, which is exact.
 */
import { boolAttribute, graphNode, typeAttribute, type AttributesByName, type NodeDef } from './graph';
import { BFLOAT16, FLOAT } from './recording';

const products: ReadonlySet<string> = new Set(['MatMul', 'BatchMatMulV2']);

/** What a session stores in bfloat16, and which products of a program may be computed in it, by name of their node. */
export interface Lowered {
  stored: ReadonlySet<string>;
  rounded: ReadonlySet<string>;
}

/** The nodes of one program in float32 -> the same with casts. Returns them as they are where nothing is lowered. */
export function lowered(nodes: NodeDef[], { stored, rounded }: Lowered): NodeDef[] {
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
      asFloat(node, inputs.map((source) => (isControl(source) ? source : narrow(source))), { T: typeAttribute(BFLOAT16) });
    } else if (op === 'GatherV2' && reads.has(inputs[0]!)) {
      asFloat(node, inputs, { Tparams: typeAttribute(BFLOAT16) });
    } else if (inputs.some((source) => reads.has(source))) {
      out.push(...widened(node, inputs, reads));
    } else out.push(node);
  }
  return out;
}

/**
 * A node in float32 that reads stored values, behind their casts. Each cast waits for what else the node reads: else all
 * of them would run as soon as the step begins, and a float32 copy of all weights would stand in memory.
 */
function widened(node: NodeDef, inputs: readonly string[], reads: ReadonlySet<string>): NodeDef[] {
  const name = node.getName();
  const others = inputs.filter((source) => !reads.has(source) && !isControl(source));
  const after = others.map((source) => `^${source.split(':')[0]!}`);
  const casts: NodeDef[] = [];
  const sources = inputs.map((source, i) => {
    if (!reads.has(source)) return source;
    const wide = `${name}/float32/${i}`;
    casts.push(cast(wide, source, BFLOAT16, FLOAT, after));
    return wide;
  });
  return [...casts, graphNode(name, node.getOp(), sources, attributesOf(node))];
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
