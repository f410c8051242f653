// Fused operations for processors, as kernels of TensorFlow through its C interface (tensorflow/c/ops.h, kernels.h):
// one pass over memory where the plain operations of src/tensor/ops.ts need several. src/tensor/fused.ts calls them.
// Loading the library registers them. All tensors are float32.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>
#include <vector>

#include "pool.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

// Rows whose width no register divides end in a part of one.
#define WIDTH 4
#define LOAD_PART(v, p, count) __builtin_memcpy(&v, p, 4 * (count))
#define STORE_PART(v, p, count) __builtin_memcpy(p, &v, 4 * (count))
namespace base {
#include "loops.h"
}
// GCC alone compiles one file for several instruction sets; another compiler has what the processor's family has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SEVERAL 1
#undef WIDTH
#undef LOAD_PART
#undef STORE_PART
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define WIDTH 8
#define LOAD_PART(v, p, count) v = __builtin_ia32_maskloadps256((const V*)(p), firstOf(count))
#define STORE_PART(v, p, count) __builtin_ia32_maskstoreps256((V*)(p), firstOf(count), v)
namespace v3 {
#include "loops.h"
}
#undef WIDTH
#undef LOAD_PART
#undef STORE_PART
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define WIDTH 16
#define LOAD_PART(v, p, count) v = __builtin_ia32_loadups512_mask(p, V{}, (1 << (count)) - 1)
#define STORE_PART(v, p, count) __builtin_ia32_storeups512_mask(p, v, (1 << (count)) - 1)
namespace v4 {
#include "loops.h"
}
#pragma GCC pop_options
#endif

namespace {

// The instruction set: the newest that the processor has, or none beyond EQUIPOISE_INSTRUCTIONS (base, v3, v4).
int chosen() {
#ifdef SEVERAL
  const char* given = std::getenv("EQUIPOISE_INSTRUCTIONS");
  std::string most = given ? given : "v4";
  if (most == "v4" && __builtin_cpu_supports("x86-64-v4")) return 4;
  if (most != "base" && __builtin_cpu_supports("x86-64-v3")) return 3;
#endif
  return 0;
}
const int instructions = chosen();

#ifdef SEVERAL
#define LOOP(name) (instructions == 4 ? v4::name : instructions == 3 ? v3::name : base::name)
#else
#define LOOP(name) (base::name)
#endif

using Sizes = std::vector<int64_t>;
long product(const Sizes& sizes) {
  long n = 1;
  for (int64_t side : sizes) n *= side;
  return n;
}

// One call of a kernel: its inputs and outputs, released when it ends. After a failure all else is left out.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context(context), status(TF_NewStatus()) {}
  ~Call() {
    for (TF_Tensor* tensor : held) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status);
  }
  bool failed = false;

  // Says what is wrong unless it holds.
  void demand(bool holds, const char* what) {
    if (failed || holds) return;
    TF_SetStatus(status, TF_INVALID_ARGUMENT, what);
    fail();
  }
  Sizes sizes(int input) {
    Sizes sizes;
    TF_Tensor* tensor = nullptr;
    if (failed) return sizes;
    TF_GetInput(context, input, &tensor, status);
    if (TF_GetCode(status) != TF_OK) return fail(), sizes;
    for (int i = 0; i < TF_NumDims(tensor); i++) sizes.push_back(TF_Dim(tensor, i));
    TF_DeleteTensor(tensor);
    return sizes;
  }
  const float* in(int input) {
    TF_Tensor* tensor = nullptr;
    if (failed) return nullptr;
    TF_GetInput(context, input, &tensor, status);
    if (TF_GetCode(status) != TF_OK) return fail(), nullptr;
    held.push_back(tensor);
    return static_cast<const float*>(TF_TensorData(tensor));
  }
  // An output of its own memory.
  float* out(int output, const Sizes& sizes) {
    if (failed) return nullptr;
    return keep(TF_AllocateOutput(context, output, TF_FLOAT, sizes.data(), sizes.size(), 4 * product(sizes), status));
  }
  // An output of an input's shape, in the input's memory where nobody else reads that. To be asked for before `in`.
  float* outOf(int input, int output, const Sizes& sizes) {
    int from = -1;
    if (failed) return nullptr;
    return keep(TF_ForwardInputOrAllocateOutput(context, &input, 1, output, sizes.data(), sizes.size(), &from, status));
  }

 private:
  float* keep(TF_Tensor* tensor) {
    if (TF_GetCode(status) != TF_OK) return fail(), nullptr;
    held.push_back(tensor);
    return static_cast<float*>(TF_TensorData(tensor));
  }
  void fail() {
    failed = true;
    TF_OpKernelContext_Failure(context, status);
  }
  TF_OpKernelContext* context;
  TF_Status* status;
  std::vector<TF_Tensor*> held;
};

// Values that one block of work has; rows of width w come in blocks of about as many.
constexpr long blockValues = 1 << 14;
long rowsInBlock(long w) { return std::max(1L, blockValues / std::max(1L, w)); }

// A number that a node gives with its kernel.
struct Attribute {
  float number;
};
void* attribute(TF_OpKernelConstruction* construction, const char* name) {
  auto* made = new Attribute{0};
  TF_Status* status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrFloat(construction, name, &made->number, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return made;
}
float numberOf(void* kernel) { return static_cast<Attribute*>(kernel)->number; }

// ---- place by place

using Unary = void (*)(const float*, float*, long, float);
using UnaryGradient = void (*)(const float*, const float*, float*, long, float);

void unary(TF_OpKernelContext* context, Unary loop, float number) {
  Call call(context);
  Sizes sizes = call.sizes(0);
  float* y = call.outOf(0, 0, sizes);
  const float* x = call.in(0);
  if (call.failed) return;
  Pool::shared().run(product(sizes), blockValues, [=](long from, long to) { loop(x + from, y + from, to - from, number); });
}
void unaryGradient(TF_OpKernelContext* context, UnaryGradient loop, float number) {
  Call call(context);
  Sizes sizes = call.sizes(0);
  call.demand(call.sizes(1) == sizes, "the gradient has another shape");
  float* dx = call.outOf(1, 0, sizes);
  const float *x = call.in(0), *dy = call.in(1);
  if (call.failed) return;
  Pool::shared().run(product(sizes), blockValues,
                     [=](long from, long to) { loop(x + from, dy + from, dx + from, to - from, number); });
}

void silu(void* kernel, TF_OpKernelContext* context) { unary(context, LOOP(silu), numberOf(kernel)); }
void siluGradient(void* kernel, TF_OpKernelContext* context) {
  unaryGradient(context, LOOP(siluGradient), numberOf(kernel));
}
void gelu(void*, TF_OpKernelContext* context) { unary(context, LOOP(gelu), 0); }
void geluGradient(void*, TF_OpKernelContext* context) { unaryGradient(context, LOOP(geluGradient), 0); }
void geluTanh(void*, TF_OpKernelContext* context) { unary(context, LOOP(geluTanh), 0); }
void geluTanhGradient(void*, TF_OpKernelContext* context) { unaryGradient(context, LOOP(geluTanhGradient), 0); }

void swiglu(void*, TF_OpKernelContext* context) {
  Call call(context);
  Sizes sizes = call.sizes(0);
  call.demand(call.sizes(1) == sizes, "gate and up differ in shape");
  float* y = call.out(0, sizes);
  const float *gate = call.in(0), *up = call.in(1);
  if (call.failed) return;
  auto loop = LOOP(swiglu);
  Pool::shared().run(product(sizes), blockValues,
                     [=](long from, long to) { loop(gate + from, up + from, y + from, to - from); });
}
void swigluGradient(void*, TF_OpKernelContext* context) {
  Call call(context);
  Sizes sizes = call.sizes(0);
  call.demand(call.sizes(1) == sizes && call.sizes(2) == sizes, "gate, up and gradient differ in shape");
  float *dgate = call.outOf(0, 0, sizes), *dup = call.outOf(1, 1, sizes);
  const float *gate = call.in(0), *up = call.in(1), *dy = call.in(2);
  if (call.failed) return;
  auto loop = LOOP(swigluGradient);
  Pool::shared().run(product(sizes), blockValues, [=](long from, long to) {
    loop(gate + from, up + from, dy + from, dgate + from, dup + from, to - from);
  });
}

// ---- row by row

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

// scores [B, ..., w], mask [M, S, w] -> softmax(scores scale + mask): M is 1 or B, and row r of one of the M has row
// r mod S of the mask.
void softmax(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  Sizes mask = call.sizes(1);
  call.demand(mask.size() == 3 && mask[2] == rows.width && mask[1] > 0 && mask[0] > 0 && rows.count % mask[0] == 0 &&
                  (rows.count / mask[0]) % mask[1] == 0,
              "the mask does not suit the scores");
  float* y = call.outOf(0, 0, rows.sizes);
  const float *x = call.in(0), *hidden = call.in(1);
  if (call.failed) return;
  auto loop = LOOP(softmax);
  long w = rows.width, places = mask[1], each = rows.count / mask[0];
  float scale = numberOf(kernel);
  Pool::shared().run(rows.count, rowsInBlock(w), [=](long from, long to) {
    for (long r = from; r < to; r++)
      loop(x + r * w, hidden + (r / each * places + r % each % places) * w, y + r * w, w, scale);
  });
}
// y, dy -> gradient of the scores
void softmaxGradient(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  Rows rows = rowsOf(call, 0);
  call.demand(call.sizes(1) == rows.sizes, "the gradient has another shape");
  float* dx = call.outOf(1, 0, rows.sizes);
  const float *y = call.in(0), *dy = call.in(1);
  if (call.failed) return;
  auto loop = LOOP(softmaxGradient);
  long w = rows.width;
  float scale = numberOf(kernel);
  Pool::shared().run(rows.count, rowsInBlock(w), [=](long from, long to) {
    for (long r = from; r < to; r++) loop(y + r * w, dy + r * w, dx + r * w, w, scale);
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

// ---- registration

// The first output has the shape of the first input; of the others TensorFlow is told nothing.
void shapeOfFirst(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
  TF_ShapeHandle* shape = TF_NewShapeHandle();
  TF_ShapeInferenceContextGetInput(context, 0, shape, status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
  TF_DeleteShapeHandle(shape);
}

struct Op {
  const char* name;
  std::vector<const char*> inputs, outputs;
  const char* number;  // name of its attribute, or null
  void (*compute)(void*, TF_OpKernelContext*);
  bool keepsShape;
};

void* withEpsilon(TF_OpKernelConstruction* construction) { return attribute(construction, "epsilon"); }
void* withScale(TF_OpKernelConstruction* construction) { return attribute(construction, "scale"); }
void* without(TF_OpKernelConstruction*) { return new Attribute{0}; }
void release(void* kernel) { delete static_cast<Attribute*>(kernel); }

bool registerOp(const Op& op) {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* builder = TF_NewOpDefinitionBuilder(op.name);
  auto typed = [](const char* name) { return std::string(name) + ": float"; };
  for (const char* input : op.inputs) TF_OpDefinitionBuilderAddInput(builder, typed(input).c_str());
  for (const char* output : op.outputs) TF_OpDefinitionBuilderAddOutput(builder, typed(output).c_str());
  std::string number = op.number ? op.number : "";
  if (op.number) TF_OpDefinitionBuilderAddAttr(builder, typed(op.number).c_str());
  TF_OpDefinitionBuilderSetShapeInferenceFunction(
      builder, op.keepsShape ? &shapeOfFirst : &TF_ShapeInferenceContextSetUnknownShape);
  TF_RegisterOpDefinition(builder, status);
  auto* create = number == "epsilon" ? &withEpsilon : number == "scale" ? &withScale : &without;
  if (TF_GetCode(status) == TF_OK)
    TF_RegisterKernelBuilder(op.name, TF_NewKernelBuilder(op.name, "CPU", create, op.compute, &release), status);
  bool done = TF_GetCode(status) == TF_OK;
  if (!done) std::fprintf(stderr, "%s: %s\n", op.name, TF_Message(status));
  TF_DeleteStatus(status);
  return done;
}

const Op ops[] = {
    {"EquipoiseSilu", {"x"}, {"y"}, "scale", silu, true},
    {"EquipoiseSiluGradient", {"x", "dy"}, {"dx"}, "scale", siluGradient, true},
    {"EquipoiseGelu", {"x"}, {"y"}, nullptr, gelu, true},
    {"EquipoiseGeluGradient", {"x", "dy"}, {"dx"}, nullptr, geluGradient, true},
    {"EquipoiseGeluTanh", {"x"}, {"y"}, nullptr, geluTanh, true},
    {"EquipoiseGeluTanhGradient", {"x", "dy"}, {"dx"}, nullptr, geluTanhGradient, true},
    {"EquipoiseSwiglu", {"gate", "up"}, {"y"}, nullptr, swiglu, true},
    {"EquipoiseSwigluGradient", {"gate", "up", "dy"}, {"dgate", "dup"}, nullptr, swigluGradient, true},
    {"EquipoiseRmsNorm", {"x", "gain"}, {"y", "scale"}, "epsilon", rmsNorm, true},
    {"EquipoiseRmsNormGradient", {"x", "gain", "scale", "dy"}, {"dx"}, nullptr, rmsNormGradient, true},
    {"EquipoiseRmsNormGain", {"x", "scale", "dy"}, {"dgain"}, nullptr, rmsNormGain, false},
    {"EquipoiseLayerNorm", {"x", "gain", "bias"}, {"y", "stats"}, "epsilon", layerNorm, true},
    {"EquipoiseLayerNormGradient", {"x", "gain", "stats", "dy"}, {"dx"}, nullptr, layerNormGradient, true},
    {"EquipoiseLayerNormGain", {"x", "stats", "dy"}, {"dgain", "dbias"}, nullptr, layerNormGain, false},
    {"EquipoiseLogSoftmax", {"x"}, {"y"}, nullptr, logSoftmax, true},
    {"EquipoiseLogSoftmaxGradient", {"y", "dy"}, {"dx"}, nullptr, logSoftmaxGradient, true},
    {"EquipoiseSoftmax", {"scores", "mask"}, {"y"}, "scale", softmax, true},
    {"EquipoiseSoftmaxGradient", {"y", "dy"}, {"dx"}, "scale", softmaxGradient, true},
    {"EquipoiseRotary", {"x", "cosine", "sine"}, {"y"}, nullptr, rotary, true},
    {"EquipoiseRotaryGradient", {"dy", "cosine", "sine"}, {"dx"}, nullptr, rotaryGradient, true},
};

// After the table above, since values of one file are made in their order.
const bool registered = std::all_of(std::begin(ops), std::end(ops), registerOp);

}  // namespace

// Node loads a library only with this entry point of an addon.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*, void* exports) {
  return exports;
}
