'use strict';

/** Why this version of Node cannot run the program, as a line; null when it can. Written so that old versions read it. */
exports.nodeFault = () => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const fits = (major === 20 && minor >= 9) || (major > 20 && major < 25);
  return fits ? null : `Node ${process.versions.node} is not supported; install Node 20.9 to 24`;
};
