// GELU (Hendrycks and Gimpel 2016) in its exact form, x times the standard normal distribution function
// of x, and its gradient: one pass over memory each, where composed operations take five and seven.

#include "fused_loops.h"
#include "kernel_call.h"

namespace crossweave {
namespace {

void ComputeGelu(void*, TF_OpKernelContext* context) {
  Guarded(context, [](KernelCall& call) {
    const Values x = call.Input(0);
    float* y = call.OutputOver(0, 0, x.shape);
    ForParts(x.count(), kElementsOfPart, [&](size_t begin, size_t end) {
      Loops().gelu(x.data + begin, y + begin, end - begin);
    });
  });
}

void ComputeGeluGradient(void*, TF_OpKernelContext* context) {
  Guarded(context, [](KernelCall& call) {
    const Values x = call.Input(0);
    const Values dy = call.Input(1);
    RequireSameShape(x, dy, "x and dy");
    float* dx = call.OutputOver(1, 0, dy.shape);
    ForParts(x.count(), kElementsOfPart, [&](size_t begin, size_t end) {
      Loops().gelu_gradient(x.data + begin, dy.data + begin, dx + begin, end - begin);
    });
  });
}

void InferLikeX(TF_ShapeInferenceContext* context, TF_Status* status) {
  OutputsLikeInputs(context, {0}, status);
}

}  // namespace

void RegisterGelu() {
  Register({"CrossweaveGelu", {"x: float"}, {"y: float"}, {}, InferLikeX, nullptr, ComputeGelu,
            nullptr});
  Register({"CrossweaveGeluGrad", {"x: float", "dy: float"}, {"dx: float"}, {}, InferLikeX,
            nullptr, ComputeGeluGradient, nullptr});
}

}  // namespace crossweave
