// Eager tensors as owned values.

#ifndef CROSSWEAVE_TENSOR_H_
#define CROSSWEAVE_TENSOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensorflow/c/eager/c_api.h"
#include "tensorflow/c/tf_tensor.h"

namespace crossweave {

// A tensor of the eager context. An operation or a read that is under way holds it, too, so that
// JavaScript may delete it at any moment.
using Tensor = std::shared_ptr<TFE_TensorHandle>;
inline Tensor Own(TFE_TensorHandle* handle) { return Tensor(handle, TFE_DeleteTensorHandle); }

struct HostTensorDeleter {
  void operator()(TF_Tensor* tensor) const { TF_DeleteTensor(tensor); }
};
// A tensor in the memory of this process.
using HostTensor = std::unique_ptr<TF_Tensor, HostTensorDeleter>;

using Shape = std::vector<int64_t>;
// TensorFlow ends the process where a shape has more axes.
constexpr size_t kMostAxes = 254;

Shape ShapeOf(const Tensor& tensor);
// The number of elements; a Failure where it does not fit into 63 bits. Axes of -1 are left out.
int64_t ElementsOf(const Shape& shape);
// float32
std::string NameOfType(TF_DataType dtype);
bool IsDataType(int64_t number);
// float32[2,3]
std::string Describe(const Tensor& tensor);
// MatMul(float32[2,3], float32[3,4])
std::string Describe(const std::string& operation, const std::vector<Tensor>& inputs);
// The tensor's values in this process's memory; waits for the device where they are elsewhere.
HostTensor Resolve(const Tensor& tensor);

}  // namespace crossweave

#endif  // CROSSWEAVE_TENSOR_H_
