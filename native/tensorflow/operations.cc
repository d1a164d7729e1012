#include "operations.h"

#include <utility>

#include "async_work.h"
#include "module.h"
#include "signature.h"
#include "status.h"

namespace crossweave {
namespace {

// The largest compiled steps have some thousands.
constexpr size_t kMostTensors = size_t{1} << 20;

using EagerOperation = std::unique_ptr<TFE_Op, decltype(&TFE_DeleteOp)>;

// The results of an execution, which are the caller's also when it fails half-way.
std::vector<Tensor> OwnAll(const std::vector<TFE_TensorHandle*>& handles) {
  std::vector<Tensor> tensors;
  for (TFE_TensorHandle* handle : handles) {
    if (handle != nullptr) tensors.push_back(Own(handle));
  }
  return tensors;
}

Operation ReadOperation(Runtime& runtime, const Call& call, const char* function) {
  call.Expect(4, function);
  Operation operation;
  operation.name = ReadString(call.env(), call[0], "the operation's name");
  operation.attributes = ReadAttributes(call.env(), call[1]);
  const std::vector<int64_t> numbers = ReadTensorNumbers(call.env(), call[2]);
  operation.num_outputs = static_cast<int>(
      ReadIntegerWithin(call.env(), call[3], 0, kMostTensors, "the number of outputs"));
  // Last: what JavaScript runs while its values are read may delete tensors.
  operation.inputs = runtime.GetAll(numbers);
  const Signature* signature = runtime.Part<Signatures>().Find(operation.name);
  if (signature != nullptr) signature->RequireFulfilled(operation);
  RequireAxes(operation);
  return operation;
}

napi_value ShapeValue(napi_env env, const Shape& shape) {
  napi_value array = ArrayValue(env, shape.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    SetElement(env, array, axis, NumberValue(env, static_cast<double>(shape[axis])));
  }
  return array;
}

// executeOp(name, attributes, inputs, numOutputs): an array of {id, shape, dtype}.
napi_value ExecuteOp(Runtime& runtime, const Call& call) {
  const Operation operation = ReadOperation(runtime, call, "executeOp");
  Observer* observer = runtime.observer();
  if (observer != nullptr) observer->BeforeExecute(operation);
  const std::vector<Tensor> outputs = Execute(runtime.context(), operation);
  if (observer != nullptr) observer->AfterExecute(operation, outputs);
  return DescribedOutputs(call.env(), runtime, outputs);
}

// An operation, most often a compiled step, on a thread of Node's pool.
class Execution : public AsyncWork {
 public:
  Execution(TFE_Context* context, Operation operation)
      : context_(context), operation_(std::move(operation)) {}
  void Run() override {
    outputs_ = Execute(context_, operation_);
    operation_.inputs.clear();
  }
  napi_value Finish(napi_env env, Runtime& runtime) override {
    return DescribedOutputs(env, runtime, outputs_);
  }

 private:
  TFE_Context* context_;
  Operation operation_;
  std::vector<Tensor> outputs_;
};

// executeOpAsync(name, attributes, inputs, numOutputs): a promise of what executeOp gives. The inputs may be
// deleted as soon as it is called.
napi_value ExecuteOpAsync(Runtime& runtime, const Call& call) {
  Operation operation = ReadOperation(runtime, call, "executeOpAsync");
  if (runtime.observer() != nullptr) {
    throw Failure("STEP_CAPTURE", operation.name + " is not executed aside while a step is captured");
  }
  return Start(call.env(), "crossweave:executeOpAsync",
               std::make_unique<Execution>(runtime.context(), std::move(operation)));
}

}  // namespace

const Attribute* FindAttribute(const Operation& operation, const std::string& name) {
  for (const Attribute& attribute : operation.attributes) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

std::vector<Tensor> Execute(TFE_Context* context, const Operation& operation) {
  Status status;
  const EagerOperation eager(TFE_NewOp(context, operation.name.c_str(), status.get()),
                             TFE_DeleteOp);
  if (!status.ok()) status.Require(operation.name);
  for (const Tensor& input : operation.inputs) {
    TFE_OpAddInput(eager.get(), input.get(), status.get());
    if (!status.ok()) status.Require(Describe(operation.name, operation.inputs));
  }
  for (const Attribute& attribute : operation.attributes) SetAttribute(eager.get(), attribute);
  std::vector<TFE_TensorHandle*> handles(static_cast<size_t>(operation.num_outputs), nullptr);
  int count = operation.num_outputs;
  TFE_Execute(eager.get(), handles.data(), &count, status.get());
  std::vector<Tensor> outputs = OwnAll(handles);
  // Described only when it is needed: each operation of a step passes here.
  if (!status.ok()) status.Require(Describe(operation.name, operation.inputs));
  return outputs;
}

std::vector<int64_t> ReadTensorNumbers(napi_env env, napi_value value) {
  std::vector<int64_t> numbers;
  for (napi_value number : ReadArray(env, value, kMostTensors, "the inputs")) {
    numbers.push_back(ReadInteger(env, number, "an input"));
  }
  return numbers;
}

napi_value DescribedOutputs(napi_env env, Runtime& runtime, const std::vector<Tensor>& outputs) {
  napi_value array = ArrayValue(env, outputs.size());
  std::vector<napi_value> entries;
  for (const Tensor& output : outputs) {
    napi_value entry = ObjectValue(env);
    SetProperty(env, entry, "shape", ShapeValue(env, ShapeOf(output)));
    SetProperty(env, entry, "dtype", NumberValue(env, TFE_TensorHandleDataType(output.get())));
    SetElement(env, array, entries.size(), entry);
    entries.push_back(entry);
  }
  std::vector<int64_t> kept;
  try {
    for (size_t place = 0; place < outputs.size(); ++place) {
      kept.push_back(runtime.Keep(outputs[place]));
      SetProperty(env, entries[place], "id", NumberValue(env, static_cast<double>(kept.back())));
    }
  } catch (...) {
    for (const int64_t number : kept) runtime.Delete(number);
    throw;
  }
  return array;
}

void ExportOperations(Exports& exports) {
  exports.Function<ExecuteOp>("executeOp");
  exports.Function<ExecuteOpAsync>("executeOpAsync");
}

}  // namespace crossweave
