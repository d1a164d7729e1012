// Layer normalisation (Ba et al. 2016) over the last axis and its gradient.

#include <algorithm>

#include "fused_loops.h"
#include "kernel_call.h"
#include "status.h"

namespace crossweave {
namespace {

struct NormKernel {
  float epsilon = 0;
};

void* CreateNorm(TF_OpKernelConstruction* construction) {
  auto kernel = std::make_unique<NormKernel>();
  Status status;
  TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", &kernel->epsilon, status.get());
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status.get());
  return kernel.release();
}

void DestroyNorm(void* kernel) { delete static_cast<NormKernel*>(kernel); }

void RequireWidth(const Values& values, size_t width, const char* name) {
  if (values.shape != Shape{static_cast<int64_t>(width)}) {
    throw Failure("TF_INVALID_ARGUMENT",
                  std::string(name) + " is not of the size of x's last axis");
  }
}

void ComputeNorm(void* kernel, TF_OpKernelContext* context) {
  const float epsilon = static_cast<NormKernel*>(kernel)->epsilon;
  Guarded(context, [epsilon](KernelCall& call) {
    const Values x = call.Input(0);
    const Values gamma = call.Input(1);
    const Values beta = call.Input(2);
    const size_t width = x.width();
    RequireWidth(gamma, width, "gamma");
    RequireWidth(beta, width, "beta");
    const Shape per_row{static_cast<int64_t>(x.num_rows())};
    float* y = call.Output(0, x.shape);
    float* mean = call.Output(1, per_row);
    float* inverse_deviation = call.Output(2, per_row);
    ForParts(x.num_rows(), RowsOfPart(width), [&](size_t begin, size_t end) {
      Loops().norm({x.data + begin * width, gamma.data, beta.data, epsilon, y + begin * width,
                    mean + begin, inverse_deviation + begin, end - begin, width});
    });
  });
}

struct NormGradientInputs {
  Values dy, x, mean, inverse_deviation, gamma;
};

NormGradientInputs ReadNormGradient(KernelCall& call) {
  NormGradientInputs inputs{call.Input(0), call.Input(1), call.Input(2), call.Input(3),
                            call.Input(4)};
  RequireSameShape(inputs.dy, inputs.x, "dy and x");
  RequireWidth(inputs.gamma, inputs.x.width(), "gamma");
  if (inputs.mean.count() != inputs.x.num_rows()) {
    throw Failure("TF_INVALID_ARGUMENT", "mean has not one number for each row of x");
  }
  RequireSameShape(inputs.mean, inputs.inverse_deviation, "mean and inverse_deviation");
  return inputs;
}

void ComputeNormGradient(void*, TF_OpKernelContext* context) {
  Guarded(context, [](KernelCall& call) {
    const NormGradientInputs in = ReadNormGradient(call);
    const size_t width = in.x.width();
    float* dx = call.OutputOver(0, 0, in.x.shape);
    float* dgamma = call.Output(1, in.gamma.shape);
    float* dbeta = call.Output(2, in.gamma.shape);
    std::vector<float> both(2 * width);
    const auto add = [&](size_t begin, size_t end, float* sums) {
      Loops().norm_gradient({in.dy.data + begin * width, in.x.data + begin * width,
                             in.mean.data + begin, in.inverse_deviation.data + begin,
                             in.gamma.data, dx + begin * width, sums, sums + width, end - begin,
                             width});
    };
    SumOverRows(in.x.num_rows(), {width, 2 * width, add, both.data()});
    std::copy_n(both.data(), width, dgamma);
    std::copy_n(both.data() + width, width, dbeta);
  });
}

void InferNorm(TF_ShapeInferenceContext* context, TF_Status* status) {
  OutputsLikeInputs(context, {0, -1, -1}, status);
}

void InferNormGradient(TF_ShapeInferenceContext* context, TF_Status* status) {
  OutputsLikeInputs(context, {0, 4, 4}, status);
}

}  // namespace

void RegisterNorm() {
  Register({"CrossweaveLayerNorm",
            {"x: float", "gamma: float", "beta: float"},
            {"y: float", "mean: float", "inverse_deviation: float"},
            {"epsilon: float"},
            InferNorm,
            CreateNorm,
            ComputeNorm,
            DestroyNorm});
  Register({"CrossweaveLayerNormGrad",
            {"dy: float", "x: float", "mean: float", "inverse_deviation: float", "gamma: float"},
            {"dx: float", "dgamma: float", "dbeta: float"},
            {},
            InferNormGradient,
            nullptr,
            ComputeNormGradient,
            nullptr});
}

}  // namespace crossweave
