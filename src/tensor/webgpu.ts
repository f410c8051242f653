/** The webgpu backend in Node, by Dawn. */
import { exitCode, userError } from '../problems';

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
  const { create, globals } = await import('webgpu');
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
  await import('@tensorflow/tfjs-backend-webgpu');
  return {
    description: [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' '),
    software: /swiftshader|llvmpipe|software/i.test(`${info.architecture} ${info.description}`),
  };
}
