// Reading values back: at once, or in a promise without holding up the event loop.

#include <cstring>
#include <utility>

#include "async_work.h"
#include "element_types.h"
#include "module.h"
#include "tensorflow/c/tf_tstring.h"

namespace crossweave {
namespace {

napi_value BytesValue(napi_env env, const void* data, size_t size_bytes) {
  void* target = nullptr;
  napi_value buffer = nullptr;
  Require(env, napi_create_arraybuffer(env, size_bytes, &target, &buffer));
  if (size_bytes > 0) std::memcpy(target, data, size_bytes);
  return buffer;
}

napi_value ArrayOf(napi_env env, napi_typedarray_type type, size_t size_bytes, napi_value buffer) {
  napi_value array = nullptr;
  Require(env, napi_create_typedarray(env, type, size_bytes / ElementBytes(type), buffer, 0,
                                      &array));
  return array;
}

napi_value StringsValue(napi_env env, const TF_Tensor* host) {
  const auto* texts = static_cast<const TF_TString*>(TF_TensorData(host));
  const auto count = static_cast<size_t>(TF_TensorElementCount(host));
  napi_value array = ArrayValue(env, count);
  for (size_t place = 0; place < count; ++place) {
    const size_t size_bytes = TF_StringGetSize(&texts[place]);
    napi_value bytes = BytesValue(env, TF_StringGetDataPointer(&texts[place]), size_bytes);
    SetElement(env, array, place, ArrayOf(env, napi_uint8_array, size_bytes, bytes));
  }
  return array;
}

// How the values of a type are read: as bytes for a resource, which stands for something else.
napi_typedarray_type ArrayTypeOf(TF_DataType dtype) {
  if (dtype == TF_RESOURCE) return napi_uint8_array;
  const ElementType* element = FindElementType(dtype);
  if (element == nullptr) throw BadArgument("values of " + NameOfType(dtype) + " cannot be read");
  return element->array;
}

napi_value ValuesOf(napi_env env, const TF_Tensor* host) {
  const TF_DataType dtype = TF_TensorType(host);
  if (dtype == TF_STRING) return StringsValue(env, host);
  const napi_typedarray_type type = ArrayTypeOf(dtype);
  const size_t size_bytes = TF_TensorByteSize(host);
  return ArrayOf(env, type, size_bytes, BytesValue(env, TF_TensorData(host), size_bytes));
}

const Tensor& ReadableTensor(Runtime& runtime, const Call& call, const char* function) {
  call.Expect(1, function);
  const Tensor& tensor = runtime.Get(ReadInteger(call.env(), call[0], "the tensor"));
  if (runtime.observer() != nullptr) runtime.observer()->OnRead(tensor);
  const TF_DataType dtype = TFE_TensorHandleDataType(tensor.get());
  if (dtype != TF_STRING) ArrayTypeOf(dtype);
  return tensor;
}

// tensorDataSync(number): a typed array; for strings an array of Uint8Arrays.
napi_value TensorDataSync(Runtime& runtime, const Call& call) {
  const HostTensor host = Resolve(ReadableTensor(runtime, call, "tensorDataSync"));
  return ValuesOf(call.env(), host.get());
}

// Waits for the device and copies the values on a thread of Node's pool.
class Reading : public AsyncWork {
 public:
  explicit Reading(Tensor tensor) : tensor_(std::move(tensor)) {}

  void Run() override {
    host_ = Resolve(tensor_);
    tensor_.reset();
    if (TF_TensorType(host_.get()) == TF_STRING) return;
    size_bytes_ = TF_TensorByteSize(host_.get());
    // Of our own: TensorFlow may give the tensor's memory to an operation that is to come.
    copy_.reset(new uint8_t[size_bytes_ == 0 ? 1 : size_bytes_]);
    if (size_bytes_ > 0) std::memcpy(copy_.get(), TF_TensorData(host_.get()), size_bytes_);
  }

  napi_value Finish(napi_env env, Runtime&) override {
    const TF_DataType dtype = TF_TensorType(host_.get());
    if (dtype == TF_STRING) return StringsValue(env, host_.get());
    return ArrayOf(env, ArrayTypeOf(dtype), size_bytes_, Buffer(env));
  }

 private:
  // The copy becomes the array's memory; some builds of Node allow no memory but their own.
  napi_value Buffer(napi_env env) {
    napi_value buffer = nullptr;
    const auto release = [](napi_env, void* data, void*) { delete[] static_cast<uint8_t*>(data); };
    const napi_status status = napi_create_external_arraybuffer(env, copy_.get(), size_bytes_,
                                                                release, nullptr, &buffer);
    if (status == napi_no_external_buffers_allowed) {
      return BytesValue(env, copy_.get(), size_bytes_);
    }
    Require(env, status);
    copy_.release();
    return buffer;
  }

  Tensor tensor_;
  HostTensor host_;
  std::unique_ptr<uint8_t[]> copy_;
  size_t size_bytes_ = 0;
};

// tensorData(number): a promise of what tensorDataSync gives.
napi_value TensorData(Runtime& runtime, const Call& call) {
  const Tensor& tensor = ReadableTensor(runtime, call, "tensorData");
  return Start(call.env(), "crossweave:tensorData", std::make_unique<Reading>(tensor));
}

}  // namespace

void ExportReading(Exports& exports) {
  exports.Function<TensorDataSync>("tensorDataSync");
  exports.Function<TensorData>("tensorData");
}

}  // namespace crossweave
