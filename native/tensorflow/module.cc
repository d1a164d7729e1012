// A Node addon over TensorFlow's C API. Its interface is that of tfjs-node's binding, which the
// kernels of tfjs call, with captured steps and more types beside it.

#include "module.h"

#include "tensorflow/c/c_api.h"

namespace crossweave {
namespace {

void ExportConstants(Exports& exports) {
  exports.String("TF_Version", TF_Version());
  exports.Number("TF_FLOAT", TF_FLOAT);
  exports.Number("TF_DOUBLE", TF_DOUBLE);
  exports.Number("TF_INT8", TF_INT8);
  exports.Number("TF_INT16", TF_INT16);
  exports.Number("TF_INT32", TF_INT32);
  exports.Number("TF_INT64", TF_INT64);
  exports.Number("TF_UINT8", TF_UINT8);
  exports.Number("TF_UINT16", TF_UINT16);
  exports.Number("TF_BFLOAT16", TF_BFLOAT16);
  exports.Number("TF_HALF", TF_HALF);
  exports.Number("TF_BOOL", TF_BOOL);
  exports.Number("TF_COMPLEX64", TF_COMPLEX64);
  exports.Number("TF_STRING", TF_STRING);
  exports.Number("TF_RESOURCE", TF_RESOURCE);
  exports.Number("TF_ATTR_STRING", TF_ATTR_STRING);
  exports.Number("TF_ATTR_INT", TF_ATTR_INT);
  exports.Number("TF_ATTR_FLOAT", TF_ATTR_FLOAT);
  exports.Number("TF_ATTR_BOOL", TF_ATTR_BOOL);
  exports.Number("TF_ATTR_TYPE", TF_ATTR_TYPE);
  exports.Number("TF_ATTR_SHAPE", TF_ATTR_SHAPE);
  exports.Number("TF_ATTR_FUNC", TF_ATTR_FUNC);
}

napi_value Initialize(napi_env env, napi_value object) noexcept {
  try {
    RegisterOwnKernels();
    Runtime::Attach(env);
    Exports exports(env, object);
    ExportConstants(exports);
    ExportTensors(exports);
    ExportReading(exports);
    ExportOperations(exports);
    ExportCapture(exports);
    ExportProfiling(exports);
    ExportSavedModels(exports);
    ExportMachine(exports);
    ExportCollectives(exports);
    return object;
  } catch (...) {
    ThrowIntoJavaScript(env);
    return nullptr;
  }
}

}  // namespace
}  // namespace crossweave

NAPI_MODULE(crossweave_tensorflow, crossweave::Initialize)
