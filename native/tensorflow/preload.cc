// A small Node addon that opens shared libraries ahead of the binding that needs them.
//
// Why: TensorFlow's libraries write to stderr while they are being opened, before any log level can
// reach them, and CUDA's libraries are found by TensorFlow only where the loader has already seen
// them. Both must happen before the binding opens.

#include <dlfcn.h>
#include <errno.h>
#include <node_api.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace {

// Sends what is written to stderr to an anonymous file while it lives.
class StderrCapture {
 public:
  StderrCapture()
      : capture_(memfd_create("crossweave-stderr", MFD_CLOEXEC)), saved_(-1) {
    if (capture_ < 0) return;
    saved_ = dup(STDERR_FILENO);
    if (saved_ >= 0) dup2(capture_, STDERR_FILENO);
  }
  StderrCapture(const StderrCapture&) = delete;
  StderrCapture& operator=(const StderrCapture&) = delete;
  ~StderrCapture() {
    Restore();
    if (capture_ >= 0) close(capture_);
  }

  std::string Finish() {
    Restore();
    std::string text;
    char block[4096];
    ssize_t count;
    off_t offset = 0;
    while (capture_ >= 0 && (count = pread(capture_, block, sizeof(block), offset)) > 0) {
      text.append(block, static_cast<size_t>(count));
      offset += count;
    }
    return text;
  }

 private:
  void Restore() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    saved_ = -1;
  }
  int capture_;
  int saved_;
};

bool ReadString(napi_env env, napi_value value, std::string* text) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  text->resize(length + 1);
  if (napi_get_value_string_utf8(env, value, &(*text)[0], length + 1, &length) != napi_ok) return false;
  text->resize(length);
  return true;
}

bool ReadStrings(napi_env env, napi_value value, std::vector<std::string>* texts) {
  uint32_t count = 0;
  if (napi_get_array_length(env, value, &count) != napi_ok) return false;
  for (uint32_t index = 0; index < count; index++) {
    napi_value element;
    std::string text;
    if (napi_get_element(env, value, index, &element) != napi_ok) return false;
    if (!ReadString(env, element, &text)) return false;
    texts->push_back(text);
  }
  return true;
}

// preload(paths: string[]): string. Opens the libraries in order and for good, so that a later
// library that names one of them gets it wherever it lies; returns what they wrote to stderr. Their
// symbols stay local: TensorFlow carries codecs of its own that must not replace those of sharp. Throws with
// the loader's words when one does not open.
napi_value Preload(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argument;
  std::vector<std::string> paths;
  if (napi_get_cb_info(env, info, &argc, &argument, nullptr, nullptr) != napi_ok || argc < 1 ||
      !ReadStrings(env, argument, &paths)) {
    napi_throw_type_error(env, nullptr, "preload: expected an array of paths");
    return nullptr;
  }
  StderrCapture capture;
  std::string fault;
  for (const std::string& path : paths) {
    if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) continue;
    const char* reason = dlerror();
    fault = reason == nullptr ? path + ": cannot be opened" : reason;
    break;
  }
  const std::string log = capture.Finish();
  if (!fault.empty()) {
    napi_throw_error(env, nullptr, fault.c_str());
    return nullptr;
  }
  napi_value result;
  if (napi_create_string_utf8(env, log.data(), log.size(), &result) != napi_ok) return nullptr;
  return result;
}

napi_value Init(napi_env env, napi_value exports) {
  napi_value preload;
  if (napi_create_function(env, "preload", NAPI_AUTO_LENGTH, Preload, nullptr, &preload) != napi_ok ||
      napi_set_named_property(env, exports, "preload", preload) != napi_ok) {
    return nullptr;
  }
  return exports;
}

}  // namespace

NAPI_MODULE(crossweave_preload, Init)
