// The kernels that work row by row: norms, log-softmax, label places, rotary positions. x, y and gradients [rows, w].
#pragma once
#include <algorithm>
#include <initializer_list>

#include "call.h"
#include "instructions.h"
#include "pool.h"

namespace {

long rowsInBlock(long w) { return std::max(1L, blockValues / std::max(1L, w)); }

// Rows of the last axis. Demands that there is one, and that `vector` has its width.
struct Rows {
  Sizes sizes;
  long width = 1, count = 0;
};
Rows rowsOf(Call& call, int input) {
  Rows rows{call.sizes(input)};
  call.demand(!rows.sizes.empty() && rows.sizes.back() > 0, "rows of at least one number are expected");
  if (call.failed) return rows;
  rows.width = rows.sizes.back();
  rows.count = product(rows.sizes) / rows.width;
  return rows;
}
void demandWidth(Call& call, const Rows& rows, std::initializer_list<int> inputs) {
  for (int input : inputs) call.demand(product(call.sizes(input)) == rows.width, "a vector has not the width of a row");
}

// x, gain -> y, scale [rows]
void rmsNorm(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  demandWidth(call, rows, {1});
  long w = rows.width;
  float *y = call.out(0, rows.sizes), *scale = call.out(1, {rows.count});
  const float *x = call.in(0), *gain = call.in(1);
  if (call.failed) return;
  auto loop = LOOP(rmsNorm);
  float epsilon = numberOf(kernel);
  Pool::shared().run(rows.count, rowsInBlock(w), [=](long from, long to) {
    loop(x + from * w, gain, y + from * w, scale + from, to - from, w, epsilon);
  });
}
// x, gain, scale, dy -> dx
void rmsNormGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  demandWidth(call, rows, {1});
  call.demand(call.sizes(2) == Sizes{rows.count} && call.sizes(3) == rows.sizes, "the gradient has another shape");
  long w = rows.width;
  float* dx = call.outOf(3, 0, rows.sizes);
  const float *x = call.in(0), *gain = call.in(1), *scale = call.in(2), *dy = call.in(3);
  if (call.failed) return;
  auto loop = LOOP(rmsNormGradient);
  Pool::shared().run(rows.count, rowsInBlock(w), [=](long from, long to) {
    loop(x + from * w, gain, scale + from, dy + from * w, dx + from * w, to - from, w);
  });
}

// x, gain, bias -> y, stats [rows, 2]
void layerNorm(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  demandWidth(call, rows, {1, 2});
  long w = rows.width;
  float *y = call.out(0, rows.sizes), *stats = call.out(1, {rows.count, 2});
  const float *x = call.in(0), *gain = call.in(1), *bias = call.in(2);
  if (call.failed) return;
  auto loop = LOOP(layerNorm);
  float epsilon = numberOf(kernel);
  Pool::shared().run(rows.count, rowsInBlock(w), [=](long from, long to) {
    loop(x + from * w, gain, bias, y + from * w, stats + 2 * from, to - from, w, epsilon);
  });
}
// x, gain, stats, dy -> dx
void layerNormGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  demandWidth(call, rows, {1});
  call.demand(call.sizes(2) == Sizes{rows.count, 2} && call.sizes(3) == rows.sizes, "the gradient has another shape");
  long w = rows.width;
  float* dx = call.outOf(3, 0, rows.sizes);
  const float *x = call.in(0), *gain = call.in(1), *stats = call.in(2), *dy = call.in(3);
  if (call.failed) return;
  auto loop = LOOP(layerNormGradient);
  Pool::shared().run(rows.count, rowsInBlock(w), [=](long from, long to) {
    loop(x + from * w, gain, stats + 2 * from, dy + from * w, dx + from * w, to - from, w);
  });
}

// Sums over rows of `columns` numbers each: 16 blocks of rows whatever the number of threads, added up in their order.
template <class Loop> void sumRows(long rows, long columns, float* total, Loop loop) {
  long blocks = std::min(rows, 16L), each = blocks == 0 ? 0 : (rows + blocks - 1) / blocks;
  std::vector<float> parts(blocks * columns, 0.f);
  float* part = parts.data();
  Pool::shared().run(blocks, 1, [=](long from, long to) {
    for (long b = from; b < to; b++) {
      long first = std::min(rows, b * each), end = std::min(rows, first + each);
      if (first < end) loop(first, end - first, part + b * columns);
    }
  });
  std::fill(total, total + columns, 0.f);
  for (long b = 0; b < blocks; b++)
    for (long i = 0; i < columns; i++) total[i] += part[b * columns + i];
}

// x, scale, dy -> dgain [w]
void rmsNormGain(void*, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  call.demand(call.sizes(1) == Sizes{rows.count} && call.sizes(2) == rows.sizes, "the gradient has another shape");
  long w = rows.width;
  float* dgain = call.out(0, {w});
  const float *x = call.in(0), *scale = call.in(1), *dy = call.in(2);
  if (call.failed) return;
  auto loop = LOOP(rmsNormGain);
  sumRows(rows.count, w, dgain,
          [=](long first, long count, float* to) { loop(x + first * w, scale + first, dy + first * w, to, count, w); });
}
// x, stats, dy -> dgain, dbias [w]
void layerNormGain(void*, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  call.demand(call.sizes(1) == Sizes{rows.count, 2} && call.sizes(2) == rows.sizes, "the gradient has another shape");
  long w = rows.width;
  float *dgain = call.out(0, {w}), *dbias = call.out(1, {w});
  const float *x = call.in(0), *stats = call.in(1), *dy = call.in(2);
  if (call.failed) return;
  auto loop = LOOP(layerNormGain);
  std::vector<float> total(2 * w);
  sumRows(rows.count, 2 * w, total.data(), [=](long first, long count, float* to) {
    loop(x + first * w, stats + 2 * first, dy + first * w, to, to + w, count, w);
  });
  std::copy_n(total.data(), w, dgain);
  std::copy_n(total.data() + w, w, dbias);
}

void logSoftmax(void*, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  long w = rows.width;
  float* y = call.outOf(0, 0, rows.sizes);
  const float* x = call.in(0);
  if (call.failed) return;
  auto loop = LOOP(logSoftmax);
  Pool::shared().run(rows.count, rowsInBlock(w),
                     [=](long from, long to) { loop(x + from * w, y + from * w, to - from, w); });
}
// y, dy -> dx
void logSoftmaxGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  call.demand(call.sizes(1) == rows.sizes, "the gradient has another shape");
  long w = rows.width;
  float* dx = call.outOf(1, 0, rows.sizes);
  const float *y = call.in(0), *dy = call.in(1);
  if (call.failed) return;
  auto loop = LOOP(logSoftmaxGradient);
  Pool::shared().run(rows.count, rowsInBlock(w),
                     [=](long from, long to) { loop(y + from * w, dy + from * w, dx + from * w, to - from, w); });
}

// One label for each row.
void demandLabels(Call& call, const Rows& rows, int input) {
  call.demand(call.sizes(input) == Sizes{rows.count}, "there is not one label for each row");
}
// y [rows, w], labels [rows] -> y at the labels [rows]; 0 where there is no such place
void labelled(void*, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  demandLabels(call, rows, 1);
  float* found = call.out(0, {rows.count});
  const float* y = call.in(0);
  const int* labels = call.integers(1);
  if (call.failed) return;
  for (long r = 0; r < rows.count; r++)
    found[r] = labels[r] >= 0 && labels[r] < rows.width ? y[r * rows.width + labels[r]] : 0.f;
}
// y = log softmax(x), labels, gradient of y at the labels -> dx
void labelledGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  demandLabels(call, rows, 1);
  demandLabels(call, rows, 2);
  float* dx = call.outOf(0, 0, rows.sizes);
  const float *y = call.in(0), *dy = call.in(2);
  const int* labels = call.integers(1);
  if (call.failed) return;
  auto loop = LOOP(labelledGradient);
  long w = rows.width;
  Pool::shared().run(rows.count, rowsInBlock(w), [=](long from, long to) {
    loop(y + from * w, labels + from, dy + from, dx + from * w, to - from, w);
  });
}

// x [..., S, d], cosines and sines [S, d] -> x turned by its place
void rotate(TF_OpKernelContext* context, bool back) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  Sizes tables = call.sizes(1);
  call.demand(rows.sizes.size() >= 2 && rows.width % 2 == 0 && call.sizes(2) == tables &&
                  tables == Sizes{rows.sizes[rows.sizes.size() - 2], rows.width},
              "the tables do not suit the rows");
  float* y = call.outOf(0, 0, rows.sizes);
  const float *x = call.in(0), *cosine = call.in(1), *sine = call.in(2);
  if (call.failed) return;
  auto loop = LOOP(rotary);
  long w = rows.width, places = tables[0];
  Pool::shared().run(rows.count, rowsInBlock(w), [=](long from, long to) {
    for (long r = from; r < to; r++)
      loop(x + r * w, cosine + r % places * w, sine + r % places * w, y + r * w, w, back);
  });
}
void rotary(void*, TF_OpKernelContext* context) { rotate(context, false); }
void rotaryGradient(void*, TF_OpKernelContext* context) { rotate(context, true); }

}  // namespace
