'use strict';
// A driver of the benchmark that waits for an engine in the middle of a command; prints the engine's process id.
require('./typescript.cjs');
const { endEnginesWithThisProcess } = require('../bench/engineProcess.ts');
const { startEngine } = require('../bench/engines.ts');

const [language] = process.argv.slice(2);
endEnginesWithThisProcess();
const backend = language === 'python' ? 'torch-eager' : 'cpu';
const engine = startEngine({ name: 'eager', title: language, backend, eager: true, language }, 1);
const work = async () => {
  if (language === 'python') {
    console.log(engine.pid);
    await engine.ask({ do: 'start', backend, threads: 1 }); // the test's torch does not come back from it
  }
  await engine.ask({ do: 'start', backend, threads: 1 });
  await engine.ask({ do: 'open', config: 'tiny', batch: 2, kinds: ['plain'], eager: true, rate: 1e-3 });
  console.log(engine.pid);
  await engine.ask({ do: 'steps', kind: 'plain', steps: 1e9 });
};
work().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
