'use strict';
// Lets `require` read the project's TypeScript, with what swc made of it in this user's own cache: a test gives its processes
// a cache of their own, in which each would compile everything again.
const { EQUIPOISE_CACHE } = process.env;
delete process.env.EQUIPOISE_CACHE;
require('../bin/typescript.cjs');
if (EQUIPOISE_CACHE !== undefined) process.env.EQUIPOISE_CACHE = EQUIPOISE_CACHE;
