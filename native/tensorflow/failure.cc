#include "failure.h"

#include <new>

namespace crossweave {
namespace {

struct Fault {
  std::string code;
  std::string message;
  bool pending = false;
};

Fault CurrentFault() {
  try {
    throw;
  } catch (const JavaScriptException&) {
    return {"", "", true};
  } catch (const Failure& failure) {
    return {failure.code(), failure.what()};
  } catch (const std::bad_alloc&) {
    return {"OUT_OF_MEMORY", "the memory does not suffice"};
  } catch (const std::exception& exception) {
    return {"INTERNAL", exception.what()};
  } catch (...) {
    return {"INTERNAL", "an exception of an unknown kind"};
  }
}

}  // namespace

void Require(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  // Asked for first: the next call of Node-API overwrites it.
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  const char* reason = info == nullptr ? nullptr : info->error_message;
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) throw JavaScriptException();
  throw Failure("NODE_API", reason == nullptr ? "a call of Node-API failed" : reason);
}

void ThrowIntoJavaScript(napi_env env) noexcept {
  try {
    const Fault fault = CurrentFault();
    if (fault.pending) return;
    const auto raise = fault.code == "BAD_ARGUMENT" ? napi_throw_type_error : napi_throw_error;
    raise(env, fault.code.c_str(), fault.message.c_str());
  } catch (...) {
    napi_throw_error(env, "OUT_OF_MEMORY", "the memory does not suffice");
  }
}

napi_value ErrorObject(napi_env env) noexcept {
  ThrowIntoJavaScript(env);
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env, &error) != napi_ok) return nullptr;
  return error;
}

}  // namespace crossweave
