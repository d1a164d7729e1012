#include "tensor.h"

#include <limits>

#include "failure.h"
#include "status.h"

namespace crossweave {
namespace {

// Beside the number of an enumerator of TF_DataType.
constexpr const char* kTypeNames[] = {
    nullptr,   "float32", "float64", "int32",  "uint8",      "int16",    "int8",
    "string",  "complex64", "int64", "bool",   "qint8",      "quint8",   "qint32",
    "bfloat16", "qint16", "quint16", "uint16", "complex128", "float16",  "resource",
    "variant", "uint32",  "uint64"};

}  // namespace

Shape ShapeOf(const Tensor& tensor) {
  Status status;
  const int rank = TFE_TensorHandleNumDims(tensor.get(), status.get());
  status.Require("shape");
  Shape shape(static_cast<size_t>(rank < 0 ? 0 : rank));
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    shape[axis] = TFE_TensorHandleDim(tensor.get(), static_cast<int>(axis), status.get());
    status.Require("shape");
  }
  return shape;
}

int64_t ElementsOf(const Shape& shape) {
  // TensorFlow multiplies in order and ends the process on overflow, even where an axis of 0 follows.
  int64_t bound = 1;
  bool is_empty = false;
  for (const int64_t size : shape) {
    if (size == 0) is_empty = true;
    if (size <= 0) continue;
    if (bound > std::numeric_limits<int64_t>::max() / size) {
      throw BadArgument("the shape has more elements than a tensor can hold");
    }
    bound *= size;
  }
  return is_empty ? 0 : bound;
}

std::string NameOfType(TF_DataType dtype) {
  const auto number = static_cast<size_t>(dtype);
  const bool has_name = number > 0 && number < sizeof(kTypeNames) / sizeof(kTypeNames[0]);
  return has_name ? kTypeNames[number] : "type " + std::to_string(number);
}

bool IsDataType(int64_t number) { return number >= TF_FLOAT && number <= TF_FLOAT4_E2M1FN; }

std::string Describe(const Tensor& tensor) {
  std::string text = NameOfType(TFE_TensorHandleDataType(tensor.get())) + "[";
  std::string separator;
  for (const int64_t size : ShapeOf(tensor)) {
    text += separator + std::to_string(size);
    separator = ",";
  }
  return text + "]";
}

std::string Describe(const std::string& operation, const std::vector<Tensor>& inputs) {
  // A compiled step has hundreds of inputs.
  constexpr size_t kMostDescribed = 8;
  std::string text = operation + "(";
  for (size_t place = 0; place < inputs.size() && place < kMostDescribed; ++place) {
    text += (place == 0 ? "" : ", ") + Describe(inputs[place]);
  }
  if (inputs.size() > kMostDescribed) {
    text += ", and " + std::to_string(inputs.size() - kMostDescribed) + " more";
  }
  return text + ")";
}

HostTensor Resolve(const Tensor& tensor) {
  Status status;
  HostTensor host(TFE_TensorHandleResolve(tensor.get(), status.get()));
  status.Require("reading " + Describe(tensor));
  return host;
}

}  // namespace crossweave
