// TensorFlow's saved models, as tfjs-node's `loadSavedModel` uses them.

#include <unordered_map>

#include "module.h"
#include "operations.h"
#include "status.h"

namespace crossweave {
namespace {

struct SavedModel {
  TF_Graph* graph = TF_NewGraph();
  TF_Session* session = nullptr;

  SavedModel() = default;
  SavedModel(const SavedModel&) = delete;
  SavedModel& operator=(const SavedModel&) = delete;
  ~SavedModel() {
    Status ignored;
    if (session != nullptr) TF_DeleteSession(session, ignored.get());
    TF_DeleteGraph(graph);
  }
};

struct SavedModels {
  std::unordered_map<int64_t, SavedModel> models;
  int64_t next_number = 0;

  SavedModel& Get(int64_t number) {
    const auto found = models.find(number);
    if (found != models.end()) return found->second;
    throw Failure("BAD_TENSOR", "there is no saved model " + std::to_string(number));
  }
};

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// The value that "serving_default_x:0" names; without a number it is the first.
TF_Output FindOutput(const SavedModel& model, const std::string& text) {
  const size_t colon = text.find(':');
  const std::string digits = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (digits.size() > 6 || digits.find_first_not_of("0123456789") != std::string::npos) {
    throw BadArgument(text + " does not name a value of a saved model");
  }
  TF_Operation* operation =
      TF_GraphOperationByName(model.graph, text.substr(0, colon).c_str());
  if (operation == nullptr) throw BadArgument("the saved model has no operation " + text);
  const int place = digits.empty() ? 0 : std::stoi(digits);
  if (place >= TF_OperationNumOutputs(operation)) {
    throw BadArgument("the saved model has no value " + text);
  }
  return TF_Output{operation, place};
}

std::vector<TF_Output> FindOutputs(const SavedModel& model, const std::string& names) {
  std::vector<TF_Output> outputs;
  for (const std::string& name : SplitAtCommas(names)) outputs.push_back(FindOutput(model, name));
  return outputs;
}

// loadSavedModel(folder, tags): number. Tags are separated by commas.
napi_value LoadSavedModel(Runtime& runtime, const Call& call) {
  call.Expect(2, "loadSavedModel");
  const std::string folder = ReadString(call.env(), call[0], "the saved model's folder");
  const std::vector<std::string> tags =
      SplitAtCommas(ReadString(call.env(), call[1], "the saved model's tags"));
  std::vector<const char*> tag_texts;
  for (const std::string& tag : tags) tag_texts.push_back(tag.c_str());
  SavedModels& saved = runtime.Part<SavedModels>();
  const int64_t number = saved.next_number++;
  SavedModel& model = saved.models[number];
  const std::unique_ptr<TF_SessionOptions, decltype(&TF_DeleteSessionOptions)> options(
      TF_NewSessionOptions(), TF_DeleteSessionOptions);
  Status status;
  model.session = TF_LoadSessionFromSavedModel(
      options.get(), nullptr, folder.c_str(), tag_texts.data(), static_cast<int>(tag_texts.size()),
      model.graph, nullptr, status.get());
  if (!status.ok()) saved.models.erase(number);
  status.Require("loading the saved model in " + folder);
  return NumberValue(call.env(), static_cast<double>(number));
}

// deleteSavedModel(number)
napi_value DeleteSavedModel(Runtime& runtime, const Call& call) {
  call.Expect(1, "deleteSavedModel");
  const int64_t number = ReadInteger(call.env(), call[0], "the saved model");
  SavedModels& saved = runtime.Part<SavedModels>();
  saved.Get(number);
  saved.models.erase(number);
  return nullptr;
}

std::vector<HostTensor> Run(const SavedModel& model, const std::vector<TF_Output>& inputs,
                            const std::vector<Tensor>& values,
                            const std::vector<TF_Output>& outputs) {
  std::vector<HostTensor> hosts;
  std::vector<TF_Tensor*> fed;
  for (const Tensor& value : values) {
    hosts.push_back(Resolve(value));
    fed.push_back(hosts.back().get());
  }
  std::vector<TF_Tensor*> fetched(outputs.size(), nullptr);
  Status status;
  TF_SessionRun(model.session, nullptr, inputs.data(), fed.data(), static_cast<int>(fed.size()),
                outputs.data(), fetched.data(), static_cast<int>(fetched.size()), nullptr, 0,
                nullptr, status.get());
  std::vector<HostTensor> results;
  for (TF_Tensor* tensor : fetched) results.emplace_back(tensor);
  status.Require(Describe("running a saved model", values));
  return results;
}

// runSavedModel(number, inputs, inputNames, outputNames): an array of {id, shape, dtype}. Names
// are separated by commas.
napi_value RunSavedModel(Runtime& runtime, const Call& call) {
  call.Expect(4, "runSavedModel");
  const int64_t number = ReadInteger(call.env(), call[0], "the saved model");
  const std::vector<int64_t> input_numbers = ReadTensorNumbers(call.env(), call[1]);
  const std::string input_names = ReadString(call.env(), call[2], "the names of the inputs");
  const std::string output_names = ReadString(call.env(), call[3], "the names of the outputs");
  if (runtime.observer() != nullptr) {
    throw Failure("STEP_CAPTURE", "a saved model cannot be part of a captured step");
  }
  const SavedModel& model = runtime.Part<SavedModels>().Get(number);
  const std::vector<TF_Output> inputs = FindOutputs(model, input_names);
  const std::vector<Tensor> values = runtime.GetAll(input_numbers);
  if (inputs.size() != values.size()) {
    throw BadArgument("the saved model got " + std::to_string(values.size()) + " tensors for " +
                      std::to_string(inputs.size()) + " names of inputs");
  }
  std::vector<Tensor> outputs;
  for (const HostTensor& host : Run(model, inputs, values, FindOutputs(model, output_names))) {
    Status status;
    outputs.push_back(Own(TFE_NewTensorHandle(host.get(), status.get())));
    status.Require("a saved model's output");
  }
  return DescribedOutputs(call.env(), runtime, outputs);
}

// getNumOfSavedModels(): number
napi_value GetNumOfSavedModels(Runtime& runtime, const Call& call) {
  return NumberValue(call.env(), static_cast<double>(runtime.Part<SavedModels>().models.size()));
}

}  // namespace

void ExportSavedModels(Exports& exports) {
  exports.Function<LoadSavedModel>("loadSavedModel");
  exports.Function<DeleteSavedModel>("deleteSavedModel");
  exports.Function<RunSavedModel>("runSavedModel");
  exports.Function<GetNumOfSavedModels>("getNumOfSavedModels");
}

}  // namespace crossweave
