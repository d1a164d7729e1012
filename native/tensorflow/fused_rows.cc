// Sums of columns, the gradient of a bias, and the gradient of a softmax over rows.

#include "fused_loops.h"
#include "kernel_call.h"

namespace crossweave {
namespace {

void ComputeColumnSums(void*, TF_OpKernelContext* context) {
  Guarded(context, [](KernelCall& call) {
    const Values x = call.Input(0);
    const size_t width = x.width();
    float* sums = call.Output(0, {static_cast<int64_t>(width)});
    const auto add = [&](size_t begin, size_t end, float* part_sums) {
      Loops().column_sums({x.data + begin * width, part_sums, end - begin, width});
    };
    SumOverRows(x.num_rows(), {width, width, add, sums});
  });
}

void ComputeSoftmaxGradient(void*, TF_OpKernelContext* context) {
  Guarded(context, [](KernelCall& call) {
    const Values softmax = call.Input(0);
    const Values dy = call.Input(1);
    RequireSameShape(softmax, dy, "softmax and dy");
    const size_t width = softmax.width();
    float* dx = call.OutputOver(1, 0, dy.shape);
    ForParts(softmax.num_rows(), RowsOfPart(width), [&](size_t begin, size_t end) {
      Loops().softmax_gradient({softmax.data + begin * width, dy.data + begin * width,
                                dx + begin * width, end - begin, width});
    });
  });
}

void InferColumnSums(TF_ShapeInferenceContext* context, TF_Status* status) {
  OutputsLikeInputs(context, {-1}, status);
}

void InferSoftmaxGradient(TF_ShapeInferenceContext* context, TF_Status* status) {
  OutputsLikeInputs(context, {0}, status);
}

}  // namespace

void RegisterRows() {
  Register({"CrossweaveColumnSums", {"x: float"}, {"sums: float"}, {}, InferColumnSums, nullptr,
            ComputeColumnSums, nullptr});
  Register({"CrossweaveSoftmaxGrad", {"softmax: float", "dy: float"}, {"dx: float"}, {},
            InferSoftmaxGradient, nullptr, ComputeSoftmaxGradient, nullptr});
}

}  // namespace crossweave
