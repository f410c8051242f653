/** Reads a file for --slurm-profile. */
import { readDocument } from '../../manifest/parse';
import type { SlurmProfile } from '../../manifest/slurm';
import { slurmProfileFaults } from '../../manifest/validate';
import { printable } from '../../printable';
import { UserError } from '../../problems';

/** Throws UserError with every problem of the file. */
export function loadSlurmProfile(path: string): SlurmProfile {
  const { value } = readDocument(path);
  const faults = slurmProfileFaults(value);
  if (faults.length > 0)
    throw new UserError(
      faults.map(({ place, ...fault }) => ({
        where: place === '' ? path : `${path} ${printable(place.slice(0, 300))}`,
        ...fault,
      })),
    );
  return value as SlurmProfile;
}
