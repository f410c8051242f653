/** The wasm backend in Node: pure npm, one thread, always there. */
import { dirname, join, sep } from 'node:path';
import { registerWasmConvolutions } from './wasmConvolutions';
import { registerWasmCopies } from './wasmCopies';
import { registerWasmKernels } from './wasmKernels';

let registered: Promise<void> | null = null;

/** Registers backend `wasm` from the files in node_modules; repeated calls do nothing. */
export function registerWasm(): Promise<void> {
  registered ??= register();
  return registered;
}

async function register(): Promise<void> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'wasm-out') + sep);
  registerWasmCopies();
  registerWasmKernels();
  registerWasmConvolutions();
}
