// JavaScript's values as C++ values and back. What is not as expected throws a Failure that names it.

#ifndef CROSSWEAVE_VALUES_H_
#define CROSSWEAVE_VALUES_H_

#include <node_api.h>

#include <cstdint>
#include <string>
#include <vector>

#include "failure.h"

namespace crossweave {

class Runtime;

// The arguments of one call.
class Call {
 public:
  Call(napi_env env, napi_callback_info info);
  napi_env env() const { return env_; }
  // Throws unless at least `count` arguments were given.
  void Expect(size_t count, const char* function) const;
  napi_value operator[](size_t place) const { return arguments_[place]; }

 private:
  static constexpr size_t kMostArguments = 6;
  napi_env env_;
  size_t count_ = kMostArguments;
  napi_value arguments_[kMostArguments];
};

// `what` names the value in the error's text.
std::string ReadString(napi_env env, napi_value value, const std::string& what);
double ReadNumber(napi_env env, napi_value value, const std::string& what);
// A whole number, as number or bigint.
int64_t ReadInteger(napi_env env, napi_value value, const std::string& what);
int64_t ReadIntegerWithin(napi_env env, napi_value value, int64_t least, int64_t most,
                          const std::string& what);
bool ReadBoolean(napi_env env, napi_value value, const std::string& what);

bool IsArray(napi_env env, napi_value value);
// The elements of an array of at most `most`.
std::vector<napi_value> ReadArray(napi_env env, napi_value value, size_t most,
                                  const std::string& what);
napi_value ReadProperty(napi_env env, napi_value object, const char* name);

// A kind of typed array that this Node-API has no name for.
constexpr auto kUnnamedArray = static_cast<napi_typedarray_type>(15);

// What a typed array looks at; `data` stays valid until JavaScript runs again.
struct TypedArray {
  napi_typedarray_type type;
  size_t length;      // elements
  size_t size_bytes;
  void* data;
  bool is_shared;     // its memory can neither move nor go while the array is alive
};
TypedArray ReadTypedArray(napi_env env, napi_value value, const std::string& what);
size_t ElementBytes(napi_typedarray_type type);

napi_value NumberValue(napi_env env, double value);
napi_value BooleanValue(napi_env env, bool value);
napi_value StringValue(napi_env env, const std::string& value);
napi_value ArrayValue(napi_env env, size_t length);
napi_value ObjectValue(napi_env env);
void SetElement(napi_env env, napi_value array, size_t place, napi_value value);
void SetProperty(napi_env env, napi_value object, const char* name, napi_value value);

// What a module exports.
class Exports {
 public:
  Exports(napi_env env, napi_value object) : env_(env), object_(object) {}
  template <napi_value (*body)(Runtime&, const Call&)>
  void Function(const char* name) {
    Function(name, &Border<body>);
  }
  void Number(const char* name, double value) { Set(name, NumberValue(env_, value)); }
  void String(const char* name, const std::string& value) { Set(name, StringValue(env_, value)); }

 private:
  // No C++ exception passes it.
  template <napi_value (*body)(Runtime&, const Call&)>
  static napi_value Border(napi_env env, napi_callback_info info) noexcept {
    try {
      const Call call(env, info);
      return body(RuntimeOf(env), call);
    } catch (...) {
      ThrowIntoJavaScript(env);
      return nullptr;
    }
  }
  static Runtime& RuntimeOf(napi_env env);
  void Function(const char* name, napi_callback callback);
  void Set(const char* name, napi_value value) { SetProperty(env_, object_, name, value); }

  napi_env env_;
  napi_value object_;
};

}  // namespace crossweave

#endif  // CROSSWEAVE_VALUES_H_
