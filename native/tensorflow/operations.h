// Executing TensorFlow's operations and functions.

#ifndef CROSSWEAVE_OPERATIONS_H_
#define CROSSWEAVE_OPERATIONS_H_

#include <string>
#include <vector>

#include "attributes.h"
#include "runtime.h"
#include "tensor.h"

namespace crossweave {

struct Operation {
  // Of an operation, or of a function of the context.
  std::string name;
  std::vector<Attribute> attributes;
  std::vector<Tensor> inputs;
  int num_outputs;
};

// Null where it has none of that name.
const Attribute* FindAttribute(const Operation& operation, const std::string& name);

// On any thread; the observer is not told. Throws what TensorFlow says, with the inputs' types and shapes.
std::vector<Tensor> Execute(TFE_Context* context, const Operation& operation);

// The numbers of tensors in a JavaScript array.
std::vector<int64_t> ReadTensorNumbers(napi_env env, napi_value value);

// An array of {id, shape, dtype} for tfjs; the tensors get their numbers.
napi_value DescribedOutputs(napi_env env, Runtime& runtime, const std::vector<Tensor>& outputs);

}  // namespace crossweave

#endif  // CROSSWEAVE_OPERATIONS_H_
