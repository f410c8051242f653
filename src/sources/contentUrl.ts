/** Where a file of a data manifest comes from: `npm:`, `pypi:`, `deb:`, `hf:` and `https:` addresses as plain data. */
import type { Problem } from '../problems';

export type ContentLocation =
  | {
      kind: 'npm';
      name: string;
      version: string;
      /** a file in the package; absent: the package's tgz itself */
      path?: string;
    }
  | {
      kind: 'pypi';
      name: string;
      version: string;
      /** a file in the wheel; absent: the wheel itself */
      path?: string;
    }
  | {
      kind: 'deb';
      name: string;
      /** absent: whatever version is offered, as long as the hash matches */
      version?: string;
      path?: string;
    }
  | { kind: 'hf'; type: 'model' | 'dataset'; repository: string; revision: string; path: string }
  | { kind: 'https'; url: string };

export const contentUrlForms =
  '`npm:name@version[#path]`, `pypi:name@version[#path]`, `deb:name[=version][#path]`, `hf:[datasets/]owner/name@revision#path` or `https://...`';

const npmName = /^(?:@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*$/i;
const npmVersion = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const pypiName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
/** Versions as PEP 440 writes them. */
const pypiVersion =
  /^(?:\d+!)?\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?(?:\+[a-z0-9]+(?:\.[a-z0-9]+)*)?$/;
const debName = /^[a-z0-9][a-z0-9+.-]+$/;
const debVersion = /^(?:\d+:)?\d[A-Za-z0-9.+~-]*$/;
const hfRepository = /^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9][A-Za-z0-9._-]*$/;
const hfRevision = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * Whether a name inside an archive or a manifest stays below the folder it is put in: relative, `/` as separator, no
 * `.` or `..` step, no control character.
 */
export function isSafePath(path: string): boolean {
  // A backslash or a drive letter would mean something else on some systems; the archives that we read use neither.
  if (path.length === 0 || path.length > 1000 || path.includes('\\')) return false;
  if ([...path].some((character) => character < ' ' || character === '\u007f')) return false;
  if (/^[A-Za-z]:/.test(path)) return false;
  return path
    .split('/')
    .every((step) => step !== '' && step !== '.' && step !== '..' && Buffer.byteLength(step) <= 255);
}

/** Reads a content address; null when it has none of the forms of `contentUrlForms`. */
export function parseContentUrl(text: string): ContentLocation | null {
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(colon, 0));
  if (scheme === 'https') return parseHttps(text);
  const hash = text.indexOf('#');
  const subject = hash === -1 ? text.slice(colon + 1) : text.slice(colon + 1, hash);
  const path = hash === -1 ? undefined : text.slice(hash + 1);
  if (path !== undefined && !isSafePath(path)) return null;
  if (scheme === 'npm' || scheme === 'pypi') {
    const at = subject.lastIndexOf('@');
    const name = subject.slice(0, Math.max(at, 0));
    const version = subject.slice(at + 1);
    const [names, versions] = scheme === 'npm' ? [npmName, npmVersion] : [pypiName, pypiVersion];
    return names.test(name) && versions.test(version)
      ? { kind: scheme, name, version, ...(path === undefined ? {} : { path }) }
      : null;
  }
  if (scheme === 'deb') {
    const equals = subject.indexOf('=');
    const name = equals === -1 ? subject : subject.slice(0, equals);
    const version = equals === -1 ? undefined : subject.slice(equals + 1);
    if (!debName.test(name) || (version !== undefined && !debVersion.test(version))) return null;
    return {
      kind: 'deb',
      name,
      ...(version === undefined ? {} : { version }),
      ...(path === undefined ? {} : { path }),
    };
  }
  if (scheme === 'hf') {
    const type = subject.startsWith('datasets/') ? 'dataset' : 'model';
    const [repository = '', revision = '', ...rest] = (
      type === 'dataset' ? subject.slice('datasets/'.length) : subject
    ).split('@');
    if (path === undefined || rest.length > 0 || !hfRepository.test(repository) || !hfRevision.test(revision))
      return null;
    return { kind: 'hf', type, repository, revision, path };
  }
  return null;
}

function parseHttps(text: string): ContentLocation | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  return url.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === ''
    ? { kind: 'https', url: url.href }
    : null;
}

/** What is wrong with the addresses of a file. */
export function addressProblems(
  { contentUrl, continuedBy }: { contentUrl: string; continuedBy?: string[] },
  at: string,
): Problem[] {
  const problems: Problem[] = [];
  if (parseContentUrl(contentUrl) === null)
    problems.push({
      where: `${at}/contentUrl`,
      what: `\`${contentUrl}\` is no content address`,
      expected: contentUrlForms,
    });
  if (continuedBy === undefined) return problems;
  [contentUrl, ...continuedBy].forEach((url, i) => {
    const location = parseContentUrl(url);
    // What comes from elsewhere is held to the stated size while it comes, which a piece does not have.
    if (location === null || !('path' in location) || location.path === undefined || location.kind === 'hf')
      problems.push({
        where: `${at}/${i === 0 ? 'contentUrl' : `continuedBy/${i - 1}`}`,
        what: `\`${url}\` is no file of a package`,
        expected: 'a file of a package, e.g. `pypi:name@version#path`, for each piece of a file that has several',
      });
  });
  return problems;
}
