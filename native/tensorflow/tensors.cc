// Making tensors of JavaScript's values, and deleting them.

#include <cstring>
#include <limits>

#include "element_types.h"
#include "module.h"
#include "status.h"
#include "tensorflow/c/tf_tstring.h"

namespace crossweave {
namespace {

Shape ReadTensorShape(napi_env env, napi_value value) {
  Shape shape;
  for (napi_value size : ReadArray(env, value, kMostAxes, "the shape")) {
    shape.push_back(ReadIntegerWithin(env, size, 0, std::numeric_limits<int64_t>::max(),
                                      "an axis of the shape"));
  }
  return shape;
}

std::string DescribeWanted(TF_DataType dtype, const Shape& shape) {
  std::string text = NameOfType(dtype) + "[";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis == 0 ? "" : ",") + std::to_string(shape[axis]);
  }
  return text + "]";
}

// The values of a tensor that is being made, checked against its type and shape.
TypedArray ReadValues(napi_env env, napi_value value, TF_DataType dtype, const Shape& shape) {
  const ElementType* element = FindElementType(dtype);
  if (element == nullptr) {
    throw BadArgument("tensors of " + NameOfType(dtype) + " cannot be made of a typed array");
  }
  const TypedArray array = ReadTypedArray(env, value, "the values");
  const size_t parts = PartsIn(*element, array.type);
  if (parts == 0) {
    throw BadArgument("a tensor of " + NameOfType(dtype) + " takes " +
                      NameOfArray(element->array) + ", not " + NameOfArray(array.type));
  }
  const auto elements = static_cast<size_t>(ElementsOf(shape));
  if (array.length % parts != 0 || array.length / parts != elements) {
    throw BadArgument("the shape of " + DescribeWanted(dtype, shape) + " does not match the " +
                      std::to_string(array.length) + " values of the " + NameOfArray(array.type));
  }
  return array;
}

HostTensor CopiedTensor(TF_DataType dtype, const Shape& shape, const TypedArray& array) {
  HostTensor tensor(TF_AllocateTensor(dtype, shape.data(), static_cast<int>(shape.size()),
                                      array.size_bytes));
  if (tensor == nullptr || (array.size_bytes > 0 && TF_TensorData(tensor.get()) == nullptr)) {
    throw std::bad_alloc();
  }
  if (dtype == TF_BOOL) {
    // A truth of another value than 0 and 1 is undefined behaviour in TensorFlow's kernels.
    const auto* from = static_cast<const uint8_t*>(array.data);
    auto* to = static_cast<uint8_t*>(TF_TensorData(tensor.get()));
    for (size_t place = 0; place < array.length; ++place) to[place] = from[place] != 0;
  } else if (array.size_bytes > 0) {
    std::memcpy(TF_TensorData(tensor.get()), array.data, array.size_bytes);
  }
  return tensor;
}

struct Strings {
  explicit Strings(size_t count) : texts(count) {
    for (TF_TString& text : texts) TF_StringInit(&text);
  }
  ~Strings() {
    for (TF_TString& text : texts) TF_StringDealloc(&text);
  }
  std::vector<TF_TString> texts;
};

// Of an array of Uint8Arrays.
HostTensor StringTensor(napi_env env, const Shape& shape, napi_value value) {
  const auto elements = static_cast<size_t>(ElementsOf(shape));
  const std::vector<napi_value> values = ReadArray(env, value, elements, "the array of strings");
  if (elements != values.size()) {
    throw BadArgument("the shape of " + DescribeWanted(TF_STRING, shape) + " does not match the " +
                      std::to_string(values.size()) + " strings");
  }
  auto strings = std::make_unique<Strings>(values.size());
  for (size_t place = 0; place < values.size(); ++place) {
    const TypedArray bytes = ReadTypedArray(env, values[place], "a string's bytes");
    if (bytes.type != napi_uint8_array) throw BadArgument("a string's bytes are no Uint8Array");
    TF_StringCopy(&strings->texts[place], static_cast<const char*>(bytes.data), bytes.size_bytes);
  }
  void* data = strings->texts.data();
  const size_t size_bytes = values.size() * sizeof(TF_TString);
  const auto release = [](void*, size_t, void* owner) { delete static_cast<Strings*>(owner); };
  // The strings are released by TensorFlow from here on, also where it makes no tensor of them.
  HostTensor tensor(TF_NewTensor(TF_STRING, shape.data(), static_cast<int>(shape.size()), data,
                                 size_bytes, release, strings.release()));
  if (tensor == nullptr) throw Failure("TF_INTERNAL", "TensorFlow made no tensor of the strings");
  return tensor;
}

// Most GPU kernels expect int32 in the host's memory, and strings can be nowhere else.
bool StaysOnHost(TF_DataType dtype) {
  return dtype == TF_INT32 || dtype == TF_STRING || dtype == TF_RESOURCE;
}

Tensor EagerTensor(Runtime& runtime, const HostTensor& host) {
  Status status;
  Tensor tensor = Own(TFE_NewTensorHandle(host.get(), status.get()));
  status.Require("making a tensor");
  const Device& device = runtime.default_device();
  if (device.type == "CPU" || StaysOnHost(TF_TensorType(host.get()))) return tensor;
  Tensor copy = Own(TFE_TensorHandleCopyToDevice(tensor.get(), runtime.context(),
                                                 device.name.c_str(), status.get()));
  status.Require("copying " + Describe(tensor) + " to " + device.name);
  return copy;
}

napi_value Made(napi_env env, Runtime& runtime, const HostTensor& host) {
  Tensor tensor = EagerTensor(runtime, host);
  if (runtime.observer() != nullptr) runtime.observer()->OnCreate(tensor);
  return NumberValue(env, static_cast<double>(runtime.Keep(std::move(tensor))));
}

TF_DataType ReadDataType(napi_env env, napi_value value) {
  const int64_t number = ReadInteger(env, value, "the type");
  if (!IsDataType(number)) throw BadArgument(std::to_string(number) + " is no type of TensorFlow's");
  return static_cast<TF_DataType>(number);
}

// createTensor(shape, type, values): number. The values are copied: a typed array, or an array of
// Uint8Arrays for strings.
napi_value CreateTensor(Runtime& runtime, const Call& call) {
  call.Expect(3, "createTensor");
  const Shape shape = ReadTensorShape(call.env(), call[0]);
  const TF_DataType dtype = ReadDataType(call.env(), call[1]);
  runtime.borrowed().DropReturned();
  if (dtype == TF_STRING) {
    return Made(call.env(), runtime, StringTensor(call.env(), shape, call[2]));
  }
  const TypedArray array = ReadValues(call.env(), call[2], dtype, shape);
  return Made(call.env(), runtime, CopiedTensor(dtype, shape, array));
}

// createTensorInPlace(shape, type, values): number. TensorFlow looks at the values where they lie,
// if that is shared memory on a multiple of TensorFlow's alignment; else they are copied. The
// caller must not write to them before the tensor has been deleted.
napi_value CreateTensorInPlace(Runtime& runtime, const Call& call) {
  call.Expect(3, "createTensorInPlace");
  const Shape shape = ReadTensorShape(call.env(), call[0]);
  const TF_DataType dtype = ReadDataType(call.env(), call[1]);
  BorrowedMemory& borrowed = runtime.borrowed();
  borrowed.DropReturned();
  const TypedArray array = ReadValues(call.env(), call[2], dtype, shape);
  const bool is_aligned =
      reinterpret_cast<uintptr_t>(array.data) % TF_TensorDefaultAlignment() == 0;
  // Other memory can be taken away from its array (transferred, resized); truths may be no truths.
  if (!array.is_shared || !is_aligned || array.size_bytes == 0 || dtype == TF_BOOL) {
    return Made(call.env(), runtime, CopiedTensor(dtype, shape, array));
  }
  void* loan = borrowed.Borrow(call[2]);
  const HostTensor host(TF_NewTensor(dtype, shape.data(), static_cast<int>(shape.size()),
                                     array.data, array.size_bytes, BorrowedMemory::Return, loan));
  if (host == nullptr) throw Failure("TF_INTERNAL", "TensorFlow made no tensor of the values");
  return Made(call.env(), runtime, host);
}

// deleteTensor(number)
napi_value DeleteTensor(Runtime& runtime, const Call& call) {
  call.Expect(1, "deleteTensor");
  runtime.Delete(ReadInteger(call.env(), call[0], "the tensor"));
  runtime.borrowed().DropReturned();
  return nullptr;
}

// getNumOfTensors(): number
napi_value GetNumOfTensors(Runtime& runtime, const Call& call) {
  return NumberValue(call.env(), static_cast<double>(runtime.num_tensors()));
}

// getNumOfBorrowedBuffers(): number. How many arrays TensorFlow may still look at in place.
napi_value GetNumOfBorrowedBuffers(Runtime& runtime, const Call& call) {
  BorrowedMemory& borrowed = runtime.borrowed();
  borrowed.DropReturned();
  return NumberValue(call.env(), static_cast<double>(borrowed.num_borrowed()));
}

}  // namespace

void ExportTensors(Exports& exports) {
  exports.Function<CreateTensor>("createTensor");
  exports.Function<CreateTensorInPlace>("createTensorInPlace");
  exports.Function<DeleteTensor>("deleteTensor");
  exports.Function<GetNumOfTensors>("getNumOfTensors");
  exports.Function<GetNumOfBorrowedBuffers>("getNumOfBorrowedBuffers");
}

}  // namespace crossweave
