// What TensorFlow's operations take, as it defines them. TensorFlow itself looks only at some of it
// before it executes an operation eagerly, and ends the process over some of the rest.

#ifndef CROSSWEAVE_SIGNATURE_H_
#define CROSSWEAVE_SIGNATURE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "operations.h"
#include "tensorflow/c/c_api.h"

namespace crossweave {

struct AttributeDefinition {
  std::string name;
  std::string type;  // "int", "list(int)"
  // It has a default value, or TensorFlow tells it from the inputs.
  bool is_optional;
};

struct Signature {
  // For each input, in order, whether it is a list of tensors.
  std::vector<bool> is_list;
  std::vector<AttributeDefinition> attributes;

  size_t num_lists() const;
  bool Has(const std::string& attribute) const;
  // Throws unless the operation has as many inputs, and the attributes, that it must have.
  void RequireFulfilled(const Operation& operation) const;
};

// Looked up once for each operation.
class Signatures {
 public:
  // Null where the name is not an operation's: a function's, or nothing's.
  const Signature* Find(const std::string& operation);

 private:
  struct GraphDeleter {
    void operator()(TF_Graph* graph) const { TF_DeleteGraph(graph); }
  };
  std::unique_ptr<TF_Graph, GraphDeleter> graph_{TF_NewGraph()};
  std::unordered_map<std::string, Signature> known_;
};

// Throws where the tensors, strides or windows of a convolution or a pooling have not as many axes
// as they must have: oneDNN's kernels end the process over it.
void RequireAxes(const Operation& operation);

}  // namespace crossweave

#endif  // CROSSWEAVE_SIGNATURE_H_
