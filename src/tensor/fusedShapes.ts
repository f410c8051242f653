/**
 * The fused kernels of link/kernels/kernels.cc: the order of their inputs, the number that a node gives with it, and what
 * they make, in shapes. The one list of them for those who run them (fusedKernels.ts) and those who plan
 * (shapeBackend.ts).
 */
import { sizeOf } from './shape';

type Shape = readonly number[];

/** What is known of a fused kernel. */
export interface FusedKernel {
  inputs: readonly string[];
  /** name of the number that a node gives with it */
  number?: string;
  /** shapes of its outputs, all float32 */
  outputs(inputs: readonly Shape[]): Shape[];
  /** it may write over an input of the same size that nothing else reads */
  inPlace?: boolean;
  /** multiplications and additions of its matrix products */
  flops?(inputs: readonly Shape[]): number;
}

const first = ([x]: readonly Shape[]): Shape[] => [x!];
const rows = (x: Shape): Shape => x.slice(0, -1);
const rowCount = (x: Shape): number => sizeOf(rows(x));
/** Products of every query with every key, each of the head's size. */
const scores = ([q, k]: readonly Shape[]): number => 2 * sizeOf(q!) * k![2]!;

/** All of them, by name. */
export const fusedKernels: Readonly<Record<string, FusedKernel>> = {
  EquipoiseSilu: { inputs: ['x'], number: 'scale', outputs: first, inPlace: true },
  EquipoiseSiluGradient: { inputs: ['x', 'dy'], number: 'scale', outputs: first, inPlace: true },
  EquipoiseGelu: { inputs: ['x'], outputs: first, inPlace: true },
  EquipoiseGeluGradient: { inputs: ['x', 'dy'], outputs: first, inPlace: true },
  EquipoiseGeluTanh: { inputs: ['x'], outputs: first, inPlace: true },
  EquipoiseGeluTanhGradient: { inputs: ['x', 'dy'], outputs: first, inPlace: true },
  EquipoiseSwiglu: { inputs: ['gate', 'up'], outputs: first },
  EquipoiseSwigluGradient: { inputs: ['gate', 'up', 'dy'], outputs: ([gate, up]) => [gate!, up!], inPlace: true },
  EquipoiseRmsNorm: { inputs: ['x', 'gain'], number: 'epsilon', outputs: ([x]) => [x!, [rowCount(x!)]] },
  EquipoiseRmsNormGradient: { inputs: ['x', 'gain', 'scale', 'dy'], outputs: first, inPlace: true },
  EquipoiseRmsNormGain: { inputs: ['x', 'scale', 'dy'], outputs: ([x]) => [x!.slice(-1)] },
  EquipoiseLayerNorm: { inputs: ['x', 'gain', 'bias'], number: 'epsilon', outputs: ([x]) => [x!, [rowCount(x!), 2]] },
  EquipoiseLayerNormGradient: { inputs: ['x', 'gain', 'stats', 'dy'], outputs: first, inPlace: true },
  EquipoiseLayerNormGain: { inputs: ['x', 'stats', 'dy'], outputs: ([x]) => [x!.slice(-1), x!.slice(-1)] },
  EquipoiseLogSoftmax: { inputs: ['x'], outputs: first, inPlace: true },
  EquipoiseLogSoftmaxGradient: { inputs: ['y', 'dy'], outputs: first, inPlace: true },
  EquipoiseLabelled: { inputs: ['y', 'labels'], outputs: ([, labels]) => [labels!] },
  EquipoiseLabelledGradient: { inputs: ['y', 'labels', 'dy'], outputs: first, inPlace: true },
  EquipoiseAttention: {
    inputs: ['q', 'k', 'v', 'mask'],
    number: 'scale',
    outputs: ([q]) => [q!, [...rows(q!), 2]],
    flops: (inputs) => 2 * scores(inputs),
  },
  EquipoiseAttentionGradient: {
    inputs: ['q', 'k', 'v', 'mask', 'o', 'stats', 'dy'],
    number: 'scale',
    outputs: ([q, k, v]) => [q!, k!, v!],
    flops: (inputs) => 5 * scores(inputs),
  },
  EquipoiseRotary: { inputs: ['x', 'cosine', 'sine'], outputs: first, inPlace: true },
  EquipoiseRotaryGradient: { inputs: ['dy', 'cosine', 'sine'], outputs: first, inPlace: true },
};
