/** The webgpu backend in Node, by Dawn. */
import { createRequire } from 'node:module';
import { requireOptional } from '../optional';
import { exitCode, userError } from '../problems';

/** Dawn in Node and TensorFlow.js's backend for it: 150 MB, left to those who have an adapter. */
export const webgpuPackages = ['webgpu', '@tensorflow/tfjs-backend-webgpu'] as const;

/** The part of the package `webgpu` that is used: its own types are there only where it is installed. */
interface Dawn {
  globals: object;
  create(options: string[]): {
    requestAdapter(options: { powerPreference: 'high-performance' }): Promise<{
      info: { vendor: string; architecture: string; device: string; description: string };
    } | null>;
  };
}

/** The graphics adapter that Dawn chose. */
interface WebgpuAdapter {
  description: string;
  /** drawn by the processor, not by a GPU */
  software: boolean;
}

let registered: Promise<WebgpuAdapter> | null = null;

/**
 * Registers backend `webgpu`; repeated calls return the same adapter. @throws UserError (exit code 3) without a Vulkan
 * adapter
 */
export function registerWebgpu(): Promise<WebgpuAdapter> {
  registered ??= register();
  return registered;
}

async function register(): Promise<WebgpuAdapter> {
  requireOptional('backend webgpu', webgpuPackages);
  const load = createRequire(__filename);
  // The package is an ES module, whose names a variable keeps from being looked up where it is not installed.
  const { create, globals } = (await import(webgpuPackages[0] as string)) as Dawn;
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw userError(
      {
        where: 'backend webgpu',
        what: 'no Vulkan adapter was found',
        hint: 'install the Vulkan driver of the GPU, or name a software renderer by VK_DRIVER_FILES',
      },
      exitCode.unavailable,
    );
  }
  const { info } = adapter;
  // TensorFlow.js looks for a browser: it reads window and navigator.gpu
  Object.defineProperty(globalThis, 'window', { value: globalThis, configurable: true, writable: true });
  if (!('navigator' in globalThis)) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true }); // Node 20 has none
  Object.defineProperty((globalThis as { navigator?: object }).navigator, 'gpu', { value: gpu, configurable: true });
  load(webgpuPackages[1]);
  return {
    description: [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' '),
    software: /swiftshader|llvmpipe|software/i.test(`${info.architecture} ${info.description}`),
  };
}
