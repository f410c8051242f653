// How attention is cut into blocks: what its loops, which are compiled for each instruction set, and its kernels share.
#pragma once

// Queries that stand beside each other, and keys that are weighed at once.
constexpr long queryBlock = 64, keyBlock = 96;

// Keys from .. to that some query of a block sees, and the mask there [to - from, queryBlock], or null.
struct Chunk {
  long from, to;
  const float* mask;
};

// Columns come in sixteens, whatever the width of a register.
inline long inRegisters(long n) { return (n + 15) / 16 * 16; }

// Numbers that a block of queries needs room for, and its gradient.
inline long attentionRoom(long d) {
  return 2 * inRegisters(d) * queryBlock + keyBlock * queryBlock + 3 * queryBlock;
}
inline long attentionGradientRoom(long d) {
  return 5 * inRegisters(d) * queryBlock + 2 * keyBlock * queryBlock + 3 * queryBlock;
}
