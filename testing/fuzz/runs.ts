/** How often each fuzz test tries: 200 times in the usual run, as often as EQUIPOISE_FUZZ says in `npm run soak`. */
export const fuzzRuns = Number(process.env['EQUIPOISE_FUZZ'] ?? 200);

/** Every run of the tests tries the same inputs; another seed by EQUIPOISE_FUZZ_SEED. */
export const fuzzSeed = Number(process.env['EQUIPOISE_FUZZ_SEED'] ?? 20260);
