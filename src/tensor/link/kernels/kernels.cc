// Fused operations for processors, as kernels of TensorFlow through its C interface (tensorflow/c/ops.h, kernels.h):
// one pass over memory where the plain operations of src/tensor/ops.ts need several. src/tensor/fusedKernels.ts calls
// them. Loading the library registers them. Tensors are float32, labels int32.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>
#include <vector>

#include "attention.h"
#include "call.h"
#include "instructions.h"
#include "pool.h"
#include "rows.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace {

// ---- place by place

using Unary = void (*)(const float*, float*, long, float);
using UnaryGradient = void (*)(const float*, const float*, float*, long, float);

void unary(TF_OpKernelContext* context, Unary loop, float number) {
  Call call(context);
  Sizes sizes = call.sizes(0);
  float* y = call.outOf(0, 0, sizes);
  const float* x = call.in(0);
  if (call.failed) return;
  Pool::shared().run(product(sizes), blockValues,
                     [=](long from, long to) { loop(x + from, y + from, to - from, number); });
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
  std::vector<const char*> inputs, outputs;  // of floats, where no type follows the name
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
  auto typed = [](const std::string& name) { return name.find(':') == std::string::npos ? name + ": float" : name; };
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
    {"EquipoiseLabelled", {"y", "labels: int32"}, {"found"}, nullptr, labelled, false},
    {"EquipoiseLabelledGradient", {"y", "labels: int32", "dy"}, {"dx"}, nullptr, labelledGradient, true},
    {"EquipoiseAttention", {"q", "k", "v", "mask"}, {"o", "stats"}, "scale", attention, true},
    {"EquipoiseAttentionGradient", {"q", "k", "v", "mask", "o", "stats", "dy"}, {"dq", "dk", "dv"}, "scale",
     attentionGradient, true},
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
