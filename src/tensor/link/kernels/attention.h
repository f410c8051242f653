// Attention in blocks of queries and keys, without tables of all queries by all keys.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "call.h"
#include "instructions.h"
#include "pool.h"

namespace {

// A mask's number below this hides a place.
constexpr float hidden = -5e8f;

// What each block of queries sees of a mask [M, S or 1, T]: the chunks of keys, with the mask where it is not 0.
class Seen {
 public:
  Seen(const float* mask, long masks, long places, long queries, long keys)
      : blocks((queries + queryBlock - 1) / queryBlock), found(masks * blocks) {
    Pool::shared().run(masks * blocks, 1, [=](long from, long to) {
      for (long b = from; b < to; b++) {
        long first = b % blocks * queryBlock, count = std::min(queryBlock, queries - first);
        look(found[b], mask + b / blocks * places * keys, places, first, count, keys);
      }
    });
  }
  const std::vector<Chunk>& of(long mask, long block) const { return found[mask * blocks + block].chunks; }
  const long blocks;

 private:
  struct Block {
    std::vector<Chunk> chunks;
    std::vector<float> masks;
  };

  // Keys that no query of the block sees are left out, since their shares are 0; all stay where a query sees none.
  static void look(Block& block, const float* mask, long places, long first, long count, long keys) {
    std::vector<char> seen(keys, 0), mixed(keys, 0);
    bool blind = false;
    for (long i = 0; i < count; i++) {
      const float* row = mask + (first + i) % places * keys;
      char any = 0;
      for (long j = 0; j < keys; j++) {
        char sees = row[j] >= hidden;
        seen[j] |= sees;
        any |= sees;
        mixed[j] |= row[j] != 0;
      }
      blind |= !any;
    }
    if (blind) std::fill(seen.begin(), seen.end(), 1);
    std::vector<long> starts;
    for (long from = 0; from < keys; from += keyBlock) {
      long start = from, end = std::min(keys, from + keyBlock);
      while (start < end && !seen[start]) start++;
      while (end > start && !seen[end - 1]) end--;
      if (start == end) continue;
      bool plain = std::find(mixed.begin() + start, mixed.begin() + end, 1) == mixed.begin() + end;
      starts.push_back(plain ? -1 : (long)block.masks.size());
      block.chunks.push_back({start, end, nullptr});
      if (plain) continue;
      block.masks.resize(block.masks.size() + (end - start) * queryBlock, 0.f);
      float* to = block.masks.data() + starts.back();
      for (long i = 0; i < count; i++)
        for (long j = start; j < end; j++) to[(j - start) * queryBlock + i] = mask[(first + i) % places * keys + j];
    }
    for (size_t c = 0; c < starts.size(); c++)
      if (starts[c] >= 0) block.chunks[c].mask = block.masks.data() + starts[c];
  }

  std::vector<Block> found;
};

// Shapes: q [B, H, S, d], k and v [B, G, T, d], mask [1 or B, S or 1, T].
struct Attended {
  long batch, heads, queries, size, groups, keys, masks, places;
  long queryNumbers() const { return queries * size; }
  long keyNumbers() const { return keys * size; }
  // The group that serves a head of all batch * heads.
  long groupOf(long head) const { return head / heads * groups + head % heads / (heads / groups); }
  long maskOf(long head) const { return masks == 1 ? 0 : head / heads; }
};
Attended attendedOf(Call& call) {
  Sizes q = call.sizes(0), k = call.sizes(1), mask = call.sizes(3);
  call.demand(q.size() == 4 && k.size() == 4 && mask.size() == 3 && call.sizes(2) == k, "four axes are expected");
  if (call.failed) return {};
  Attended shape{q[0], q[1], q[2], q[3], k[1], k[2], mask[0], mask[1]};
  call.demand(k[0] == q[0] && k[3] == q[3] && product(q) > 0 && product(k) > 0 && q[1] % k[1] == 0,
              "the keys do not suit the queries");
  call.demand((mask[0] == 1 || mask[0] == q[0]) && (mask[1] == 1 || mask[1] == q[2]) && mask[2] == k[2],
              "the mask does not suit the scores");
  return shape;
}

// Memory of this thread for one block after the other.
float* roomOf(long numbers) {
  thread_local std::vector<float> room;
  if ((long)room.size() < numbers + 16) room.resize(numbers + 16);
  return (float*)(((uintptr_t)room.data() + 63) / 64 * 64);
}

// q, k, v, mask -> o [B, H, S, d], stats [B, H, S, 2]
void attention(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  Attended a = attendedOf(call);
  float *o = call.out(0, {a.batch, a.heads, a.queries, a.size}), *stats = call.out(1, {a.batch, a.heads, a.queries, 2});
  const float *q = call.in(0), *k = call.in(1), *v = call.in(2), *mask = call.in(3);
  if (call.failed) return;
  auto loop = LOOP(attend);
  float scale = numberOf(kernel);
  Seen seen(mask, a.masks, a.places, a.queries, a.keys);
  const Seen* known = &seen;
  Pool::shared().run(a.batch * a.heads * seen.blocks, 1, [=](long from, long to) {
    float* room = roomOf(attentionRoom(a.size));
    for (long b = from; b < to; b++) {
      long head = b / known->blocks, block = b % known->blocks, first = block * queryBlock;
      const auto& chunks = known->of(a.maskOf(head), block);
      long query = head * a.queries + first, key = a.groupOf(head) * a.keyNumbers();
      loop(q + query * a.size, k + key, v + key, chunks.data(), chunks.size(), o + query * a.size, stats + 2 * query,
           std::min(queryBlock, a.queries - first), a.size, scale, room);
    }
  });
}

// What the heads of a group give [heads, numbers], added up in their order.
void sumHeads(const float* parts, long heads, long numbers, float* to) {
  std::copy_n(parts, numbers, to);
  for (long h = 1; h < heads; h++)
    for (long i = 0; i < numbers; i++) to[i] += parts[h * numbers + i];
}

// q, k, v, mask, o, stats, do -> dq, dk, dv
void attentionGradient(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  Attended a = attendedOf(call);
  Sizes queries{a.batch, a.heads, a.queries, a.size}, keys{a.batch, a.groups, a.keys, a.size};
  call.demand(call.sizes(4) == queries && call.sizes(6) == queries &&
                  call.sizes(5) == Sizes{a.batch, a.heads, a.queries, 2},
              "the gradient has another shape");
  float *dq = call.out(0, queries), *dk = call.out(1, keys), *dv = call.out(2, keys);
  const float *q = call.in(0), *k = call.in(1), *v = call.in(2), *mask = call.in(3);
  const float *o = call.in(4), *stats = call.in(5), *dy = call.in(6);
  if (call.failed) return;
  auto loop = LOOP(attendGradient);
  float scale = numberOf(kernel);
  Seen seen(mask, a.masks, a.places, a.queries, a.keys);
  const Seen* known = &seen;
  // Heads are worked on apart. Where several share their keys, what each gives is kept and then added up.
  long each = a.heads / a.groups, wide = inRegisters(a.size), numbers = a.keyNumbers();
  std::unique_ptr<float[]> kept(each == 1 ? nullptr : new float[2 * a.batch * a.heads * numbers]);
  float *partsK = each == 1 ? dk : kept.get(), *partsV = each == 1 ? dv : partsK + a.batch * a.heads * numbers;
  Pool::shared().run(a.batch * a.heads, 1, [=](long from, long to) {
    float* room = roomOf(attentionGradientRoom(a.size) + 2 * a.keys * wide);
    float *sumsK = room + attentionGradientRoom(a.size), *sumsV = sumsK + a.keys * wide;
    for (long head = from; head < to; head++) {
      std::fill_n(sumsK, 2 * a.keys * wide, 0.f);
      for (long block = 0; block < known->blocks; block++) {
        const auto& chunks = known->of(a.maskOf(head), block);
        long first = block * queryBlock, query = head * a.queries + first, at = query * a.size;
        long key = a.groupOf(head) * numbers;
        loop(q + at, k + key, v + key, chunks.data(), chunks.size(), o + at, stats + 2 * query, dy + at, dq + at, sumsK,
             sumsV, std::min(queryBlock, a.queries - first), a.size, scale, room);
      }
      for (long j = 0; j < a.keys; j++) {
        std::copy_n(sumsK + j * wide, a.size, partsK + head * numbers + j * a.size);
        std::copy_n(sumsV + j * wide, a.size, partsV + head * numbers + j * a.size);
      }
    }
  });
  if (each == 1) return;
  Pool::shared().run(a.batch * a.groups, 1, [=](long from, long to) {
    for (long g = from; g < to; g++) {
      sumHeads(partsK + g * each * numbers, each, numbers, dk + g * numbers);
      sumHeads(partsV + g * each * numbers, each, numbers, dv + g * numbers);
    }
  });
}

}  // namespace
