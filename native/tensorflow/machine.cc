// What the addon runs on: devices, kernels, the allocator, the compiler that made it.

#include <malloc.h>

#include <mutex>

#include "module.h"
#include "status.h"
#include "tensorflow/c/c_api.h"

namespace crossweave {
namespace {

#ifdef __GLIBC__
constexpr const char* kAllocator = "glibc, freed memory is kept";
#else
constexpr const char* kAllocator = "the C library's";
#endif

// Left alone, glibc gives every large tensor back to the system as soon as it is freed, so that
// page faults take about a third of a training step; the next step asks for the same sizes again.
// It refuses thresholds above 32 MB for its separate mappings; without mappings there is none.
void KeepFreedMemory() {
#ifdef __GLIBC__
  static std::once_flag once;
  std::call_once(once, [] {
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 2147483647);
  });
#endif
}

// isUsingGpuDevice(): boolean
napi_value IsUsingGpuDevice(Runtime& runtime, const Call& call) {
  return BooleanValue(call.env(), runtime.default_device().type == "GPU");
}

// listDevices(): an array of {name, type, memoryBytes}
napi_value ListDevices(Runtime& runtime, const Call& call) {
  const std::vector<Device>& devices = runtime.devices();
  napi_value array = ArrayValue(call.env(), devices.size());
  for (size_t place = 0; place < devices.size(); ++place) {
    napi_value entry = ObjectValue(call.env());
    SetProperty(call.env(), entry, "name", StringValue(call.env(), devices[place].name));
    SetProperty(call.env(), entry, "type", StringValue(call.env(), devices[place].type));
    SetProperty(call.env(), entry, "memoryBytes",
                NumberValue(call.env(), static_cast<double>(devices[place].memory_bytes)));
    SetElement(call.env(), array, place, entry);
  }
  return array;
}

// hasKernel(operation): boolean. Whether this TensorFlow can execute the operation on any device.
napi_value HasKernel(Runtime&, const Call& call) {
  call.Expect(1, "hasKernel");
  const std::string name = ReadString(call.env(), call[0], "the operation's name");
  Status status;
  const std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)> kernels(
      TF_GetRegisteredKernelsForOp(name.c_str(), status.get()), TF_DeleteBuffer);
  status.Require("the kernels of " + name);
  return BooleanValue(call.env(), kernels->length > 0);
}

// configureContext(bytes): a serialized ConfigProto for the context, before its first use.
napi_value ConfigureContext(Runtime& runtime, const Call& call) {
  call.Expect(1, "configureContext");
  const TypedArray bytes = ReadTypedArray(call.env(), call[0], "the configuration");
  runtime.Configure(std::string(static_cast<const char*>(bytes.data), bytes.size_bytes));
  return nullptr;
}

}  // namespace

void ExportMachine(Exports& exports) {
  KeepFreedMemory();
  exports.String("compiler", __VERSION__);
  exports.String("allocator", kAllocator);
  exports.Function<IsUsingGpuDevice>("isUsingGpuDevice");
  exports.Function<ListDevices>("listDevices");
  exports.Function<HasKernel>("hasKernel");
  exports.Function<ConfigureContext>("configureContext");
}

}  // namespace crossweave
