/** Trained parameters for users of Python: PEFT's and transformers' layouts, with what one must know to use them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setIdentity } from '../../data';
import type { Tokenizer } from '../../text/tokenizer';
import { writeWhole } from '../../files';
import {
  backboneSource,
  backboneWithoutWeights,
  findBackbone,
  loadTokenizer,
  loadWholeBackbone,
  withRows,
} from '../../models/zoo/backbones';
import type { Pretrained } from '../../models/zoo/backbones/backbone';
import { asCausalLlama, causalLlama, causalLlamaConfig } from '../../models/zoo/backbones/huggingFace';
import { isCheckpointTuning, isInStep } from '../../models/tuningKinds';
import { towerWithoutWeights, zooModel } from '../../models/zoo/compose';
import { connectorRows, connectorSources } from '../../models/zoo/connectors';
import { findEncoder, towerSources } from '../../models/zoo/encoders';
import type { Model } from '../../models/build';
import type { PartName } from '../../models/composition';
import { peftLayout, writePeftAdapter } from '../../models/peft';
import { writeSafetensors } from '../../models/weights/safetensors';
import type { WeightTensor } from '../../models/weights/weight';
import { userError } from '../../problems';
import { loadTexts } from '../../train/prepare';
import type { RunFolder } from '../folders';
import { dataIdentity } from '../identify';
import { newFolder } from '../newFolder';
import type { RunFile } from '../runFile';
import { writeCheckpointRun } from './checkpointRun';
import { baseFacts, runFacts, seal, type BackboneForm, type ExportFacts } from './facts';
import { readmeOfBackbone, readmeOfRun } from './readme';
import { finishedFile, readTrained, type TrainedRun, type Which } from './trained';

export interface WrittenRun {
  id: string;
  out: string;
  step: number;
  backbone: BackboneForm;
  files: string[];
}

/**
 * The whole table of a fully trained backbone: what the run trained over the rows of its vocabulary, the pretrained
 * rows elsewhere.
 */
export function wholeBackbone(
  { config, weights }: Pretrained,
  trained: Record<string, WeightTensor>,
  ids: readonly number[],
): Record<string, WeightTensor> {
  const tables = config.tied ? ['tokenEmbedding'] : ['tokenEmbedding', 'lmHead'];
  return {
    ...trained,
    ...Object.fromEntries(tables.map((name) => [name, withRows(weights[name]!, ids, trained[name]!)])),
  };
}

/**
 * Writes the trained parameters of a finished run to a new folder.
 * @throws UserError for a run that is not finished, whose parameters are gone or damaged, or whose data or base weights
 * changed, and for a folder that is taken or cannot be made
 */
export function exportRun(
  paths: RunFolder,
  name: string,
  which: Which,
  out: string,
  onStage: (stage: string) => void = () => undefined,
): Promise<WrittenRun> {
  return newFolder(out, (folder) =>
    fillWithRun(paths, name, which, folder, onStage).then((written) => ({ ...written, out })),
  );
}

async function fillWithRun(
  paths: RunFolder,
  name: string,
  which: Which,
  folder: string,
  onStage: (stage: string) => void,
): Promise<Omit<WrittenRun, 'out'>> {
  const file = finishedFile(paths, name);
  const { spec, id } = file;
  const tuning = spec.tuning.backbone;
  if (spec.checkpoint !== undefined || isCheckpointTuning(tuning)) {
    const { step, form } = await writeCheckpointRun(paths, file, which, folder);
    return { id, step, backbone: form, files: readdirSync(folder).sort() };
  }
  const texts = tuning.kind === 'full' ? await vocabularyOf(file, onStage) : null;
  const encoder = findEncoder(spec.encoder);
  const { width } = encoder;
  const rows = connectorRows(spec.connector, encoder.rowChoices) ?? encoder.rows;
  const model = zooModel(
    spec,
    { rows, width },
    backboneWithoutWeights(spec.backbone, texts?.ids.length ?? 1),
    undefined,
    isInStep(spec.tuning.tower) ? towerWithoutWeights(encoder) : undefined,
  );
  const run = readTrained(paths, file, which, model.trainable);
  const { tower, connector, language } = parted(run, model);
  if (tuning.kind === 'lora') {
    writePeftAdapter(
      folder,
      peftLayout({ table: causalLlama, trained: language, adapterOf: () => tuning }, tuning, 'CAUSAL_LM'),
    );
  } else if (texts !== null) {
    const base = await loadWholeBackbone(spec.backbone);
    writeBackbone(folder, base, wholeBackbone(base, language, texts.ids), texts.tokenizer);
  }
  const backbone = ({ lora: 'adapter', full: 'whole', frozen: 'frozen' } as const)[tuning.kind];
  writeWhole(join(folder, 'connector.safetensors'), writeSafetensors(connector, { format: 'pt' }));
  if (isInStep(spec.tuning.tower))
    writeWhole(join(folder, 'tower.safetensors'), writeSafetensors(tower, { format: 'pt' }));
  const facts = factsOf(
    run,
    which,
    { tokens: model.prefixTokens, rows, features: width },
    backbone,
    texts?.ids ?? null,
  );
  writeWhole(join(folder, 'README.md'), readmeOfRun(facts));
  return { id, step: run.step, backbone, files: seal(folder, facts) };
}

/**
 * What a run trained, by file and not by module: what is inside the tower, the connector with what is trained behind
 * the tower, and the language model.
 */
function parted(
  { trained: { encoder, backbone } }: TrainedRun,
  { trainable, tuning }: Model,
): Record<'tower' | 'connector' | 'language', Record<string, WeightTensor>> {
  const fileOf = (part: PartName) =>
    part === 'backbone' ? 'language' : part === 'tower' && isInStep(tuning.tower) ? 'tower' : 'connector';
  const files = { tower: {}, connector: {}, language: {} } as Record<string, Record<string, WeightTensor>>;
  for (const { name, part } of [...trainable.encoder, ...trainable.backbone])
    files[fileOf(part)]![name] = (encoder[name] ?? backbone[name])!;
  return files as ReturnType<typeof parted>;
}

/** The pruned vocabulary of a run. Throws UserError when the data is no longer that of the training. */
async function vocabularyOf(
  file: RunFile,
  onStage: (stage: string) => void,
): Promise<{ tokenizer: Tokenizer; ids: readonly number[] }> {
  if (dataIdentity(file.spec, (task) => setIdentity(task)) !== file.data.identity) {
    throw userError({
      where: `run ${file.id}`,
      what: `was trained on other data than task ${file.spec.task} has now; which rows of the embedding its weights are cannot be told`,
      hint: 'use the version of Equipoise and the data that it was trained on',
    });
  }
  const { tokenizer, texts } = await loadTexts(file.spec, onStage);
  return { tokenizer, ids: texts.codec.vocabulary.ids };
}

function factsOf(
  run: TrainedRun,
  which: Which,
  connector: { tokens: number; rows: number; features: number },
  backbone: BackboneForm,
  vocabulary: readonly number[] | null,
): ExportFacts {
  const { spec } = run.file;
  return {
    ...runFacts(run, which),
    backbone: {
      name: spec.backbone,
      form: backbone,
      base: baseFacts(backboneSource(spec.backbone)),
      vocabularySize: findBackbone(spec.backbone).config.vocabulary,
      trainedRows: vocabulary,
    },
    connector: { spec: spec.connector, ...connector, startsFrom: connectorSources(spec.connector).map(baseFacts) },
    encoder: {
      name: spec.encoder,
      trained: isInStep(spec.tuning.tower),
      bases: towerSources(findEncoder(spec.encoder)).map(baseFacts),
    },
  };
}

/**
 * Writes a pretrained backbone to a new folder in transformers' layout: what an exported adapter is loaded onto. Throws
 * UserError for an unknown name and as `exportRun`.
 */
export function exportBackbone(name: string, out: string): Promise<{ out: string; files: string[] }> {
  return newFolder(out, async (folder) => {
    const base = await loadWholeBackbone(name);
    writeBackbone(folder, base, base.weights, await loadTokenizer(name));
    const facts = {
      format: 'equipoise-export/1',
      backbone: { name, form: 'pretrained', base: baseFacts(backboneSource(name)) },
    };
    writeWhole(join(folder, 'README.md'), readmeOfBackbone(name, facts.backbone.base));
    return { out, files: seal(folder, facts) };
  });
}

function writeBackbone(
  folder: string,
  { config }: Pretrained,
  weights: Record<string, WeightTensor>,
  { begin, answerEnd }: Tokenizer,
): void {
  writeWhole(join(folder, 'model.safetensors'), writeSafetensors(asCausalLlama(config, weights), { format: 'pt' }));
  writeWhole(
    join(folder, 'config.json'),
    `${JSON.stringify(causalLlamaConfig(config, { begin, end: answerEnd }), null, 2)}\n`,
  );
}
