#include "runtime.h"

#include <utility>

#include "failure.h"
#include "status.h"

namespace crossweave {

void Runtime::Attach(napi_env env) {
  auto runtime = std::make_unique<Runtime>(env);
  Require(env, napi_set_instance_data(
                   env, runtime.get(),
                   [](napi_env, void* data, void*) { delete static_cast<Runtime*>(data); },
                   nullptr));
  runtime.release();
}

Runtime& Runtime::Of(napi_env env) {
  void* runtime = nullptr;
  Require(env, napi_get_instance_data(env, &runtime));
  if (runtime == nullptr) throw Failure("INTERNAL", "the runtime of this thread has ended");
  return *static_cast<Runtime*>(runtime);
}

Runtime::~Runtime() {
  observer_ = nullptr;
  parts_.clear();
  tensors_.clear();
  if (context_ != nullptr) TFE_DeleteContext(context_);
}

TFE_Context* Runtime::context() {
  if (context_ != nullptr) return context_;
  Status status;
  const std::unique_ptr<TFE_ContextOptions, decltype(&TFE_DeleteContextOptions)> options(
      TFE_NewContextOptions(), TFE_DeleteContextOptions);
  if (!config_proto_.empty()) {
    TFE_ContextOptionsSetConfig(options.get(), config_proto_.data(), config_proto_.size(),
                                status.get());
    status.Require("the context's configuration");
  }
  TFE_Context* made = TFE_NewContext(options.get(), status.get());
  status.Require("making TensorFlow's context");
  context_ = made;
  FindDevices();
  return context_;
}

void Runtime::Configure(const std::string& config_proto) {
  if (has_context()) {
    throw Failure("BAD_ARGUMENT", "the context is configured before its first use, not after it");
  }
  config_proto_ = config_proto;
}

const std::vector<Device>& Runtime::devices() {
  context();
  return devices_;
}

const Device& Runtime::default_device() { return devices()[default_device_]; }

void Runtime::FindDevices() {
  Status status;
  const std::unique_ptr<TF_DeviceList, decltype(&TF_DeleteDeviceList)> list(
      TFE_ContextListDevices(context(), status.get()), TF_DeleteDeviceList);
  status.Require("the list of devices");
  std::vector<Device> devices;
  size_t preferred = 0;
  for (int place = 0; place < TF_DeviceListCount(list.get()); ++place) {
    const char* name = TF_DeviceListName(list.get(), place, status.get());
    status.Require("a device's name");
    const char* type = TF_DeviceListType(list.get(), place, status.get());
    status.Require("a device's type");
    const int64_t memory = TF_DeviceListMemoryBytes(list.get(), place, status.get());
    status.Require("a device's memory");
    devices.push_back({name, type, memory});
    const bool is_first_gpu = devices.back().type == "GPU" && devices[preferred].type != "GPU";
    const bool is_first_cpu = devices.back().type == "CPU" && devices[preferred].type != "GPU" &&
                              devices[preferred].type != "CPU";
    if (is_first_gpu || is_first_cpu) preferred = devices.size() - 1;
  }
  if (devices.empty()) throw Failure("TF_INTERNAL", "TensorFlow lists no device");
  devices_ = std::move(devices);
  default_device_ = preferred;
}

int64_t Runtime::Keep(Tensor tensor) {
  tensors_.emplace(next_number_, std::move(tensor));
  return next_number_++;
}

const Tensor& Runtime::Get(int64_t number) const {
  const auto found = tensors_.find(number);
  if (found != tensors_.end()) return found->second;
  const bool was_there = number >= 0 && number < next_number_;
  throw Failure("BAD_TENSOR", "tensor " + std::to_string(number) +
                                  (was_there ? " has been deleted" : " does not exist"));
}

std::vector<Tensor> Runtime::GetAll(const std::vector<int64_t>& numbers) const {
  std::vector<Tensor> tensors;
  tensors.reserve(numbers.size());
  for (const int64_t number : numbers) tensors.push_back(Get(number));
  return tensors;
}

void Runtime::Delete(int64_t number) {
  // Held until the observer has looked at it.
  const Tensor tensor = Get(number);
  if (observer_ != nullptr) observer_->OnDelete(tensor);
  tensors_.erase(number);
}

}  // namespace crossweave
