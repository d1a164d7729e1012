#include "signature.h"

#include <algorithm>

#include "status.h"
#include "wire.h"

namespace crossweave {
namespace {

// The fields of TensorFlow's op_def.proto.
enum OpDef : uint64_t { kInputArgument = 2, kAttribute = 4 };
enum ArgDef : uint64_t { kTypeAttribute = 4, kNumberAttribute = 5, kTypeListAttribute = 6 };
enum AttrDef : uint64_t { kAttributeName = 1, kAttributeType = 2, kDefaultValue = 3 };

// Whether the argument is a list; the attributes that its tensors tell are added to `inferred`.
bool ReadArgument(Fields argument, std::vector<std::string>& inferred) {
  bool is_list = false;
  while (argument.Next()) {
    const uint64_t field = argument.number();
    if (field < kTypeAttribute || field > kTypeListAttribute || argument.text().empty()) continue;
    inferred.push_back(argument.text());
    if (field != kTypeAttribute) is_list = true;
  }
  return is_list;
}

AttributeDefinition ReadAttribute(Fields attribute) {
  AttributeDefinition definition{"", "", false};
  while (attribute.Next()) {
    if (attribute.number() == kAttributeName) definition.name = attribute.text();
    if (attribute.number() == kAttributeType) definition.type = attribute.text();
    if (attribute.number() == kDefaultValue) definition.is_optional = true;
  }
  return definition;
}

Signature ReadSignature(Fields definition) {
  Signature signature;
  std::vector<std::string> inferred;
  while (definition.Next()) {
    if (definition.number() == kInputArgument) {
      signature.is_list.push_back(ReadArgument(definition.message(), inferred));
    }
    if (definition.number() == kAttribute) {
      signature.attributes.push_back(ReadAttribute(definition.message()));
    }
  }
  for (AttributeDefinition& attribute : signature.attributes) {
    attribute.is_optional = attribute.is_optional || std::find(inferred.begin(), inferred.end(),
                                                               attribute.name) != inferred.end();
  }
  return signature;
}

// In the order of AttributeValue's alternatives.
constexpr const char* kTypeNames[] = {"string",       "int",       "float",       "bool",
                                      "type",         "shape",     "func",        "list(string)",
                                      "list(int)",    "list(float)", "list(bool)", "list(type)"};
static_assert(sizeof(kTypeNames) / sizeof(kTypeNames[0]) == std::variant_size_v<AttributeValue>);

bool IsOfType(const Attribute& attribute, const std::string& type) {
  if (kTypeNames[attribute.value.index()] == type) return true;
  // An empty list is one of anything.
  const auto is_empty = [](const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::vector<int64_t>>) {
      return value.empty();
    }
    return false;
  };
  return type.compare(0, 5, "list(") == 0 && std::visit(is_empty, attribute.value);
}

}  // namespace

size_t Signature::num_lists() const {
  return static_cast<size_t>(std::count(is_list.begin(), is_list.end(), true));
}

bool Signature::Has(const std::string& attribute) const {
  return std::any_of(
      attributes.begin(), attributes.end(),
      [&](const AttributeDefinition& definition) { return definition.name == attribute; });
}

void Signature::RequireFulfilled(const Operation& operation) const {
  const size_t given = operation.inputs.size();
  const size_t singles = is_list.size() - num_lists();
  if (num_lists() == 0 ? given != singles : given < singles) {
    throw BadArgument(Describe(operation.name, operation.inputs) + ": it takes " +
                      (num_lists() == 0 ? "" : "at least ") + std::to_string(singles) +
                      " tensors, not " + std::to_string(given));
  }
  for (const Attribute& attribute : operation.attributes) {
    // Those that begin with _ are TensorFlow's for all operations.
    const bool is_known = attribute.name.compare(0, 1, "_") == 0 || Has(attribute.name);
    if (is_known) continue;
    throw BadArgument(Describe(operation.name, operation.inputs) + ": it has no attribute \"" +
                      attribute.name + "\"");
  }
  for (const AttributeDefinition& definition : attributes) {
    const Attribute* attribute = FindAttribute(operation, definition.name);
    if (attribute == nullptr ? definition.is_optional : IsOfType(*attribute, definition.type)) {
      continue;
    }
    throw BadArgument(Describe(operation.name, operation.inputs) + ": its attribute " +
                      definition.name + " of type " + definition.type +
                      (attribute == nullptr ? " is missing" : " is of another type"));
  }
}

const Signature* Signatures::Find(const std::string& operation) {
  const auto known = known_.find(operation);
  if (known != known_.end()) return &known->second;
  Status status;
  const std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)> definition(TF_NewBuffer(),
                                                                          TF_DeleteBuffer);
  TF_GraphGetOpDef(graph_.get(), operation.c_str(), definition.get(), status.get());
  if (!status.ok()) return nullptr;
  Signature signature = ReadSignature(Fields(definition->data, definition->length));
  return &known_.emplace(operation, std::move(signature)).first->second;
}

}  // namespace crossweave
