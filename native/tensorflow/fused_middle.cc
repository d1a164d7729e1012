// The loops for processors with AVX2.

#include "fused_loops.h"

#ifdef __x86_64__

#include <cmath>
#include <cstdint>
#include <cstring>

// After the headers: what they define inline must not be compiled for this instruction set.
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace crossweave {
namespace {

constexpr size_t kLanes = 8;
#include "fused_loops_body.h"

}  // namespace
}  // namespace crossweave

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace crossweave {

FusedLoops MiddleLoops() { return AllLoops(); }

}  // namespace crossweave

#endif  // __x86_64__
