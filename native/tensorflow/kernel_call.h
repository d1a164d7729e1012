// Operations of our own, computed on the processor: what TensorFlow's C interface for kernels needs, as owned values.

#ifndef CROSSWEAVE_KERNEL_CALL_H_
#define CROSSWEAVE_KERNEL_CALL_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "kernel_api.h"
#include "tensor.h"
#include "tensorflow/c/ops.h"

namespace crossweave {

// Parts smaller than this are not worth a thread's waking up: 128 KiB of float32.
constexpr size_t kElementsOfPart = size_t{1} << 15;

// A float32 tensor; TensorFlow keeps it while the kernel runs.
struct Values {
  const float* data;
  Shape shape;

  size_t count() const { return static_cast<size_t>(ElementsOf(shape)); }
  // Of the last axis; a Failure where there is none.
  size_t width() const;
  // How many slices of the last axis there are; none where they are empty.
  size_t num_rows() const;
};

// One execution of a kernel. Its methods throw a Failure, which becomes the operation's status.
class KernelCall {
 public:
  explicit KernelCall(TF_OpKernelContext* context) : context_(context) {}
  Values Input(int place);
  float* Output(int place, const Shape& shape);
  // The input's own memory where nobody else needs it; it may be read until it is written over.
  float* OutputOver(int input, int place, const Shape& shape);

 private:
  TF_OpKernelContext* context_;
};

// Throws an error of invalid arguments unless the two shapes are one.
void RequireSameShape(const Values& a, const Values& b, const char* what);

// Calls body(begin, end) for ranges of [0, count) of `part` each, side by side. body must not throw.
void ForParts(size_t count, size_t part, const std::function<void(size_t, size_t)>& body);

struct RowSums {
  // Numbers in a row of x, which decides about the parts, and in the sums.
  size_t width;
  size_t num_sums;
  std::function<void(size_t begin, size_t end, float* sums)> add;
  float* sums;
};

// How many rows of this width make a part. It depends on nothing else, so that what is added up part by part
// is the same with any number of threads.
size_t RowsOfPart(size_t width);

// Adds up over rows: `add` adds what those of [begin, end) give to its third argument. Parts are added up side by
// side, and then their sums in order into `sums`.
void SumOverRows(size_t num_rows, const RowSums& rows);

struct OperationDefinition {
  const char* name;
  std::vector<const char*> inputs;      // "x: float"
  std::vector<const char*> outputs;     // "y: float"
  std::vector<const char*> attributes;  // "epsilon: float"
  void (*infer_shapes)(TF_ShapeInferenceContext* context, TF_Status* status);
  // These three are TensorFlow's; the first and the last may be null.
  void* (*create)(TF_OpKernelConstruction* construction);
  void (*compute)(void* kernel, TF_OpKernelContext* context);
  void (*destroy)(void* kernel);
};

// Makes the operation known to TensorFlow, with a kernel on the CPU. Nothing where it is known already.
void Register(const OperationDefinition& definition);

// Runs `compute` and hands what it throws to TensorFlow.
void Guarded(TF_OpKernelContext* context, const std::function<void(KernelCall&)>& compute) noexcept;

// The shape of each output, in order, is that of the input of this number; unknown where it is negative.
void OutputsLikeInputs(TF_ShapeInferenceContext* context, const std::vector<int>& inputs,
                       TF_Status* status);

void RegisterGelu();  // fused_gelu.cc
void RegisterNorm();  // fused_norm.cc
void RegisterRows();  // fused_rows.cc

}  // namespace crossweave

#endif  // CROSSWEAVE_KERNEL_CALL_H_
