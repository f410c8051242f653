/** A value that holds while a body runs, for what is asked far below without being handed through every function. */
export interface Scoped<T> {
  now(): T;
  /** Runs `body` with this value; afterwards, and after an error, the one before holds again. */
  during<R>(value: T, body: () => R): R;
}

/** A scoped value; `outside` holds where no body gives another. */
export function scoped<T>(outside: T): Scoped<T> {
  let current = outside;
  return {
    now: () => current,
    during(value, body) {
      const before = current;
      current = value;
      try {
        return body();
      } finally {
        current = before;
      }
    },
  };
}
