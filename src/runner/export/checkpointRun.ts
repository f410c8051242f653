/**
 * What a run from a published checkpoint trained, under the checkpoint's published names: an adapter that PEFT lays
 * over the user's own copy.
 */
import { join } from 'node:path';
import { isOwnCheckpoint, openCheckpointFolder } from '../../sources/checkpoints';
import { writeWhole } from '../../files';
import { loadFamily } from '../../models/published';
import { peftAdapter, publishedTensors } from '../../models/published/adapters';
import { partNames, type PartName } from '../../models/composition';
import { withoutWeights } from '../../models/published/family';
import { isInStep } from '../../models/tuningKinds';
import { writePeftAdapter } from '../../models/peft';
import { writeSafetensors } from '../../models/weights/safetensors';
import { familyOfRun } from '../../train/parts';
import type { RunFolder } from '../folders';
import type { RunFile } from '../runFile';
import { baseFacts, runFacts, seal, type BackboneForm, type CheckpointFacts } from './facts';
import { readmeOfCheckpointRun } from './readme';
import { readTrained, type Which } from './trained';

const parametersName = 'trained_parameters.safetensors';

/**
 * Fills `folder`. By LoRA: PEFT's layout, the connector as layers trained in full. Otherwise everything trained in one
 * file. Throws UserError as `readTrained`, and for a checkpoint that is not there.
 */
export async function writeCheckpointRun(
  paths: RunFolder,
  file: RunFile,
  which: Which,
  folder: string,
): Promise<{ step: number; form: BackboneForm }> {
  const name = file.spec.checkpoint ?? file.spec.backbone;
  // The backbone's tensors lie in the run's own file; of the checkpoint only the published shapes of what else may be
  // trained are read.
  const parts: PartName[] = isInStep(file.spec.tuning.tower) ? ['tower', 'connector'] : ['connector'];
  const loaded = loadFamily(await openCheckpointFolder(name, { offline: true }), parts);
  const bare = withoutWeights(loaded.family);
  const shapes = { ...bare.shapes, ...loaded.shapes };
  // Names and shapes of what was trained do not depend on the tokens before the features.
  const model = familyOfRun(file.spec, bare, []);
  const run = readTrained(paths, file, which, model.trainable);
  const trained = { ...run.trained.encoder, ...run.trained.backbone };
  const form = ({ lora: 'adapter', full: 'whole', frozen: 'frozen' } as const)[model.tuning.backbone.kind];
  const byAdapter = partNames.some((part) => model.tuning[part].kind === 'lora');
  let parameters = true;
  if (byAdapter) parameters = writePeftAdapter(folder, peftAdapter(model, trained, shapes)).includes(parametersName);
  else
    writeWhole(
      join(folder, parametersName),
      writeSafetensors(publishedTensors(model, trained, shapes), { format: 'pt' }),
    );
  const facts: CheckpointFacts = {
    ...runFacts(run, which),
    form,
    adapter: byAdapter,
    parameters,
    checkpoint: { name, identity: file.weights[name]!, published: isOwnCheckpoint(name) ? null : baseFacts(name) },
  };
  writeWhole(join(folder, 'README.md'), readmeOfCheckpointRun(facts));
  seal(folder, facts);
  return { step: run.step, form };
}
