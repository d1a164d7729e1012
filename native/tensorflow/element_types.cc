#include "element_types.h"

namespace crossweave {
namespace {

constexpr ElementType kElementTypes[] = {
    {TF_FLOAT, napi_float32_array, 1},     {TF_INT32, napi_int32_array, 1},
    {TF_BOOL, napi_uint8_array, 1},        {TF_UINT8, napi_uint8_array, 1},
    {TF_BFLOAT16, napi_uint16_array, 1},   {TF_HALF, napi_uint16_array, 1},
    {TF_INT64, napi_bigint64_array, 1},    {TF_UINT64, napi_biguint64_array, 1},
    {TF_DOUBLE, napi_float64_array, 1},    {TF_INT8, napi_int8_array, 1},
    {TF_INT16, napi_int16_array, 1},       {TF_UINT16, napi_uint16_array, 1},
    {TF_UINT32, napi_uint32_array, 1},     {TF_COMPLEX64, napi_float32_array, 2},
    {TF_COMPLEX128, napi_float64_array, 2},
};

}  // namespace

const ElementType* FindElementType(TF_DataType dtype) {
  for (const ElementType& element : kElementTypes) {
    if (element.dtype == dtype) return &element;
  }
  return nullptr;
}

size_t PartsIn(const ElementType& element, napi_typedarray_type array) {
  if (array == element.array) return element.parts;
  // tfjs has no 64-bit integers and writes them as pairs of 32 bits.
  if (element.dtype == TF_INT64 && array == napi_int32_array) return 2;
  if (element.dtype == TF_UINT8 && array == napi_uint8_clamped_array) return 1;
  if (element.dtype == TF_HALF && array == napi_float16_array) return 1;
  return 0;
}

const char* NameOfArray(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array: return "Int8Array";
    case napi_uint8_array: return "Uint8Array";
    case napi_uint8_clamped_array: return "Uint8ClampedArray";
    case napi_int16_array: return "Int16Array";
    case napi_uint16_array: return "Uint16Array";
    case napi_int32_array: return "Int32Array";
    case napi_uint32_array: return "Uint32Array";
    case napi_float16_array: return "Float16Array";
    case napi_float32_array: return "Float32Array";
    case napi_float64_array: return "Float64Array";
    case napi_bigint64_array: return "BigInt64Array";
    case napi_biguint64_array: return "BigUint64Array";
    default: return "typed array of an unknown kind";
  }
}

}  // namespace crossweave
