// Where the time of a captured step goes: TensorFlow's session runs the captured graph with its own
// tracing, which the eager context has not for the operations inside a function.

#include <algorithm>

#include "capture.h"
#include "module.h"
#include "status.h"

namespace crossweave {
namespace {

using Buffer = std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)>;
using Options = std::unique_ptr<TF_SessionOptions, decltype(&TF_DeleteSessionOptions)>;

class Session {
 public:
  explicit Session(TF_Graph* graph) {
    const Options options(TF_NewSessionOptions(), TF_DeleteSessionOptions);
    Status status;
    session_ = TF_NewSession(graph, options.get(), status.get());
    status.Require("a session of the captured step");
  }
  ~Session() {
    Status status;
    TF_CloseSession(session_, status.get());
    TF_DeleteSession(session_, status.get());
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs the step; `metadata` is null, or where the trace goes.
  void Run(const CapturedStep& step, TF_Buffer* metadata) {
    // RunOptions{trace_level: FULL_TRACE}
    static const char kFullTrace[] = {0x08, 0x03};
    const Buffer traced(TF_NewBufferFromString(kFullTrace, sizeof(kFullTrace)), TF_DeleteBuffer);
    std::vector<HostTensor> values;
    std::vector<TF_Tensor*> inputs;
    for (const Tensor& argument : step.argument_values) {
      values.push_back(Resolve(argument));
      inputs.push_back(values.back().get());
    }
    std::vector<TF_Tensor*> outputs(step.outputs.size(), nullptr);
    Status status;
    TF_SessionRun(session_, metadata == nullptr ? nullptr : traced.get(), step.arguments.data(),
                  inputs.data(), static_cast<int>(inputs.size()), step.outputs.data(),
                  outputs.data(), static_cast<int>(outputs.size()), nullptr, 0, metadata,
                  status.get());
    for (TF_Tensor* output : outputs) {
      if (output != nullptr) TF_DeleteTensor(output);
    }
    status.Require("the captured step");
  }

 private:
  TF_Session* session_;
};

// profileCapture(warmUps): a serialized RunMetadata. Runs the captured step, whose results must have
// been named, so many times and then once more, traced; the capture goes on.
napi_value ProfileCapture(Runtime& runtime, const Call& call) {
  call.Expect(1, "profileCapture");
  const int64_t warm_ups = ReadIntegerWithin(call.env(), call[0], 0, 1000, "the warm-ups");
  const CapturedStep step = runtime.Part<Capture>().step();
  if (step.graph == nullptr) throw Failure("STEP_CAPTURE", "no capture is under way");
  Session session(step.graph);
  for (int64_t run = 0; run < warm_ups; ++run) session.Run(step, nullptr);
  const Buffer metadata(TF_NewBuffer(), TF_DeleteBuffer);
  session.Run(step, metadata.get());
  napi_value bytes;
  Require(call.env(), napi_create_buffer_copy(call.env(), metadata->length, metadata->data, nullptr,
                                              &bytes));
  return bytes;
}

}  // namespace

void ExportProfiling(Exports& exports) { exports.Function<ProfileCapture>("profileCapture"); }

}  // namespace crossweave
