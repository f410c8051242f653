/** `equipoise doctor`: what this machine offers, what is missing, and the command that mends it. */
import { basename, join, resolve } from 'node:path';
import { cachePath, projectRoot } from '../files';
import { exitCode } from '../problems';
import { configFile, configuredParts, projectFolders, projectPlace, type Place } from '../project';
import { availableBackends, type BackendFacts, type BackendName } from '../tensor/backend';
import { linkTensorFlow, type LinkReport } from '../tensor/link/link';
import { whyNoGpu } from '../tensor/link/cuda';
import { canHaveKernels, kernelsOf } from '../tensor/link/kernels';
import { findLink, linkCommand, type FoundLink } from '../tensor/link/state';
import { hasNvidia } from '../tensor/link/tools';
import { errorLine, findTool, runTool } from '../tool';
import { cacheParts } from './cacheFolders';
import type { Define } from './command';
import { note, say, sayJson } from './text';

interface DoctorOptions {
  /** link TensorFlow first */
  link?: boolean;
  json?: boolean;
}

interface BackendDiagnosis {
  name: BackendName;
  /** it was started and computed a product */
  works: boolean;
  /** what really runs; null when it does not */
  facts: BackendFacts | null;
  /** why not; empty when it works */
  problem: string;
}

interface DoctorReport {
  node: { version: string; supported: boolean };
  system: string;
  nvidiaDriver: boolean;
  backends: BackendDiagnosis[];
  /** the TensorFlow that runs use; null when none is linked */
  linked: {
    tensorflow: string;
    /** what the library was built for */
    build: 'cpu' | 'cuda';
    /** CUDA packages that it wants and has not beside it */
    cudaMissing: string[];
    /** why a CUDA build uses no GPU here; null when it uses one, or is none */
    noGpu: string | null;
    /** why it has no fused kernels; null when it has them */
    noKernels: string | null;
  } | null;
  project: {
    /** the config that counts here; null where there is none */
    config: string | null;
    folders: { name: string; path: string; from: string }[];
  };
  cache: {
    folder: string;
    parts: {
      name: string;
      bytes: number;
      /** what it is for; null: nothing of this program */
      holds: string | null;
      /** how it comes back when it is removed (cacheFolders.ts), and what that takes */
      again: string | null;
      cost: string | null;
    }[];
  };
  tools: {
    name: string;
    path: string | null;
    /** what it is used for */
    use: string;
  }[];
  /** what should be mended, with the command */
  missing: { what: string; command: string }[];
  link: LinkReport | null;
}

const tools: { name: string; candidates?: string[]; use: string; package: string }[] = [
  { name: 'npm', use: 'installing packages', package: 'npm' },
  { name: 'python3', use: 'finding a TensorFlow to link', package: 'python3 python3-pip' },
  { name: 'c++', candidates: ['c++', 'g++', 'clang++'], use: 'building the TensorFlow addon', package: 'g++' },
  { name: 'apt-get', use: 'fetching Debian packages of pictures and sounds', package: '' },
  { name: 'dpkg-deb', use: 'unpacking them', package: 'dpkg' },
];

/** Looks at this machine; starts every backend in a child process. `say` is told of linking, a line at a time. */
export async function doctor(
  options: DoctorOptions = {},
  say: (line: string) => void = () => undefined,
): Promise<DoctorReport> {
  const link = options.link ? await linkNow(say) : null;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const supported = major >= 20 && major < 25 && (major > 20 || minor >= 9);
  const backends: BackendDiagnosis[] = [];
  for (const { name, available, reason } of availableBackends())
    backends.push(available ? await probe(name) : { name, works: false, facts: null, problem: reason });
  const found = tools.map(({ name, candidates, use }) => ({ name, path: findTool(...(candidates ?? [name])), use }));
  const current = findLink();
  const linked = current !== null;
  const gpu = backends.some(({ facts }) => facts?.name === 'tensorflow' && facts.gpu);
  const missing: DoctorReport['missing'] = [];
  if (!supported)
    missing.push({
      what: `Node ${process.versions.node} is not supported (20.9 to 24 are)`,
      command: 'nvm install 22',
    });
  for (const { name, path } of found) {
    const needed = name === 'npm' || (!linked && (name === 'python3' || name === 'c++'));
    const debian = tools.find((tool) => tool.name === name)?.package ?? '';
    if (path === null && needed) missing.push({ what: `${name} is not found`, command: `apt-get install ${debian}` });
  }
  for (const { name, works, problem } of backends) {
    if (!works && name !== 'webgpu')
      missing.push({ what: `backend ${name}: ${problem}`, command: name === 'tensorflow' ? linkCommand : 'npm ci' });
  }
  if (hasNvidia() && linked && !gpu) {
    const { why, hint } = whyNoGpu(current);
    missing.push({
      what: `there is an NVIDIA driver, but TensorFlow does not use the GPU: ${why}`,
      command: hint.replace(/^run: /, ''),
    });
  }
  return {
    node: { version: process.versions.node, supported },
    system: `${process.platform} ${process.arch}`,
    nvidiaDriver: hasNvidia(),
    backends,
    linked: current === null ? null : diagnosis(current, gpu),
    project: projectNow(),
    cache: {
      folder: cachePath(),
      parts: cacheParts().map(({ name, bytes, folder }) => ({
        ...{ name, bytes },
        ...{ holds: folder?.holds ?? null, again: folder?.again ?? null, cost: folder?.cost ?? null },
      })),
    },
    tools: found,
    missing,
    link,
  };
}

/** The config that counts in the working folder, and who says where each folder is. */
function projectNow(): DoctorReport['project'] {
  const config = configFile();
  const said = ({ from }: Place) =>
    from.kind === 'variable' ? from.name : from.kind === 'config' ? basename(config ?? '') : 'default';
  const parts = configuredParts();
  return {
    config,
    folders: [
      ...projectFolders.map((name) => {
        const place = projectPlace(name);
        return { name, path: resolve(place.path), from: said(place) };
      }),
      ...(parts === undefined
        ? []
        : [{ name: 'parts', path: parts, from: said({ path: parts, from: { kind: 'config' } }) }]),
    ],
  };
}

/** What a link is and what it lacks; `gpu`: its backend was started and uses one. */
export function diagnosis(link: FoundLink, gpu: boolean): DoctorReport['linked'] {
  const kernels = kernelsOf(link);
  return {
    tensorflow: link.tensorflow,
    build: link.cuda ? 'cuda' : 'cpu',
    cudaMissing: link.cudaMissing ?? [],
    noGpu: link.cuda && !gpu ? whyNoGpu(link).why : null,
    noKernels:
      kernels.file !== null ? null : `${kernels.why}${canHaveKernels(link) ? `; to add them: ${linkCommand}` : ''}`,
  };
}

/** Links, completes a link, and links anew when there is one that does not work. */
async function linkNow(say: (line: string) => void): Promise<LinkReport> {
  const link = findLink();
  const broken = link !== null && !(await probe('tensorflow')).works;
  return linkTensorFlow({ force: broken, complete: true, say });
}

async function probe(name: BackendName): Promise<BackendDiagnosis> {
  const result = await runTool(process.execPath, [join(projectRoot, 'bin', 'probe.cjs'), name], {
    seconds: 120,
  });
  try {
    if (result.code === 0)
      return {
        name,
        works: true,
        facts: JSON.parse(result.out.trim().split('\n').at(-1) ?? '') as BackendFacts,
        problem: '',
      };
  } catch {
    // told below
  }
  return { name, works: false, facts: null, problem: errorLine(result).replace(/^error: (backend \w+: )?/, '') };
}

/** What the linked TensorFlow was built for and what it has, a line each. */
function linkedLines(linked: DoctorReport['linked']): string[] {
  if (linked === null) return [];
  const { tensorflow, build, cudaMissing, noGpu, noKernels } = linked;
  const lacking = cudaMissing.length === 0 ? '' : `; CUDA libraries that are not beside it: ${cudaMissing.join(', ')}`;
  return [
    'Linked',
    `  TensorFlow ${tensorflow}, built for ${build === 'cuda' ? 'NVIDIA GPUs and processors' : 'processors'}`,
    ...(build === 'cuda' ? [`  GPU: ${noGpu === null ? 'used' : `not used, ${noGpu}`}${lacking}`] : []),
    `  fused kernels: ${noKernels === null ? 'there' : `none, ${noKernels}`}`,
  ];
}

/** The report as lines for a person. */
export function doctorLines(report: DoctorReport): string[] {
  const lines = [
    `Node ${report.node.version} on ${report.system}${report.nvidiaDriver ? ', NVIDIA driver found' : ''}`,
    'Backends',
  ];
  for (const { name, facts, problem } of report.backends) {
    const text =
      facts === null
        ? `not available: ${problem}`
        : `${facts.tensorflow === null ? '' : `TensorFlow ${facts.tensorflow}, `}${facts.device}, ${facts.threads} thread${facts.threads === 1 ? '' : 's'}`;
    lines.push(`  ${name.padEnd(12)}${text}`);
  }
  lines.push(
    ...linkedLines(report.linked),
    `Project ${report.project.config ?? 'without a config (equipoise init writes one)'}`,
    ...report.project.folders.map(({ name, path, from }) => `  ${name.padEnd(12)}${path} (${from})`),
    `Cache ${report.cache.folder}`,
  );
  for (const { name, bytes, holds, again, cost } of report.cache.parts) {
    const size = `  ${name.padEnd(14)}${(bytes / 2 ** 20).toFixed(1).padStart(9)} MB`;
    const use = holds === null ? 'nothing of this program' : again === 'never' ? holds : `${holds}; again: ${cost}`;
    lines.push(`${size}  ${use}`);
  }
  if (report.cache.parts.length > 0)
    lines.push('  equipoise clean cache, or cache/NAME, shows what goes and removes it with --yes');
  lines.push('Tools');
  for (const { name, path, use } of report.tools) lines.push(`  ${name.padEnd(12)}${path ?? 'not found'} (${use})`);
  for (const { source, problem, hint } of report.link?.attempts ?? [])
    lines.push(`Tried ${source}: ${problem}${hint ? ` (${hint})` : ''}`);
  if (report.link !== null)
    lines.push(
      report.link.link === null
        ? 'TensorFlow could not be linked; runs use wasm'
        : `TensorFlow ${report.link.link.tensorflow} ${report.link.made ? 'is linked now' : 'was linked already'}`,
    );
  lines.push(
    ...(report.missing.length === 0
      ? ['Nothing is missing']
      : report.missing.map(({ what, command }) => `Missing: ${what}; to mend: ${command}`)),
  );
  return lines;
}

/**
 * Adds `doctor [--link] [--json]` to the command line. Exit code 3 when --link was asked for and there is no link after
 * it.
 */
export const define: Define = (command) => {
  command
    .option('--link', 'find, build and check a native TensorFlow first')
    .option('--json', 'print the report as JSON')
    .action(async (options: DoctorOptions) => {
      const report = await doctor(options, note);
      if (options.json) sayJson('doctor', report);
      else say(doctorLines(report).join('\n'));
      if (options.link && report.link?.link === null) process.exitCode = exitCode.unavailable;
    });
};
