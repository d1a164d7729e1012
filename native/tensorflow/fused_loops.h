// The inner loops of our own kernels, on float32 of one thread. fused_wide.cc, fused_middle.cc and
// fused_plain.cc compile fused_loops_body.h for three instruction sets; the processor decides at run time.

#ifndef CROSSWEAVE_FUSED_LOOPS_H_
#define CROSSWEAVE_FUSED_LOOPS_H_

#include <cstddef>

namespace crossweave {

// Layer normalisation of whole rows of `width` numbers each.
struct NormRows {
  const float* x;
  const float* gamma;  // [width]
  const float* beta;   // [width]
  float epsilon;
  float* y;
  float* mean;               // [rows]
  float* inverse_deviation;  // [rows]
  size_t num_rows;
  size_t width;
};

struct NormGradientRows {
  const float* dy;
  const float* x;
  const float* mean;               // [rows]
  const float* inverse_deviation;  // [rows]
  const float* gamma;              // [width]
  float* dx;                       // may be dy
  float* dgamma;                   // [width], added to
  float* dbeta;                    // [width], added to
  size_t num_rows;
  size_t width;
};

// The gradient of a softmax over rows of `width` numbers each.
struct SoftmaxGradientRows {
  const float* softmax;
  const float* dy;
  float* dx;  // may be dy
  size_t num_rows;
  size_t width;
};

struct ColumnSumRows {
  const float* x;
  float* sums;  // [width], added to
  size_t num_rows;
  size_t width;
};

struct FusedLoops {
  void (*gelu)(const float* x, float* y, size_t count);
  // dx may be dy.
  void (*gelu_gradient)(const float* x, const float* dy, float* dx, size_t count);
  void (*norm)(const NormRows& rows);
  void (*norm_gradient)(const NormGradientRows& rows);
  void (*softmax_gradient)(const SoftmaxGradientRows& rows);
  void (*column_sums)(const ColumnSumRows& rows);
};

#ifdef __x86_64__
FusedLoops WideLoops();    // AVX-512
FusedLoops MiddleLoops();  // AVX2 with fused multiply and add
#endif
FusedLoops PlainLoops();  // what the compiler takes for granted

// Those for this processor.
const FusedLoops& Loops();

}  // namespace crossweave

#endif  // CROSSWEAVE_FUSED_LOOPS_H_
