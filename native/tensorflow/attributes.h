// The attributes of an operation, as C++ values.

#ifndef CROSSWEAVE_ATTRIBUTES_H_
#define CROSSWEAVE_ATTRIBUTES_H_

#include <node_api.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tensor.h"
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

namespace crossweave {

struct FunctionName {
  std::string name;
};

// A shape as an attribute; axes of -1 are unknown.
struct ShapeAttribute {
  Shape sizes;
};

using AttributeValue =
    std::variant<std::string, int64_t, float, bool, TF_DataType, ShapeAttribute, FunctionName,
                 std::vector<std::string>, std::vector<int64_t>, std::vector<float>,
                 std::vector<unsigned char>, std::vector<TF_DataType>>;

struct Attribute {
  std::string name;
  AttributeValue value;
};

// Of an array of {name, type, value}; `type` is a number of TF_AttrType.
std::vector<Attribute> ReadAttributes(napi_env env, napi_value value);

// Gives an eager operation, or a node of a graph, the attribute.
void SetAttribute(TFE_Op* operation, const Attribute& attribute);
void SetAttribute(TF_OperationDescription* node, const Attribute& attribute);

}  // namespace crossweave

#endif  // CROSSWEAVE_ATTRIBUTES_H_
