'use strict';
// Makes a process say its peak memory in KiB when it ends.
process.on('exit', () => process.stderr.write(`peak ${process.resourceUsage().maxRSS}`));
