// Captures the eager operations of one training step as a TensorFlow function.
//
// The tfjs binding is compiled with eager_redirects.h, so that its calls of TensorFlow's eager C API come
// here first. While a capture is on, each executed operation is also added to a graph. Tensors named as
// arguments become placeholders, tensors made inside the step become constants, and the graph
// becomes a function of the same eager context, to be executed by its name.

#include <node_api.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

namespace {

using SetAttribute = std::function<void(TF_OperationDescription*)>;

struct PendingOperation {
  std::string name;
  std::vector<TFE_TensorHandle*> inputs;
  std::vector<SetAttribute> attributes;
};

enum class Mode { kOff = 0, kArguments = 1, kBody = 2, kOutputs = 3 };

struct Capture {
  Mode mode = Mode::kOff;
  std::string fault;
  TF_Graph* graph = nullptr;
  int64_t next_node = 0;
  std::unordered_map<TFE_TensorHandle*, TF_Output> values;
  std::unordered_set<TFE_TensorHandle*> made_inside;
  std::vector<TF_Output> arguments;
  std::vector<TF_Output> outputs;
};

thread_local TFE_Context* context = nullptr;
thread_local Capture capture;
thread_local std::unordered_map<const TFE_Op*, PendingOperation> pending;

class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;
  TF_Status* get() { return status_; }
  bool ok() const { return TF_GetCode(status_) == TF_OK; }
  std::string message() const { return TF_Message(status_); }

 private:
  TF_Status* status_;
};

bool recording() { return capture.mode != Mode::kOff && capture.fault.empty(); }

// Values that come from JavaScript now are constants of the step; a result may be one, too.
bool takes_constants() {
  return recording() && (capture.mode == Mode::kBody || capture.mode == Mode::kOutputs);
}

void fail(const std::string& message) {
  if (capture.fault.empty()) capture.fault = message;
}

std::string node_name(const std::string& operation) {
  return operation + "_" + std::to_string(capture.next_node++);
}

TF_Output add_placeholder(TFE_TensorHandle* handle) {
  Status status;
  const std::string name = node_name("argument");
  TF_OperationDescription* node = TF_NewOperation(capture.graph, "Placeholder", name.c_str());
  TF_SetAttrType(node, "dtype", TFE_TensorHandleDataType(handle));
  const int rank = TFE_TensorHandleNumDims(handle, status.get());
  std::vector<int64_t> shape;
  for (int axis = 0; axis < rank; ++axis) {
    shape.push_back(TFE_TensorHandleDim(handle, axis, status.get()));
  }
  TF_SetAttrShape(node, "shape", shape.data(), rank);
  TF_Operation* operation = TF_FinishOperation(node, status.get());
  if (!status.ok()) fail("argument: " + status.message());
  return TF_Output{operation, 0};
}

TF_Output add_constant(TFE_TensorHandle* handle) {
  Status status;
  TF_Tensor* tensor = TFE_TensorHandleResolve(handle, status.get());
  if (!status.ok()) {
    fail("constant: " + status.message());
    return TF_Output{nullptr, 0};
  }
  const std::string name = node_name("constant");
  TF_OperationDescription* node = TF_NewOperation(capture.graph, "Const", name.c_str());
  TF_SetAttrType(node, "dtype", TF_TensorType(tensor));
  TF_SetAttrTensor(node, "value", tensor, status.get());
  TF_Operation* operation = TF_FinishOperation(node, status.get());
  TF_DeleteTensor(tensor);
  if (!status.ok()) fail("constant: " + status.message());
  return TF_Output{operation, 0};
}

TF_Output value_of(TFE_TensorHandle* handle, const std::string& used_by) {
  const auto known = capture.values.find(handle);
  if (known != capture.values.end()) return known->second;
  if (capture.made_inside.count(handle) == 0) {
    fail(used_by + " uses a tensor made before the step that is not among its arguments");
    return TF_Output{nullptr, 0};
  }
  const TF_Output constant = add_constant(handle);
  capture.values[handle] = constant;
  return constant;
}

// How many of an operation's inputs, from the first, form one list; -1: none.
int list_length(const PendingOperation& operation) {
  const int inputs = static_cast<int>(operation.inputs.size());
  if (operation.name == "Pack" || operation.name == "AddN" || operation.name == "IdentityN") {
    return inputs;
  }
  return operation.name == "ConcatV2" ? inputs - 1 : -1;
}

void add_to_graph(const PendingOperation& operation, TFE_TensorHandle** results, int num_results) {
  std::vector<TF_Output> inputs;
  for (TFE_TensorHandle* handle : operation.inputs) {
    inputs.push_back(value_of(handle, operation.name));
    if (!capture.fault.empty()) return;
  }
  const std::string name = node_name(operation.name);
  TF_OperationDescription* node =
      TF_NewOperation(capture.graph, operation.name.c_str(), name.c_str());
  const int listed = list_length(operation);
  if (listed >= 0) TF_AddInputList(node, inputs.data(), listed);
  for (size_t index = listed < 0 ? 0 : listed; index < inputs.size(); ++index) {
    TF_AddInput(node, inputs[index]);
  }
  for (const SetAttribute& set : operation.attributes) set(node);
  Status status;
  TF_Operation* added = TF_FinishOperation(node, status.get());
  if (!status.ok()) return fail(operation.name + ": " + status.message());
  for (int index = 0; index < num_results; ++index) {
    capture.values[results[index]] = TF_Output{added, index};
  }
}

void end_capture() {
  if (capture.graph != nullptr) TF_DeleteGraph(capture.graph);
  capture = Capture();
}

}  // namespace

extern "C" {

TFE_Context* crossweave_TFE_NewContext(const TFE_ContextOptions* options, TF_Status* status) {
  context = TFE_NewContext(options, status);
  return context;
}

TFE_Op* crossweave_TFE_NewOp(TFE_Context* owner, const char* name, TF_Status* status) {
  TFE_Op* operation = TFE_NewOp(owner, name, status);
  if (operation != nullptr && recording()) pending[operation] = PendingOperation{name, {}, {}};
  return operation;
}

void crossweave_TFE_DeleteOp(TFE_Op* operation) {
  pending.erase(operation);
  TFE_DeleteOp(operation);
}

void crossweave_TFE_OpAddInput(TFE_Op* operation, TFE_TensorHandle* input, TF_Status* status) {
  if (recording()) {
    if (capture.mode == Mode::kArguments) {
      const TF_Output argument = add_placeholder(input);
      capture.arguments.push_back(argument);
      capture.values[input] = argument;
    } else if (capture.mode == Mode::kOutputs) {
      capture.outputs.push_back(value_of(input, "the step's result"));
    } else {
      pending[operation].inputs.push_back(input);
    }
  }
  TFE_OpAddInput(operation, input, status);
}

#define CROSSWEAVE_KEEP_ATTRIBUTE(statement)                     \
  if (recording() && capture.mode == Mode::kBody) {              \
    const std::string key(name);                                 \
    pending[operation].attributes.push_back(                     \
        [=](TF_OperationDescription* node) { statement; });      \
  }

void crossweave_TFE_OpSetAttrType(TFE_Op* operation, const char* name, TF_DataType value) {
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrType(node, key.c_str(), value))
  TFE_OpSetAttrType(operation, name, value);
}

void crossweave_TFE_OpSetAttrInt(TFE_Op* operation, const char* name, int64_t value) {
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrInt(node, key.c_str(), value))
  TFE_OpSetAttrInt(operation, name, value);
}

void crossweave_TFE_OpSetAttrFloat(TFE_Op* operation, const char* name, float value) {
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrFloat(node, key.c_str(), value))
  TFE_OpSetAttrFloat(operation, name, value);
}

void crossweave_TFE_OpSetAttrBool(TFE_Op* operation, const char* name, unsigned char value) {
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrBool(node, key.c_str(), value))
  TFE_OpSetAttrBool(operation, name, value);
}

void crossweave_TFE_OpSetAttrString(TFE_Op* operation, const char* name, const void* value,
                                size_t length) {
  const std::string text(static_cast<const char*>(value), length);
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrString(node, key.c_str(), text.data(), text.size()))
  TFE_OpSetAttrString(operation, name, value, length);
}

void crossweave_TFE_OpSetAttrIntList(TFE_Op* operation, const char* name, const int64_t* values,
                                 int count) {
  const std::vector<int64_t> list(values, values + count);
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrIntList(node, key.c_str(), list.data(), count))
  TFE_OpSetAttrIntList(operation, name, values, count);
}

void crossweave_TFE_OpSetAttrFloatList(TFE_Op* operation, const char* name, const float* values,
                                   int count) {
  const std::vector<float> list(values, values + count);
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrFloatList(node, key.c_str(), list.data(), count))
  TFE_OpSetAttrFloatList(operation, name, values, count);
}

void crossweave_TFE_OpSetAttrBoolList(TFE_Op* operation, const char* name,
                                  const unsigned char* values, int count) {
  const std::vector<unsigned char> list(values, values + count);
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrBoolList(node, key.c_str(), list.data(), count))
  TFE_OpSetAttrBoolList(operation, name, values, count);
}

void crossweave_TFE_OpSetAttrShape(TFE_Op* operation, const char* name, const int64_t* sizes,
                               const int rank, TF_Status* status) {
  const std::vector<int64_t> shape(sizes, sizes + (rank < 0 ? 0 : rank));
  CROSSWEAVE_KEEP_ATTRIBUTE(TF_SetAttrShape(node, key.c_str(), shape.data(), rank))
  TFE_OpSetAttrShape(operation, name, sizes, rank, status);
}

#undef CROSSWEAVE_KEEP_ATTRIBUTE

void crossweave_TFE_Execute(TFE_Op* operation, TFE_TensorHandle** results, int* num_results,
                        TF_Status* status) {
  TFE_Execute(operation, results, num_results, status);
  if (!recording() || capture.mode != Mode::kBody || TF_GetCode(status) != TF_OK) return;
  const auto found = pending.find(operation);
  if (found != pending.end()) add_to_graph(found->second, results, *num_results);
}

TFE_TensorHandle* crossweave_TFE_NewTensorHandle(const TF_Tensor* tensor, TF_Status* status) {
  TFE_TensorHandle* handle = TFE_NewTensorHandle(tensor, status);
  if (takes_constants() && handle != nullptr) capture.made_inside.insert(handle);
  return handle;
}

TFE_TensorHandle* crossweave_TFE_TensorHandleCopyToDevice(TFE_TensorHandle* handle,
                                                      TFE_Context* owner, const char* device,
                                                      TF_Status* status) {
  TFE_TensorHandle* copy =
      TFE_TensorHandleCopyToDevice(handle, owner, device, status);
  if (takes_constants() && copy != nullptr) capture.made_inside.insert(copy);
  return copy;
}

TF_Tensor* crossweave_TFE_TensorHandleResolve(TFE_TensorHandle* handle, TF_Status* status) {
  if (capture.mode == Mode::kBody) fail("a value is read inside the step");
  return TFE_TensorHandleResolve(handle, status);
}

void crossweave_TFE_DeleteTensorHandle(TFE_TensorHandle* handle) {
  // Another tensor may get the same address.
  if (capture.mode != Mode::kOff) {
    capture.values.erase(handle);
    capture.made_inside.erase(handle);
  }
  TFE_DeleteTensorHandle(handle);
}

// The tfjs binding's own registration, renamed when it is compiled.
napi_value crossweave_register_tfjs(napi_env env, napi_value exports);
}

namespace {

napi_value throw_error(napi_env env, const std::string& message) {
  napi_throw_error(env, "STEP_CAPTURE", message.c_str());
  return nullptr;
}

// setCaptureMode(mode): 1 the inputs of the next operations are the step's arguments, 2 operations
// are added to the graph, 3 the inputs of the next operations are the step's results, 0 gives up.
napi_value set_capture_mode(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t mode = -1;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_int32(env, argument, &mode) != napi_ok || mode < 0 || mode > 3) {
    return throw_error(env, "setCaptureMode takes a mode from 0 to 3");
  }
  if (mode == 0) {
    end_capture();
    return nullptr;
  }
  if (mode == 1 && capture.mode != Mode::kOff) {
    return throw_error(env, "a step is captured inside another one; call it as a plain function");
  }
  if (capture.graph == nullptr) capture.graph = TF_NewGraph();
  capture.mode = static_cast<Mode>(mode);
  return nullptr;
}

// finishCapture(name): makes the captured graph a function of the eager context; its name is `name`.
napi_value finish_capture(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  char name[256];
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_string_utf8(env, argument, name, sizeof(name), &length) != napi_ok) {
    return throw_error(env, "finishCapture takes a name");
  }
  std::string fault = capture.fault;
  if (fault.empty() && (capture.graph == nullptr || context == nullptr)) {
    fault = "no capture is under way";
  }
  if (fault.empty()) {
    Status status;
    TF_Function* function = TF_GraphToFunction(
        capture.graph, name, 0, -1, nullptr, static_cast<int>(capture.arguments.size()),
        capture.arguments.data(), static_cast<int>(capture.outputs.size()),
        capture.outputs.data(), nullptr, nullptr, "captured by crossweave", status.get());
    if (status.ok()) TFE_ContextAddFunction(context, function, status.get());
    if (!status.ok()) fault = status.message();
    if (function != nullptr) TF_DeleteFunction(function);
  }
  end_capture();
  return fault.empty() ? nullptr : throw_error(env, fault);
}

// removeFunction(name): forgets a function of the eager context.
napi_value remove_function(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  char name[256];
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_string_utf8(env, argument, name, sizeof(name), &length) != napi_ok) {
    return throw_error(env, "removeFunction takes a name");
  }
  if (context == nullptr) return throw_error(env, "there is no eager context");
  Status status;
  TFE_ContextRemoveFunction(context, name, status.get());
  return status.ok() ? nullptr : throw_error(env, status.message());
}

void export_function(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) == napi_ok) {
    napi_set_named_property(env, exports, name, function);
  }
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value module = crossweave_register_tfjs(env, exports);
  if (module == nullptr) module = exports;
  export_function(env, module, "setCaptureMode", set_capture_mode);
  export_function(env, module, "finishCapture", finish_capture);
  export_function(env, module, "removeFunction", remove_function);
  return module;
}
