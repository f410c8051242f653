/** Resolved content of data manifests: the only door through which data and weights enter. Implemented in fetch.ts. */

/** One file of a data manifest after fetch and verification. */
export interface VerifiedFile { /** absolute path inside the cache */ path: string; sha256: string; bytes: number }
