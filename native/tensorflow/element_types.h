// Which typed arrays hold the values of which of TensorFlow's types.

#ifndef CROSSWEAVE_ELEMENT_TYPES_H_
#define CROSSWEAVE_ELEMENT_TYPES_H_

#include <node_api.h>

#include <cstddef>

#include "tensorflow/c/tf_datatype.h"

namespace crossweave {

struct ElementType {
  TF_DataType dtype;
  // As values are read back; those of float16 and bfloat16 are their bits.
  napi_typedarray_type array;
  // Array elements of one value: two of a complex number.
  size_t parts;
};

// Null for types without a typed array (strings, resources, quantized and tiny types).
const ElementType* FindElementType(TF_DataType dtype);

// How many elements of an array of this type stand for one value of `element`; 0 where such an
// array cannot hold it.
size_t PartsIn(const ElementType& element, napi_typedarray_type array);

const char* NameOfArray(napi_typedarray_type type);

}  // namespace crossweave

#endif  // CROSSWEAVE_ELEMENT_TYPES_H_
