// One call of a kernel by TensorFlow, and what a node gives with it.
#pragma once
#include <cstdint>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace {

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
  const float* in(int input) { return static_cast<const float*>(data(input)); }
  const int32_t* integers(int input) { return static_cast<const int32_t*>(data(input)); }
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
  const void* data(int input) {
    TF_Tensor* tensor = nullptr;
    if (failed) return nullptr;
    TF_GetInput(context, input, &tensor, status);
    if (TF_GetCode(status) != TF_OK) return fail(), nullptr;
    held.push_back(tensor);
    return TF_TensorData(tensor);
  }
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

// Values that one block of work has; rows come in blocks of about as many.
constexpr long blockValues = 1 << 14;

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

}  // namespace
