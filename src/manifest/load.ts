/** The door for manifests: read, check everything, report all problems at once. */
import { printable, show } from '../printable';
import { UserError, type Problem } from '../problems';
import type { Manifest, ManifestContent } from './content';
import { examine } from './expand';
import { readDocument, standardInput } from './parse';
import { profilesOf } from './profiles';
import { blamed, isSetPlace, withOverrides, type Override } from './overrides';
import { sha256 } from '../files';
import { repair } from './repair';
import { mentionsOf, sectionsOf, structureFaults } from './structure';
import { isObject } from '../json';
import { suggestion, type Fault } from './faults';
import { schemaFaults } from './validate';

export type { Manifest } from './content';

/** Most problems that are shown of one file. */
const problemLimit = 100;

/**
 * Reads a manifest and checks all of it: its form, its structure, every run that it describes and every profile.
 * Nothing is fetched or trained.
 * @param path of its file; `-` for standard input
 * @param options.profile a profile of the manifest, or the built-in `smoke`
 * @param options.set values in place of the file's
 * @throws UserError (exit code 2) with every problem of the file: place, value, what was expected, nearest valid name
 */
export function loadManifest(
  path: string,
  options: { profile?: string | undefined; set?: readonly Override[] | undefined } = {},
): Manifest {
  const file = readDocument(path);
  const where = path === standardInput ? 'standard input' : path;
  const profile = options.profile ?? null;
  const overrides = options.set ?? [];
  const changed = overrides.length === 0 ? null : withOverrides(file.value, overrides, profile);
  const value = changed === null ? file.value : changed.content;
  const formal = [...schemaFaults(value), ...structureFaults(value), ...(changed?.faults ?? [])];
  const { content: read, broken } =
    formal.length === 0
      ? { content: value as ManifestContent, broken: new Set<string>() }
      : repair(
          value,
          formal.filter(({ place }) => !isSetPlace(place)),
        );
  const { faults, warnings, unfit } = examine(read, broken, wronglyGiven(value, formal), profile, changed !== null);
  const problems = unique(
    [...formal, ...faults, ...unknownProfile(value, profile)].map((fault) =>
      problemOf(where, blamed(fault, overrides)),
    ),
  );
  if (problems.length > 0) throw new UserError(limited(where, problems));
  const content = unfit.length === 0 ? read : withoutProfiles(read, unfit);
  // Only what no file holds is kept beside the runs.
  const whole = changed === null && path !== standardInput ? undefined : `${JSON.stringify(content, null, 2)}\n`;
  return {
    name: content.name,
    about: content.about,
    file: path,
    sha256: changed === null || whole === undefined ? file.sha256 : sha256(whole),
    ...(whole === undefined ? {} : { whole }),
    profile,
    content,
    warnings: warnings.map((fault) => sentence(where, fault)),
  };
}

/** A manifest without profiles that values of the command line have made pointless. */
const withoutProfiles = (content: ManifestContent, names: readonly string[]): ManifestContent => ({
  ...content,
  profiles: Object.fromEntries(Object.entries(content.profiles ?? {}).filter(([name]) => !names.includes(name))),
});

/** A value that was set for several grids is wrong once. */
const unique = (problems: readonly Problem[]): Problem[] => [
  ...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values(),
];

/** By grid, the fields that it or what it inherits gives a wrong value: to call them missing as well would confuse. */
function wronglyGiven(content: unknown, faults: readonly Fault[]): (place: string) => ReadonlySet<string> {
  if (faults.length === 0) return () => new Set();
  const wrong = sectionsOf(content).flatMap((section) =>
    mentionsOf(section)
      .filter((mention) => faults.some(({ place }) => place === mention.place || place.startsWith(`${mention.place}/`)))
      .map((mention) => ({
        section: section.place,
        field: mention.field,
        inherited: section.kind === 'manifest' && mention.by === 'settings',
      })),
  );
  return (place) => new Set(wrong.filter((each) => each.section === place || each.inherited).map((each) => each.field));
}

function unknownProfile(content: unknown, profile: string | null): Fault[] {
  if (profile === null) return [];
  const own = isObject(content) && isObject(content['profiles']) ? content['profiles'] : {};
  const valid = Object.keys(profilesOf({ profiles: own } as unknown as ManifestContent)).sort();
  if (valid.includes(profile)) return [];
  return [
    {
      place: '/profiles',
      what: `there is no profile ${show(profile)}`,
      expected: `one of ${valid.map(printable).join(', ')}`,
      hint: suggestion(profile, valid),
    },
  ];
}

function problemOf(path: string, { place, ...fault }: Fault): Problem {
  if (isSetPlace(place)) return { where: place, ...fault };
  return {
    where: place === '' ? path : `${path} ${printable(place.length > 300 ? `${place.slice(0, 297)}...` : place)}`,
    ...fault,
  };
}

function sentence(path: string, fault: Fault): string {
  const { where, what, expected } = problemOf(path, fault);
  return `${where}: ${what}${expected === undefined ? '' : `; expected ${expected}`}`;
}

function limited(path: string, problems: Problem[]): Problem[] {
  if (problems.length <= problemLimit) return problems;
  return [
    ...problems.slice(0, problemLimit),
    { where: path, what: `has ${problems.length - problemLimit} more problems` },
  ];
}
