#include "capture.h"

#include "module.h"
#include "status.h"

namespace crossweave {
namespace {

Failure Refused(const std::string& message) { return Failure("STEP_CAPTURE", message); }

std::string NameOfSource(TF_Operation* operation) {
  const std::string type = TF_OperationOpType(operation);
  return type == "Placeholder" ? "an argument" : "the result of " + type;
}

// How many of an operation's inputs, from the first, form one list; none where it is negative.
int ListLength(const Operation& operation) {
  const int inputs = static_cast<int>(operation.inputs.size());
  if (operation.name == "Pack" || operation.name == "AddN" || operation.name == "IdentityN" ||
      operation.name == "Einsum") {
    return inputs;
  }
  return operation.name == "ConcatV2" ? inputs - 1 : -1;
}

}  // namespace

std::string Capture::NodeName(const std::string& operation) {
  return operation + "_" + std::to_string(next_node_++);
}

TF_Output Capture::AddPlaceholder(const Tensor& tensor) {
  Status status;
  const std::string name = NodeName("argument");
  TF_OperationDescription* node = TF_NewOperation(graph_.get(), "Placeholder", name.c_str());
  TF_SetAttrType(node, "dtype", TFE_TensorHandleDataType(tensor.get()));
  const Shape shape = ShapeOf(tensor);
  TF_SetAttrShape(node, "shape", shape.data(), static_cast<int>(shape.size()));
  TF_Operation* operation = TF_FinishOperation(node, status.get());
  status.Require("argument");
  return TF_Output{operation, 0};
}

TF_Output Capture::AddConstant(const Tensor& tensor) {
  const HostTensor host = Resolve(tensor);
  Status status;
  const std::string name = NodeName("constant");
  TF_OperationDescription* node = TF_NewOperation(graph_.get(), "Const", name.c_str());
  TF_SetAttrType(node, "dtype", TF_TensorType(host.get()));
  TF_SetAttrTensor(node, "value", host.get(), status.get());
  TF_Operation* operation = TF_FinishOperation(node, status.get());
  status.Require("constant");
  return TF_Output{operation, 0};
}

TF_Output Capture::ValueOf(const Tensor& tensor, const std::string& used_by) {
  const auto known = values_.find(tensor.get());
  if (known != values_.end()) return known->second;
  if (made_inside_.count(tensor.get()) == 0) {
    throw Refused(used_by + " uses a tensor made before the step that is not among its arguments");
  }
  const TF_Output constant = AddConstant(tensor);
  values_[tensor.get()] = constant;
  return constant;
}

void Capture::AddToGraph(const Operation& operation, const std::vector<Tensor>& outputs) {
  std::vector<TF_Output> inputs;
  for (const Tensor& input : operation.inputs) inputs.push_back(ValueOf(input, operation.name));
  const std::string name = NodeName(operation.name);
  TF_OperationDescription* node =
      TF_NewOperation(graph_.get(), operation.name.c_str(), name.c_str());
  const int listed = ListLength(operation);
  if (listed >= 0) TF_AddInputList(node, inputs.data(), listed);
  for (size_t place = listed < 0 ? 0 : static_cast<size_t>(listed); place < inputs.size();
       ++place) {
    TF_AddInput(node, inputs[place]);
  }
  for (const Attribute& attribute : operation.attributes) SetAttribute(node, attribute);
  Status status;
  TF_Operation* added = TF_FinishOperation(node, status.get());
  status.Require(operation.name);
  for (size_t place = 0; place < outputs.size(); ++place) {
    values_[outputs[place].get()] = TF_Output{added, static_cast<int>(place)};
  }
}

void Capture::BeforeExecute(const Operation&) {}

void Capture::AfterExecute(const Operation& operation, const std::vector<Tensor>& outputs) {
  if (mode_ == Mode::kBody) return AddToGraph(operation, outputs);
  for (const Tensor& input : operation.inputs) {
    if (mode_ == Mode::kArguments) {
      const TF_Output argument = AddPlaceholder(input);
      argument_values_.push_back(input);
      arguments_.push_back(argument);
      values_[input.get()] = argument;
    } else {
      outputs_.push_back(ValueOf(input, "the step's result"));
    }
  }
}

void Capture::OnCreate(const Tensor& tensor) {
  // Values that come from JavaScript now are constants of the step; a result may be one, too.
  if (mode_ != Mode::kArguments) made_inside_.insert(tensor.get());
}

void Capture::OnRead(const Tensor& tensor) {
  if (mode_ != Mode::kBody) return;
  const auto known = values_.find(tensor.get());
  const std::string read =
      known == values_.end() ? "a constant" : NameOfSource(known->second.oper);
  throw Refused("a value is read inside the step: " + read);
}

void Capture::OnDelete(const Tensor& tensor) {
  values_.erase(tensor.get());
  made_inside_.erase(tensor.get());
}

void Capture::SetMode(Mode mode) {
  if (mode == Mode::kOff) {
    mode_ = Mode::kOff;
    next_node_ = 0;
    values_.clear();
    made_inside_.clear();
    argument_values_.clear();
    arguments_.clear();
    outputs_.clear();
    graph_.reset();
    return;
  }
  if (mode == Mode::kArguments && mode_ != Mode::kOff) {
    throw Refused("a step is captured inside another one; call it as a plain function");
  }
  if (graph_ == nullptr) graph_.reset(TF_NewGraph());
  mode_ = mode;
}

int64_t Capture::Finish(TFE_Context* context, const std::string& name) {
  if (graph_ == nullptr) throw Refused("no capture is under way");
  const int64_t num_nodes = next_node_;
  Status status;
  const std::unique_ptr<TF_Function, decltype(&TF_DeleteFunction)> function(
      TF_GraphToFunction(graph_.get(), name.c_str(), 0, -1, nullptr,
                         static_cast<int>(arguments_.size()), arguments_.data(),
                         static_cast<int>(outputs_.size()), outputs_.data(), nullptr, nullptr,
                         "captured by crossweave", status.get()),
      TF_DeleteFunction);
  SetMode(Mode::kOff);
  if (status.ok()) TFE_ContextAddFunction(context, function.get(), status.get());
  if (!status.ok()) throw Refused(status.message());
  return num_nodes;
}

namespace {

// setCaptureMode(mode): 1 the inputs of the next operations are the step's arguments, 2 operations
// are added to the graph, 3 the inputs of the next operations are the step's results, 0 gives up.
napi_value SetCaptureMode(Runtime& runtime, const Call& call) {
  call.Expect(1, "setCaptureMode");
  const int64_t mode = ReadIntegerWithin(call.env(), call[0], 0, 3, "the mode");
  Capture& capture = runtime.Part<Capture>();
  capture.SetMode(static_cast<Capture::Mode>(mode));
  runtime.set_observer(mode == 0 ? nullptr : &capture);
  return nullptr;
}

// finishCapture(name): makes the captured graph a function of the context; its name is `name`. Gives
// the number of its nodes.
napi_value FinishCapture(Runtime& runtime, const Call& call) {
  call.Expect(1, "finishCapture");
  const std::string name = ReadString(call.env(), call[0], "the function's name");
  runtime.set_observer(nullptr);
  const int64_t num_nodes = runtime.Part<Capture>().Finish(runtime.context(), name);
  return NumberValue(call.env(), static_cast<double>(num_nodes));
}

// removeFunction(name): forgets a function of the context.
napi_value RemoveFunction(Runtime& runtime, const Call& call) {
  call.Expect(1, "removeFunction");
  const std::string name = ReadString(call.env(), call[0], "the function's name");
  Status status;
  TFE_ContextRemoveFunction(runtime.context(), name.c_str(), status.get());
  status.Require("removing the function " + name);
  return nullptr;
}

}  // namespace

void ExportCapture(Exports& exports) {
  exports.Function<SetCaptureMode>("setCaptureMode");
  exports.Function<FinishCapture>("finishCapture");
  exports.Function<RemoveFunction>("removeFunction");
}

}  // namespace crossweave
