/**
 * The towers of the small zoo. To add one: a file beside this one that says everything about it, and a line in the list
 * below.
 */
import { registerName } from '../../../parts/define';
import { userError } from '../../../problems';
import { dinov2Small } from './dinov2Small';
import { aisfx, whisperBaseAisfx } from './effects';
import { resnet50 } from './resnet50';
import type { EncoderTower } from './tower';
import { whisperBase, whisperTinyEnglish } from './whisperHalf';
import { whisperTiny } from './whisperTiny';

export { batchedTower, joined, type EncoderTower, type OpenTower } from './tower';

const towers: readonly EncoderTower[] = [
  resnet50,
  dinov2Small,
  whisperTiny,
  whisperTinyEnglish,
  whisperBase,
  aisfx,
  whisperBaseAisfx,
];

/** Towers by the name that manifests use. */
export const encoderRegistry: Readonly<Record<string, EncoderTower>> = Object.fromEntries(
  towers.map((tower) => [tower.name, tower]),
);

/** Adds a tower at start-up, before a manifest is read. Throws Error when its name cannot be had. */
export const registerEncoder = (tower: EncoderTower): void => registerName(encoderRegistry, tower.name, tower);

/** The data manifests of a tower's weights. */
export const towerSources = ({ source = [] }: Pick<EncoderTower, 'source'>): string[] => [source].flat();

/** The tower of a name. Throws UserError that lists the known names. */
export function findEncoder(name: string): EncoderTower {
  const found = Object.hasOwn(encoderRegistry, name) ? encoderRegistry[name] : undefined;
  if (found === undefined)
    throw userError({
      where: 'encoder',
      what: `there is no encoder ${JSON.stringify(name)}`,
      expected: `one of ${Object.keys(encoderRegistry).join(', ')}`,
    });
  return found;
}
