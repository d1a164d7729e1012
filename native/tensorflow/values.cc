#include "values.h"

#include <cmath>

#include "runtime.h"

namespace crossweave {
namespace {

// No operation of TensorFlow's takes a longer text; an addon must not be led to allocate without end.
constexpr size_t kMostTextBytes = size_t{1} << 28;

napi_valuetype TypeOf(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  Require(env, napi_typeof(env, value, &type));
  return type;
}

}  // namespace

Call::Call(napi_env env, napi_callback_info info) : env_(env) {
  Require(env, napi_get_cb_info(env, info, &count_, arguments_, nullptr, nullptr));
}

void Call::Expect(size_t count, const char* function) const {
  if (count_ >= count) return;
  throw BadArgument(std::string(function) + " takes " + std::to_string(count) +
                    " arguments; it got " + std::to_string(count_));
}

std::string ReadString(napi_env env, napi_value value, const std::string& what) {
  if (TypeOf(env, value) != napi_string) throw BadArgument(what + " is not a string");
  size_t length = 0;
  Require(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  if (length > kMostTextBytes) throw BadArgument(what + " is too long");
  std::string text(length, '\0');
  // It writes a terminating zero, too: where std::string has one.
  Require(env, napi_get_value_string_utf8(env, value, &text[0], length + 1, &length));
  return text;
}

double ReadNumber(napi_env env, napi_value value, const std::string& what) {
  double number = 0;
  if (TypeOf(env, value) != napi_number) throw BadArgument(what + " is not a number");
  Require(env, napi_get_value_double(env, value, &number));
  return number;
}

int64_t ReadInteger(napi_env env, napi_value value, const std::string& what) {
  if (TypeOf(env, value) == napi_bigint) {
    int64_t whole = 0;
    bool lossless = false;
    Require(env, napi_get_value_bigint_int64(env, value, &whole, &lossless));
    if (!lossless) throw BadArgument(what + " does not fit into 64 bits");
    return whole;
  }
  const double number = ReadNumber(env, value, what);
  if (std::trunc(number) != number || std::fabs(number) > 9007199254740992.0) {
    throw BadArgument(what + " is not a whole number");
  }
  return static_cast<int64_t>(number);
}

int64_t ReadIntegerWithin(napi_env env, napi_value value, int64_t least, int64_t most,
                          const std::string& what) {
  const int64_t number = ReadInteger(env, value, what);
  if (number >= least && number <= most) return number;
  throw BadArgument(what + " is " + std::to_string(number) + ", not within " +
                    std::to_string(least) + " to " + std::to_string(most));
}

bool ReadBoolean(napi_env env, napi_value value, const std::string& what) {
  bool truth = false;
  if (TypeOf(env, value) != napi_boolean) throw BadArgument(what + " is not a boolean");
  Require(env, napi_get_value_bool(env, value, &truth));
  return truth;
}

bool IsArray(napi_env env, napi_value value) {
  bool is_array = false;
  Require(env, napi_is_array(env, value, &is_array));
  return is_array;
}

std::vector<napi_value> ReadArray(napi_env env, napi_value value, size_t most,
                                  const std::string& what) {
  if (!IsArray(env, value)) throw BadArgument(what + " is not an array");
  uint32_t length = 0;
  Require(env, napi_get_array_length(env, value, &length));
  if (length > most) {
    throw BadArgument(what + " has " + std::to_string(length) + " elements, more than " +
                      std::to_string(most));
  }
  std::vector<napi_value> elements(length);
  for (uint32_t place = 0; place < length; ++place) {
    Require(env, napi_get_element(env, value, place, &elements[place]));
  }
  return elements;
}

napi_value ReadProperty(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  Require(env, napi_get_named_property(env, object, name, &value));
  return value;
}

size_t ElementBytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
    case napi_float16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 0;
  }
}

TypedArray ReadTypedArray(napi_env env, napi_value value, const std::string& what) {
  bool is_typed_array = false;
  Require(env, napi_is_typedarray(env, value, &is_typed_array));
  if (!is_typed_array) throw BadArgument(what + " is not a typed array");
  // Node leaves the type as it is where it has no name for it.
  TypedArray array{kUnnamedArray, 0, 0, nullptr, false};
  napi_value buffer = nullptr;
  Require(env, napi_get_typedarray_info(env, value, &array.type, &array.length, &array.data,
                                        &buffer, nullptr));
  array.size_bytes = array.length * ElementBytes(array.type);
  bool is_array_buffer = true;
  Require(env, napi_is_arraybuffer(env, buffer, &is_array_buffer));
  array.is_shared = !is_array_buffer;
  return array;
}

napi_value NumberValue(napi_env env, double value) {
  napi_value result = nullptr;
  Require(env, napi_create_double(env, value, &result));
  return result;
}

napi_value BooleanValue(napi_env env, bool value) {
  napi_value result = nullptr;
  Require(env, napi_get_boolean(env, value, &result));
  return result;
}

napi_value StringValue(napi_env env, const std::string& value) {
  napi_value result = nullptr;
  Require(env, napi_create_string_utf8(env, value.data(), value.size(), &result));
  return result;
}

napi_value ArrayValue(napi_env env, size_t length) {
  napi_value result = nullptr;
  Require(env, napi_create_array_with_length(env, length, &result));
  return result;
}

napi_value ObjectValue(napi_env env) {
  napi_value result = nullptr;
  Require(env, napi_create_object(env, &result));
  return result;
}

void SetElement(napi_env env, napi_value array, size_t place, napi_value value) {
  Require(env, napi_set_element(env, array, static_cast<uint32_t>(place), value));
}

void SetProperty(napi_env env, napi_value object, const char* name, napi_value value) {
  Require(env, napi_set_named_property(env, object, name, value));
}

Runtime& Exports::RuntimeOf(napi_env env) { return Runtime::Of(env); }

void Exports::Function(const char* name, napi_callback callback) {
  napi_value function = nullptr;
  Require(env_, napi_create_function(env_, name, NAPI_AUTO_LENGTH, callback, nullptr, &function));
  Set(name, function);
}

}  // namespace crossweave
