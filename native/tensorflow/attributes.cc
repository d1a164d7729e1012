#include "attributes.h"

#include <cmath>
#include <limits>

#include "status.h"
#include "values.h"

namespace crossweave {
namespace {

// No operation has as many attributes, nor an attribute as many elements.
constexpr size_t kMostAttributes = 256;
constexpr size_t kMostElements = size_t{1} << 20;

TF_DataType ReadType(napi_env env, napi_value value, const std::string& what) {
  const int64_t number = ReadInteger(env, value, what);
  if (IsDataType(number)) return static_cast<TF_DataType>(number);
  throw BadArgument(what + " is " + std::to_string(number) + ", no type of TensorFlow's");
}

float ReadFloat(napi_env env, napi_value value, const std::string& what) {
  return static_cast<float>(ReadNumber(env, value, what));
}

unsigned char ReadTruth(napi_env env, napi_value value, const std::string& what) {
  return ReadBoolean(env, value, what) ? 1 : 0;
}

// Fractions are cut off: tfjs passes Math.random() as a seed.
int64_t ReadWhole(napi_env env, napi_value value, const std::string& what) {
  napi_valuetype type = napi_undefined;
  Require(env, napi_typeof(env, value, &type));
  if (type != napi_number) return ReadInteger(env, value, what);
  const double number = std::trunc(ReadNumber(env, value, what));
  if (std::fabs(number) < 9.2e18) return static_cast<int64_t>(number);
  throw BadArgument(what + " does not fit into 64 bits");
}

ShapeAttribute ReadShapeAttribute(napi_env env, napi_value value, const std::string& what) {
  Shape sizes;
  for (napi_value size : ReadArray(env, value, kMostAxes, what)) {
    sizes.push_back(ReadIntegerWithin(env, size, -1, std::numeric_limits<int64_t>::max(),
                                      "an axis of " + what));
  }
  ElementsOf(sizes);
  return {sizes};
}

template <typename T>
std::vector<T> ReadList(napi_env env, napi_value value, const std::string& what,
                        T (*read)(napi_env, napi_value, const std::string&)) {
  std::vector<T> list;
  for (napi_value element : ReadArray(env, value, kMostElements, what)) {
    list.push_back(read(env, element, "an element of " + what));
  }
  return list;
}

AttributeValue ReadValue(napi_env env, int64_t type, napi_value value, const std::string& what) {
  const bool is_list = IsArray(env, value);
  switch (type) {
    case TF_ATTR_STRING:
      if (is_list) return ReadList(env, value, what, ReadString);
      return ReadString(env, value, what);
    case TF_ATTR_INT:
      if (is_list) return ReadList(env, value, what, ReadWhole);
      return ReadWhole(env, value, what);
    case TF_ATTR_FLOAT:
      if (is_list) return ReadList(env, value, what, ReadFloat);
      return ReadFloat(env, value, what);
    case TF_ATTR_BOOL:
      if (is_list) return ReadList(env, value, what, ReadTruth);
      return ReadBoolean(env, value, what);
    case TF_ATTR_TYPE:
      if (is_list) return ReadList(env, value, what, ReadType);
      return ReadType(env, value, what);
    case TF_ATTR_SHAPE:
      return ReadShapeAttribute(env, value, what);
    case TF_ATTR_FUNC:
      return FunctionName{ReadString(env, value, what)};
    default:
      throw BadArgument(what + " is of the unknown kind " + std::to_string(type));
  }
}

struct Pointers {
  explicit Pointers(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      data.push_back(text.data());
      sizes.push_back(text.size());
    }
  }
  std::vector<const void*> data;
  std::vector<size_t> sizes;
};

template <typename T>
int CountOf(const std::vector<T>& list) {
  return static_cast<int>(list.size());
}

// The two C interfaces offer the same calls under two prefixes.
struct EagerSetter {
  TFE_Op* op;
  const char* name;
  void operator()(const std::string& text) const {
    TFE_OpSetAttrString(op, name, text.data(), text.size());
  }
  void operator()(int64_t number) const { TFE_OpSetAttrInt(op, name, number); }
  void operator()(float number) const { TFE_OpSetAttrFloat(op, name, number); }
  void operator()(bool truth) const { TFE_OpSetAttrBool(op, name, truth ? 1 : 0); }
  void operator()(TF_DataType type) const { TFE_OpSetAttrType(op, name, type); }
  void operator()(const ShapeAttribute& shape) const {
    Status status;
    TFE_OpSetAttrShape(op, name, shape.sizes.data(), CountOf(shape.sizes), status.get());
    status.Require(name);
  }
  void operator()(const FunctionName& function) const {
    TFE_OpSetAttrFunctionName(op, name, function.name.data(), function.name.size());
  }
  void operator()(const std::vector<std::string>& texts) const {
    const Pointers pointers(texts);
    TFE_OpSetAttrStringList(op, name, pointers.data.data(), pointers.sizes.data(), CountOf(texts));
  }
  void operator()(const std::vector<int64_t>& list) const {
    TFE_OpSetAttrIntList(op, name, list.data(), CountOf(list));
  }
  void operator()(const std::vector<float>& list) const {
    TFE_OpSetAttrFloatList(op, name, list.data(), CountOf(list));
  }
  void operator()(const std::vector<unsigned char>& list) const {
    TFE_OpSetAttrBoolList(op, name, list.data(), CountOf(list));
  }
  void operator()(const std::vector<TF_DataType>& list) const {
    TFE_OpSetAttrTypeList(op, name, list.data(), CountOf(list));
  }
};

struct GraphSetter {
  TF_OperationDescription* node;
  const char* name;
  void operator()(const std::string& text) const {
    TF_SetAttrString(node, name, text.data(), text.size());
  }
  void operator()(int64_t number) const { TF_SetAttrInt(node, name, number); }
  void operator()(float number) const { TF_SetAttrFloat(node, name, number); }
  void operator()(bool truth) const { TF_SetAttrBool(node, name, truth ? 1 : 0); }
  void operator()(TF_DataType type) const { TF_SetAttrType(node, name, type); }
  void operator()(const ShapeAttribute& shape) const {
    TF_SetAttrShape(node, name, shape.sizes.data(), CountOf(shape.sizes));
  }
  void operator()(const FunctionName& function) const {
    TF_SetAttrFuncName(node, name, function.name.data(), function.name.size());
  }
  void operator()(const std::vector<std::string>& texts) const {
    const Pointers pointers(texts);
    TF_SetAttrStringList(node, name, pointers.data.data(), pointers.sizes.data(), CountOf(texts));
  }
  void operator()(const std::vector<int64_t>& list) const {
    TF_SetAttrIntList(node, name, list.data(), CountOf(list));
  }
  void operator()(const std::vector<float>& list) const {
    TF_SetAttrFloatList(node, name, list.data(), CountOf(list));
  }
  void operator()(const std::vector<unsigned char>& list) const {
    TF_SetAttrBoolList(node, name, list.data(), CountOf(list));
  }
  void operator()(const std::vector<TF_DataType>& list) const {
    TF_SetAttrTypeList(node, name, list.data(), CountOf(list));
  }
};

}  // namespace

std::vector<Attribute> ReadAttributes(napi_env env, napi_value value) {
  std::vector<Attribute> attributes;
  for (napi_value entry : ReadArray(env, value, kMostAttributes, "the attributes")) {
    std::string name = ReadString(env, ReadProperty(env, entry, "name"), "an attribute's name");
    const std::string what = "the attribute " + name;
    const int64_t type = ReadInteger(env, ReadProperty(env, entry, "type"), "the type of " + what);
    AttributeValue read = ReadValue(env, type, ReadProperty(env, entry, "value"), what);
    attributes.push_back({std::move(name), std::move(read)});
  }
  return attributes;
}

void SetAttribute(TFE_Op* operation, const Attribute& attribute) {
  std::visit(EagerSetter{operation, attribute.name.c_str()}, attribute.value);
}

void SetAttribute(TF_OperationDescription* node, const Attribute& attribute) {
  std::visit(GraphSetter{node, attribute.name.c_str()}, attribute.value);
}

}  // namespace crossweave
