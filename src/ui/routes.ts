/** What may be asked, by path: a table. Names in a question are looked up in lists; none becomes a path. */
import { NotListed, type Library } from './library';
import { answersView } from './views/answers';
import { compareView } from './views/compare';
import { experimentsView, nowView, planView } from './views/now';
import { runView } from './views/run';
import { kappaView, runsView } from './views/runs';
import { claimsView, figuresView, figureView, rerunView } from './views/statements';

/** What a question may say besides its path. */
export type Query = Pick<URLSearchParams, 'get'>;

type Answer = (library: Library, query: Query) => Promise<unknown>;

/** The experiment that a question is about. Throws NotListed. */
export const placeOf = (library: Library, query: Query) => library.place(query.get('experiment') ?? '');

/** A value that a question must have. Throws NotListed. */
export function required(query: Query, name: string): string {
  const value = query.get(name);
  if (value === null || value === '') throw new NotListed(`a question needs ${name}`);
  return value;
}

const given = (query: Query, name: string): string | null => query.get(name) || null;

/** Questions that are answered with JSON, by the name after /api/. */
export const answers: Readonly<Record<string, Answer>> = {
  experiments: (library) => experimentsView(library),
  now: (library, query) => nowView(library, placeOf(library, query)),
  plan: (library, query) => planView(library, placeOf(library, query)),
  runs: (library, query) => runsView(library, placeOf(library, query), query.get('where') ?? ''),
  kappa: (library, query) => kappaView(library, placeOf(library, query)),
  compare: (library, query) =>
    compareView(library, placeOf(library, query), (query.get('settings') ?? '').split(',').filter(Boolean)),
  answers: (library, query) =>
    answersView(library, placeOf(library, query), given(query, 'run'), given(query, 'other')),
  run: (library, query) => runView(library, placeOf(library, query), required(query, 'run')),
  claims: (library, query) => claimsView(library, placeOf(library, query)),
  rerun: (library, query) => rerunView(library, placeOf(library, query)),
  figures: (library, query) => figuresView(library, placeOf(library, query)),
  figure: (library, query) => figureView(library, placeOf(library, query), required(query, 'name')),
};
