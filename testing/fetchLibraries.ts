/** What vitest does once before all tests: the libraries that are fetched on first use are there, whatever cache a test has. */
import { dirname } from 'node:path';
import { fetchLibrary, libraries, libraryFolder } from '../src/sources/libraries';

/** Fetches all of them, and names their folder to the tests. */
export default async function setup(): Promise<void> {
  for (const library of libraries) await fetchLibrary(library);
  process.env['EQUIPOISE_LIBRARIES'] = dirname(libraryFolder(libraries[0]!));
}
