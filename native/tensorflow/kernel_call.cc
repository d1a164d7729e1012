#include "kernel_call.h"

#include <algorithm>
#include <mutex>

#include "module.h"
#include "status.h"
#include "tensorflow/c/c_api.h"
#include "worker_pool.h"

namespace crossweave {
namespace {

Failure Invalid(const std::string& message) { return Failure("TF_INVALID_ARGUMENT", message); }

float* DataOf(const HostTensor& tensor) { return static_cast<float*>(TF_TensorData(tensor.get())); }

bool IsKnown(const char* operation) {
  Status status;
  const std::unique_ptr<TF_Graph, decltype(&TF_DeleteGraph)> graph(TF_NewGraph(), TF_DeleteGraph);
  const std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)> definition(TF_NewBuffer(),
                                                                          TF_DeleteBuffer);
  TF_GraphGetOpDef(graph.get(), operation, definition.get(), status.get());
  return status.ok();
}

}  // namespace

size_t Values::width() const {
  if (shape.empty()) throw Invalid("a scalar has no last axis");
  return static_cast<size_t>(shape.back());
}

size_t Values::num_rows() const {
  if (width() == 0) return 0;
  return static_cast<size_t>(ElementsOf(Shape(shape.begin(), shape.end() - 1)));
}

Values KernelCall::Input(int place) {
  Status status;
  TF_Tensor* input = nullptr;
  TF_GetInput(context_, place, &input, status.get());
  status.Require("an input");
  const HostTensor tensor(input);
  Values values{DataOf(tensor), {}};
  for (int axis = 0; axis < TF_NumDims(input); ++axis) values.shape.push_back(TF_Dim(input, axis));
  return values;
}

float* KernelCall::Output(int place, const Shape& shape) {
  Status status;
  const size_t size_bytes = static_cast<size_t>(ElementsOf(shape)) * sizeof(float);
  const HostTensor tensor(TF_AllocateOutput(context_, place, TF_FLOAT, shape.data(),
                                            static_cast<int>(shape.size()), size_bytes,
                                            status.get()));
  status.Require("an output");
  return DataOf(tensor);
}

float* KernelCall::OutputOver(int input, int place, const Shape& shape) {
  Status status;
  const HostTensor tensor(
      TF_ForwardInputOrAllocateOutput(context_, &input, 1, place, shape.data(),
                                      static_cast<int>(shape.size()), nullptr, status.get()));
  status.Require("an output");
  return DataOf(tensor);
}

void RequireSameShape(const Values& a, const Values& b, const char* what) {
  if (a.shape != b.shape) throw Invalid(std::string(what) + " are not of one shape");
}

void ForParts(size_t count, size_t part, const std::function<void(size_t, size_t)>& body) {
  const size_t num_parts = (count + part - 1) / part;
  WorkerPool::Shared().Run(num_parts, [&](size_t index) {
    body(index * part, std::min(count, (index + 1) * part));
  });
}

size_t RowsOfPart(size_t width) { return std::max(size_t{1}, kElementsOfPart / (width + 1)); }

void SumOverRows(size_t num_rows, const RowSums& rows) {
  const size_t rows_of_part = 2 * RowsOfPart(rows.width);
  const size_t num_parts = (num_rows + rows_of_part - 1) / rows_of_part;
  std::vector<float> sums(num_parts * rows.num_sums, 0.0f);
  ForParts(num_rows, rows_of_part, [&](size_t begin, size_t end) {
    rows.add(begin, end, sums.data() + begin / rows_of_part * rows.num_sums);
  });
  std::fill_n(rows.sums, rows.num_sums, 0.0f);
  for (size_t part = 0; part < num_parts; ++part) {
    const float* sum = sums.data() + part * rows.num_sums;
    for (size_t at = 0; at < rows.num_sums; ++at) rows.sums[at] += sum[at];
  }
}

void Register(const OperationDefinition& definition) {
  if (IsKnown(definition.name)) return;
  TF_OpDefinitionBuilder* operation = TF_NewOpDefinitionBuilder(definition.name);
  for (const char* input : definition.inputs) TF_OpDefinitionBuilderAddInput(operation, input);
  for (const char* output : definition.outputs) TF_OpDefinitionBuilderAddOutput(operation, output);
  for (const char* attr : definition.attributes) TF_OpDefinitionBuilderAddAttr(operation, attr);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(operation, definition.infer_shapes);
  Status status;
  TF_RegisterOpDefinition(operation, status.get());
  status.Require(definition.name);
  TF_RegisterKernelBuilder(definition.name,
                           TF_NewKernelBuilder(definition.name, "CPU", definition.create,
                                               definition.compute, definition.destroy),
                           status.get());
  status.Require(definition.name);
}

void Guarded(TF_OpKernelContext* context,
             const std::function<void(KernelCall&)>& compute) noexcept {
  Status status;
  try {
    KernelCall call(context);
    compute(call);
    return;
  } catch (const Failure& failure) {
    const bool is_callers = failure.code() == "TF_INVALID_ARGUMENT";
    TF_SetStatus(status.get(), is_callers ? TF_INVALID_ARGUMENT : TF_RESOURCE_EXHAUSTED,
                 failure.what());
  } catch (const std::exception& failure) {
    TF_SetStatus(status.get(), TF_RESOURCE_EXHAUSTED, failure.what());
  }
  TF_OpKernelContext_Failure(context, status.get());
}

void OutputsLikeInputs(TF_ShapeInferenceContext* context, const std::vector<int>& inputs,
                       TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
  for (size_t output = 0; output < inputs.size() && TF_GetCode(status) == TF_OK; ++output) {
    if (inputs[output] < 0) continue;
    TF_ShapeHandle* shape = TF_NewShapeHandle();
    TF_ShapeInferenceContextGetInput(context, inputs[output], shape, status);
    if (TF_GetCode(status) == TF_OK) {
      TF_ShapeInferenceContextSetOutput(context, static_cast<int>(output), shape, status);
    }
    TF_DeleteShapeHandle(shape);
  }
}

void RegisterOwnKernels() {
  static std::once_flag once;
  std::call_once(once, [] {
    RegisterGelu();
    RegisterNorm();
    RegisterRows();
  });
}

}  // namespace crossweave
