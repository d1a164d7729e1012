// The loops for any processor, and the choice among the three.

#include <cmath>
#include <cstdint>
#include <cstring>

#include "fused_loops.h"

namespace crossweave {
namespace {

constexpr size_t kLanes = 4;
#include "fused_loops_body.h"

FusedLoops LoopsOfThisProcessor() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return WideLoops();
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return MiddleLoops();
#endif
  return PlainLoops();
}

}  // namespace

FusedLoops PlainLoops() { return AllLoops(); }

const FusedLoops& Loops() {
  static const FusedLoops loops = LoopsOfThisProcessor();
  return loops;
}

}  // namespace crossweave
