/**
 * The tasks, encoders and backbones that a manifest may name, by name: each says in its own room what it is. One more
 * is a line in that room's list; then run `npx ts-node src/manifest/writeSchema.ts`, so that editors and docs know it
 * too.
 */
import { taskDefinitions } from '../data/tasks';
import type { TaskDefinition } from '../data/types';
import { encoderRegistry, type EncoderTower } from '../models/zoo/encoders';
import { backboneRegistry, type BackboneDefinition } from '../models/zoo/backbones';

/** Instruction-tuning tasks that come with Equipoise; taskNames.ts knows those of released files. */
export const tasks: Readonly<Record<string, TaskDefinition>> = Object.fromEntries(
  taskDefinitions.map((task) => [task.name, task]),
);

/** Feature encoders, with the modality they read. */
export const encoders: Readonly<Record<string, Pick<EncoderTower, 'modality' | 'width' | 'about' | 'part'>>> =
  encoderRegistry;

/** Language-model backbones. */
export const backbones: Readonly<Record<string, Pick<BackboneDefinition, 'about'>>> = backboneRegistry;
