/** sharp for tests, as the program has it: vitest fetches it before the first test (`fetchLibraries.ts`). */
import { requireFrom } from '../src/sources/libraries';
import type { Sharp } from '../src/sources/sharp';

/** What begins a picture. */
export const sharp = requireFrom<Sharp>('pictures', 'sharp');
