'use strict';
// Makes a process say its peak memory in KiB and its processor time in seconds when it ends.
process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  process.stderr.write(`peak ${maxRSS}\nprocessor ${(userCPUTime + systemCPUTime) / 1e6}\n`);
});
