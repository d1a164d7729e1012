// How a fault leaves the addon: as a C++ exception up to the border, as a JavaScript error beyond it.

#ifndef CROSSWEAVE_FAILURE_H_
#define CROSSWEAVE_FAILURE_H_

#include <node_api.h>

#include <stdexcept>
#include <string>

namespace crossweave {

// Becomes a JavaScript error with a `code`: BAD_ARGUMENT (a TypeError), BAD_TENSOR, STEP_CAPTURE,
// OUT_OF_MEMORY, NODE_API, or TF_ and the name of TensorFlow's status.
class Failure : public std::runtime_error {
 public:
  Failure(const std::string& code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

inline Failure BadArgument(const std::string& message) { return Failure("BAD_ARGUMENT", message); }

// A JavaScript exception is under way already (a getter threw, the thread is being ended).
class JavaScriptException {};

// Throws what a Node-API status tells; nothing where it is fine.
void Require(napi_env env, napi_status status);

// Throws the exception that is being handled into JavaScript; called in a catch block.
void ThrowIntoJavaScript(napi_env env) noexcept;

// The same as an error object, for a promise; null where the thread is being ended.
napi_value ErrorObject(napi_env env) noexcept;

}  // namespace crossweave

#endif  // CROSSWEAVE_FAILURE_H_
