#include <algorithm>
#include <unordered_map>

#include "failure.h"
#include "signature.h"

namespace crossweave {
namespace {

// Of each tensor of a convolution or a pooling; 1 for a list of sizes.
const std::unordered_map<std::string, std::vector<size_t>>& KnownAxes() {
  static const std::unordered_map<std::string, std::vector<size_t>> axes = {
      {"Conv2D", {4, 4}},
      {"Conv2DBackpropFilter", {4, 1, 4}},
      {"Conv2DBackpropInput", {1, 4, 4}},
      {"DepthwiseConv2dNative", {4, 4}},
      {"DepthwiseConv2dNativeBackpropFilter", {4, 1, 4}},
      {"DepthwiseConv2dNativeBackpropInput", {1, 4, 4}},
      {"Conv3D", {5, 5}},
      {"Conv3DBackpropFilterV2", {5, 1, 5}},
      {"Conv3DBackpropInputV2", {1, 5, 5}},
      {"AvgPool", {4}},
      {"AvgPoolGrad", {1, 4}},
      {"MaxPool", {4}},
      {"MaxPoolGrad", {4, 4, 4}},
      {"AvgPool3D", {5}},
      {"AvgPool3DGrad", {1, 5}},
      {"MaxPool3D", {5}},
      {"MaxPool3DGrad", {5, 5, 5}},
  };
  return axes;
}

Failure Wrong(const Operation& operation, const std::string& what, size_t wanted) {
  return BadArgument(Describe(operation.name, operation.inputs) + ": " + what + " must have " +
                     std::to_string(wanted) + (wanted == 1 ? " axis" : " axes"));
}

}  // namespace

void RequireAxes(const Operation& operation) {
  const auto found = KnownAxes().find(operation.name);
  if (found == KnownAxes().end()) return;
  const std::vector<size_t>& wanted = found->second;
  for (size_t place = 0; place < std::min(wanted.size(), operation.inputs.size()); ++place) {
    if (ShapeOf(operation.inputs[place]).size() == wanted[place]) continue;
    throw Wrong(operation, "tensor " + std::to_string(place), wanted[place]);
  }
  const size_t axes = *std::max_element(wanted.begin(), wanted.end());
  for (const char* name : {"strides", "dilations", "ksize"}) {
    const Attribute* attribute = FindAttribute(operation, name);
    if (attribute == nullptr) continue;
    const auto* list = std::get_if<std::vector<int64_t>>(&attribute->value);
    if (list == nullptr || list->size() != axes) throw Wrong(operation, name, axes);
  }
}

}  // namespace crossweave
