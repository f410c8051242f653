/**
 * TensorFlow GraphDef nodes from the calls that TensorFlow.js makes into its native addon.
 * Format: tensorflow/core/framework/{graph,node_def,attr_value}.proto; the classes come with tfjs-node.
 */
import { createRequire } from 'node:module';

/** The part of tfjs-node's generated protobuf classes (dist/proto/api_pb.js ships without types) that graphs need. */
interface ListValue {
  setTypeList(types: number[]): void;
  setIList(values: number[]): void;
}
interface TensorShape {
  addDim(dimension: Dimension): void;
}
interface Dimension {
  setSize(size: number): void;
}
interface TensorMessage {
  setDtype(dtype: number): void;
  setTensorShape(shape: TensorShape): void;
  setTensorContent(base64: string): void;
}
interface AttrValue {
  setType(dtype: number): void;
  setShape(shape: TensorShape): void;
  setS(base64: string): void;
  setB(value: boolean): void;
  setI(value: number): void;
  setF(value: number): void;
  setList(list: ListValue): void;
  setTensor(tensor: TensorMessage): void;
}
export interface NodeDef {
  setName(name: string): void;
  setOp(op: string): void;
  addInput(input: string): void;
  getName(): string;
  getOp(): string;
  getInputList(): string[];
  getAttrMap(): {
    set(key: string, value: AttrValue): void;
    forEach(each: (value: AttrValue, key: string) => void): void;
  };
}
/** Attributes of a node by their names. */
export type AttributesByName = Record<string, AttrValue>;
interface Versions {
  setProducer(version: number): void;
}
interface GraphDef {
  setNodeList(nodes: NodeDef[]): void;
  setVersions(versions: Versions): void;
}
interface MetaInfo {
  setTagsList(tags: string[]): void;
}
interface MetaGraph {
  setMetaInfoDef(info: MetaInfo): void;
  setGraphDef(graph: GraphDef): void;
}
interface SavedModel {
  setSavedModelSchemaVersion(version: number): void;
  addMetaGraphs(meta: MetaGraph): void;
  serializeBinary(): Uint8Array;
}
interface Proto {
  AttrValue: { new (): AttrValue; ListValue: new () => ListValue };
  TensorShape: { new (): TensorShape; Dim: new () => Dimension };
  Tensor: new () => TensorMessage;
  NodeDef: new () => NodeDef;
  VersionDef: new () => Versions;
  GraphDef: new () => GraphDef;
  MetaGraphDef: { new (): MetaGraph; MetaInfoDef: new () => MetaInfo };
  SavedModel: new () => SavedModel;
}

// Loaded on first use: only the recorder needs it, and it costs 30 ms.
let loaded: Proto | undefined;
const proto = (): Proto =>
  (loaded ??= createRequire(__filename)('@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js') as Proto);

export interface OpAttribute {
  name: string;
  type: number;
  value: unknown;
}
export interface TensorMeta {
  id: number;
  shape: number[];
  dtype: number;
}
/** The addon of tfjs-node (binding/tfjs_binding.cc). */
export interface Binding {
  TF_ATTR_BOOL: number;
  TF_ATTR_INT: number;
  TF_ATTR_FLOAT: number;
  TF_ATTR_STRING: number;
  TF_ATTR_TYPE: number;
  TF_ATTR_SHAPE: number;
  createTensor(shape: number[], dtype: number, values: ArrayBufferView): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array;
  executeOp(op: string, attributes: OpAttribute[], inputs: number[], outputs: number): TensorMeta[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: number[], inputNames: string, outputNames: string): TensorMeta[];
}

const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes as Uint8Array).toString('base64');

function attribute(set: (value: AttrValue) => void): AttrValue {
  const value = new (proto().AttrValue)();
  set(value);
  return value;
}

function shapeProto(shape: number[]): TensorShape {
  const message = new (proto().TensorShape)();
  for (const size of shape) {
    const dimension = new (proto().TensorShape.Dim)();
    dimension.setSize(size);
    message.addDim(dimension);
  }
  return message;
}

export const typeAttribute = (dtype: number) => attribute((v) => v.setType(dtype));
export const shapeAttribute = (shape: number[]) => attribute((v) => v.setShape(shapeProto(shape)));
export const boolAttribute = (value: boolean) => attribute((v) => v.setB(value));
export const stringAttribute = (text: string) => attribute((v) => v.setS(base64(text)));

/** The value of a constant node: raw bytes in the machine's order, as TensorFlow reads `tensor_content`. */
export function tensorAttribute(shape: number[], dtype: number, values: ArrayBufferView): AttrValue {
  return attribute((v) => {
    const tensor = new (proto().Tensor)();
    tensor.setDtype(dtype);
    tensor.setTensorShape(shapeProto(shape));
    tensor.setTensorContent(base64(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)));
    v.setTensor(tensor);
  });
}

/**
 * An attribute as tfjs-node passes it to the addon -> AttrValue. Throws Error for a kind that no kernel of ours uses.
 */
export function opAttribute(binding: Binding, given: OpAttribute): AttrValue {
  return attribute((v) => {
    if (given.type === binding.TF_ATTR_BOOL) v.setB(Boolean(given.value));
    else if (given.type === binding.TF_ATTR_INT && Array.isArray(given.value))
      v.setList(listOf((l) => l.setIList(given.value as number[])));
    else if (given.type === binding.TF_ATTR_INT) v.setI(given.value as number);
    else if (given.type === binding.TF_ATTR_FLOAT) v.setF(given.value as number);
    else if (given.type === binding.TF_ATTR_STRING) v.setS(base64(given.value as string));
    else if (given.type === binding.TF_ATTR_TYPE && Array.isArray(given.value))
      v.setList(listOf((l) => l.setTypeList(given.value as number[])));
    else if (given.type === binding.TF_ATTR_TYPE) v.setType(given.value as number);
    else if (given.type === binding.TF_ATTR_SHAPE) v.setShape(shapeProto(given.value as number[]));
    else throw new Error(`attribute "${given.name}" of kind ${given.type} has no GraphDef form here`);
  });
}

function listOf(set: (list: ListValue) => void): ListValue {
  const list = new (proto().AttrValue.ListValue)();
  set(list);
  return list;
}

export function graphNode(name: string, op: string, inputs: string[], attributes: AttributesByName = {}): NodeDef {
  const node = new (proto().NodeDef)();
  node.setName(name);
  node.setOp(op);
  for (const input of inputs) node.addInput(input);
  for (const [key, value] of Object.entries(attributes)) node.getAttrMap().set(key, value);
  return node;
}

/**
 * A SavedModel (saved_model.pb) with one meta graph tagged `serve`; 1882 is a GraphDef producer that TensorFlow >= 2.15
 * reads.
 */
export function savedModel(nodes: NodeDef[]): Uint8Array {
  const version = new (proto().VersionDef)();
  version.setProducer(1882);
  const graph = new (proto().GraphDef)();
  graph.setNodeList(nodes);
  graph.setVersions(version);
  const info = new (proto().MetaGraphDef.MetaInfoDef)();
  info.setTagsList(['serve']);
  const meta = new (proto().MetaGraphDef)();
  meta.setMetaInfoDef(info);
  meta.setGraphDef(graph);
  const model = new (proto().SavedModel)();
  model.setSavedModelSchemaVersion(1);
  model.addMetaGraphs(meta);
  return model.serializeBinary();
}
