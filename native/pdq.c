// The steps of the perceptual hash PDQ, for WebAssembly with 128-bit SIMD: the inner loops of
// src/audit/perceptual/pdq.ts and window-bank.ts, which lay out the memory.
//
// Every sum is taken in the order of the C++ reference (facebook/ThreatExchange, pdq/cpp) in 32-bit
// floats, so that the hashes are the same bit for bit: what runs in parallel are only independent sums.
//
// native/pdq.wasm is this file, compiled with the PyPI package ziglang 0.17.0:
//   python3 -m ziglang cc -target wasm32-freestanding -O3 -msimd128 -nostdlib -Wl,--no-entry
//     -Wl,--import-memory -Wl,--strip-all -Wl,-z,stack-size=0 native/pdq.c -o native/pdq.wasm
// test/audit/perceptual/native-code.slow.ts compiles it anew and compares the bytes.
#include <stdint.h>
#include <wasm_simd128.h>

enum { SIDE = 64, NUM_FREQUENCIES = 16, NUM_COEFFICIENTS = 256, MEDIAN_RANK = 128 };

// Luma of the pixels of a row of RGB bytes that lie at `offsets`; their number is a multiple of four.
// Up to a byte behind the last pixel is read.
__attribute__((export_name("lumaOfRow"))) void luma_of_row(const uint8_t *row, const int32_t *offsets,
                                                           int32_t num_pixels, float *luma) {
  const v128_t byte = wasm_i32x4_const_splat(255);
  const v128_t from_red = wasm_f32x4_const_splat(0.299f);
  const v128_t from_green = wasm_f32x4_const_splat(0.587f);
  const v128_t from_blue = wasm_f32x4_const_splat(0.114f);
  for (int32_t x = 0; x < num_pixels; x += 4) {
    v128_t pixels = wasm_v128_load32_zero(row + offsets[x]);
    pixels = wasm_v128_load32_lane(row + offsets[x + 1], pixels, 1);
    pixels = wasm_v128_load32_lane(row + offsets[x + 2], pixels, 2);
    pixels = wasm_v128_load32_lane(row + offsets[x + 3], pixels, 3);
    const v128_t red = wasm_f32x4_convert_i32x4(wasm_v128_and(pixels, byte));
    const v128_t green = wasm_f32x4_convert_i32x4(wasm_v128_and(wasm_u32x4_shr(pixels, 8), byte));
    const v128_t blue = wasm_f32x4_convert_i32x4(wasm_v128_and(wasm_u32x4_shr(pixels, 16), byte));
    const v128_t sum =
        wasm_f32x4_add(wasm_f32x4_mul(from_red, red), wasm_f32x4_mul(from_green, green));
    wasm_v128_store(luma + x, wasm_f32x4_add(sum, wasm_f32x4_mul(from_blue, blue)));
  }
}

static inline void transpose_4x4(const float *from, int32_t from_stride, float *to,
                                 int32_t to_stride) {
  const v128_t a = wasm_v128_load(from), b = wasm_v128_load(from + from_stride);
  const v128_t c = wasm_v128_load(from + 2 * from_stride), d = wasm_v128_load(from + 3 * from_stride);
  const v128_t ab = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), cd = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5);
  const v128_t ef = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7), gh = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
  wasm_v128_store(to, wasm_i64x2_shuffle(ab, cd, 0, 2));
  wasm_v128_store(to + to_stride, wasm_i64x2_shuffle(ab, cd, 1, 3));
  wasm_v128_store(to + 2 * to_stride, wasm_i64x2_shuffle(ef, gh, 0, 2));
  wasm_v128_store(to + 3 * to_stride, wasm_i64x2_shuffle(ef, gh, 1, 3));
}

// A mean over a power of two is the same by a product, and much faster.
static inline v128_t divide(v128_t sum, int32_t count) {
  if ((count & (count - 1)) == 0)
    return wasm_f32x4_mul(sum, wasm_f32x4_splat(1.0f / (float)count));
  return wasm_f32x4_div(sum, wasm_f32x4_splat((float)count));
}

// The running mean of eight interleaved lines: item x of a line is at in[8 * x]. The window reaches half
// of its length ahead; at the ends the mean is of what is there.
static inline void running_means(const float *in, float *out, int32_t length, int32_t window) {
  const int32_t ahead = (window + 2) / 2 - 1;
  v128_t a = wasm_f32x4_const_splat(0), b = a;
  int32_t count = 0;
  for (; count < ahead; count++) {
    a = wasm_f32x4_add(a, wasm_v128_load(in + 8 * count));
    b = wasm_f32x4_add(b, wasm_v128_load(in + 8 * count + 4));
  }
  for (int32_t x = 0; x < length; x++) {
    const int32_t enters = x + ahead, leaves = enters - window;
    if (enters < length) {
      a = wasm_f32x4_add(a, wasm_v128_load(in + 8 * enters));
      b = wasm_f32x4_add(b, wasm_v128_load(in + 8 * enters + 4));
      count += leaves < 0;
    } else {
      count--;
    }
    if (leaves >= 0) {
      a = wasm_f32x4_sub(a, wasm_v128_load(in + 8 * leaves));
      b = wasm_f32x4_sub(b, wasm_v128_load(in + 8 * leaves + 4));
    }
    wasm_v128_store(out + 8 * x, divide(a, count));
    wasm_v128_store(out + 8 * x + 4, divide(b, count));
  }
}

// Box filter along the rows, in place. `stride` is a multiple of four, rows are a multiple of eight (those
// too many hold anything); `scratch` has room for sixteen rows.
__attribute__((export_name("blurRows"))) void blur_rows(float *plane, int32_t num_rows,
                                                        int32_t num_columns, int32_t stride,
                                                        int32_t window, float *scratch) {
  float *means = scratch + 8 * stride;
  for (int32_t y = 0; y < num_rows; y += 8) {
    float *rows = plane + y * stride;
    for (int32_t x = 0; x < stride; x += 4) {
      transpose_4x4(rows + x, stride, scratch + 8 * x, 8);
      transpose_4x4(rows + 4 * stride + x, stride, scratch + 8 * x + 4, 8);
    }
    running_means(scratch, means, num_columns, window);
    for (int32_t x = 0; x < stride; x += 4) {
      transpose_4x4(means + 8 * x, 8, rows + x, stride);
      transpose_4x4(means + 8 * x + 4, 8, rows + 4 * stride + x, stride);
    }
  }
}

// Box filter along the columns from `in` to `out`; `sums` is a row.
__attribute__((export_name("blurColumns"))) void blur_columns(const float *in, float *out,
                                                              int32_t num_rows, int32_t stride,
                                                              int32_t window, float *sums) {
  const int32_t ahead = (window + 2) / 2 - 1;
  const v128_t zero = wasm_f32x4_const_splat(0);
  for (int32_t x = 0; x < stride; x += 4) {
    v128_t sum = zero;
    for (int32_t y = 0; y < ahead; y++)
      sum = wasm_f32x4_add(sum, wasm_v128_load(in + y * stride + x));
    wasm_v128_store(sums + x, sum);
  }
  int32_t count = ahead;
  for (int32_t y = 0; y < num_rows; y++) {
    const int32_t enters = y + ahead, leaves = enters - window;
    const float *entering = in + enters * stride, *leaving = in + leaves * stride;
    float *means = out + y * stride;
    if (enters >= num_rows) {
      count--;
      for (int32_t x = 0; x < stride; x += 4) {
        const v128_t sum = wasm_f32x4_sub(wasm_v128_load(sums + x), wasm_v128_load(leaving + x));
        wasm_v128_store(sums + x, sum);
        wasm_v128_store(means + x, divide(sum, count));
      }
    } else if (leaves < 0) {
      count++;
      for (int32_t x = 0; x < stride; x += 4) {
        const v128_t sum = wasm_f32x4_add(wasm_v128_load(sums + x), wasm_v128_load(entering + x));
        wasm_v128_store(sums + x, sum);
        wasm_v128_store(means + x, divide(sum, count));
      }
    } else {
      for (int32_t x = 0; x < stride; x += 4) {
        const v128_t added = wasm_f32x4_add(wasm_v128_load(sums + x), wasm_v128_load(entering + x));
        const v128_t sum = wasm_f32x4_sub(added, wasm_v128_load(leaving + x));
        wasm_v128_store(sums + x, sum);
        wasm_v128_store(means + x, divide(sum, count));
      }
    }
  }
}

// Takes 64 x 64 values: those of 64 rows, which start at `rows`, that lie at `columns`.
__attribute__((export_name("sample"))) void sample(const float *plane, const int32_t *rows,
                                                   const int32_t *columns, float *reduced) {
  for (int32_t y = 0; y < SIDE; y++) {
    const float *row = plane + rows[y];
    for (int32_t x = 0; x < SIDE; x++) *reduced++ = row[columns[x]];
  }
}

// Takes the 64 x 64 values at `places`.
__attribute__((export_name("sampleAt"))) void sample_at(const float *plane, const int32_t *places,
                                                        float *reduced) {
  for (int32_t at = 0; at < SIDE * SIDE; at++) reduced[at] = plane[places[at]];
}

static inline v128_t step_sizes(v128_t a, v128_t b) {
  const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_sub(a, b), wasm_f32x4_const_splat(100));
  const v128_t steps = wasm_f32x4_div(scaled, wasm_f32x4_const_splat(255));
  return wasm_i32x4_abs(wasm_i32x4_trunc_sat_f32x4(steps));
}

// The sum of the steps between neighbours, each in whole percents of white.
__attribute__((export_name("sumOfSteps"))) int32_t sum_of_steps(const float *reduced) {
  v128_t sum = wasm_i32x4_const_splat(0);
  for (int32_t at = 0; at < SIDE * (SIDE - 1); at += 4)
    sum = wasm_i32x4_add(
        sum, step_sizes(wasm_v128_load(reduced + at), wasm_v128_load(reduced + at + SIDE)));
  for (int32_t y = 0; y < SIDE; y++) {
    const float *row = reduced + y * SIDE;
    for (int32_t x = 0; x < SIDE - 4; x += 4)
      sum = wasm_i32x4_add(sum, step_sizes(wasm_v128_load(row + x), wasm_v128_load(row + x + 1)));
    const v128_t last = wasm_v128_load(row + SIDE - 4);
    // The last value has no neighbour; beside itself it counts nothing.
    sum = wasm_i32x4_add(sum, step_sizes(last, wasm_i32x4_shuffle(last, last, 1, 2, 3, 3)));
  }
  return wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) +
         wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3);
}

// Four columns of eight rows of `left` x `right`, where `left` has 64 columns: each sum in order.
static inline void multiply_block(const float *left, const float *right, int32_t stride,
                                  float *product) {
  v128_t s0 = wasm_f32x4_const_splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0,
         s7 = s0;
#define ADD(sum, row)                                                                              \
  sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load32_splat(left + (row)*SIDE + k), values))
  for (int32_t k = 0; k < SIDE; k++) {
    const v128_t values = wasm_v128_load(right + k * stride);
    ADD(s0, 0), ADD(s1, 1), ADD(s2, 2), ADD(s3, 3), ADD(s4, 4), ADD(s5, 5), ADD(s6, 6), ADD(s7, 7);
  }
#undef ADD
  wasm_v128_store(product, s0), wasm_v128_store(product + stride, s1);
  wasm_v128_store(product + 2 * stride, s2), wasm_v128_store(product + 3 * stride, s3);
  wasm_v128_store(product + 4 * stride, s4), wasm_v128_store(product + 5 * stride, s5);
  wasm_v128_store(product + 6 * stride, s6), wasm_v128_store(product + 7 * stride, s7);
}

// The DCT's frequencies 1 to 16 in both directions: cosines [16, 64] x reduced [64, 64] x cosines
// transposed [64, 16]. `half` has room for [16, 64].
__attribute__((export_name("transform"))) void transform(const float *reduced, const float *cosines,
                                                         const float *cosines_transposed,
                                                         float *half, float *coefficients) {
  for (int32_t i = 0; i < NUM_FREQUENCIES; i += 8) {
    for (int32_t j = 0; j < SIDE; j += 4)
      multiply_block(cosines + i * SIDE, reduced + j, SIDE, half + i * SIDE + j);
    for (int32_t j = 0; j < NUM_FREQUENCIES; j += 4)
      multiply_block(half + i * SIDE, cosines_transposed + j, NUM_FREQUENCIES,
                     coefficients + i * NUM_FREQUENCIES + j);
  }
}

static inline int32_t in_order(float value) {
  union {
    float number;
    int32_t bits;
  } both = {value};
  return both.bits ^ ((both.bits >> 31) & 0x7fffffff);
}

// The 128th smallest of 256 numbers, found bit by bit.
static inline float lower_median(const float *values, int32_t *ordered) {
  for (int32_t at = 0; at < NUM_COEFFICIENTS; at++) ordered[at] = in_order(values[at]);
  uint32_t found = 0; // the order's numbers, moved up to be without sign
  for (int32_t bit = 31; bit >= 0; bit--) {
    const uint32_t candidate = found | (1u << bit);
    const v128_t bound = wasm_i32x4_splat((int32_t)(candidate ^ 0x80000000u));
    v128_t below = wasm_i32x4_const_splat(0);
    for (int32_t at = 0; at < NUM_COEFFICIENTS; at += 4)
      below = wasm_i32x4_sub(below, wasm_i32x4_lt(wasm_v128_load(ordered + at), bound));
    const int32_t num_below = wasm_i32x4_extract_lane(below, 0) + wasm_i32x4_extract_lane(below, 1) +
                              wasm_i32x4_extract_lane(below, 2) + wasm_i32x4_extract_lane(below, 3);
    if (num_below < MEDIAN_RANK) found = candidate;
  }
  const int32_t bits = (int32_t)(found ^ 0x80000000u);
  union {
    int32_t bits;
    float number;
  } both = {bits ^ ((bits >> 31) & 0x7fffffff)};
  return both.number;
}

// The hash of a mirrored and turned picture: coefficients change sign with the mirrors and change places
// when the picture is transposed (after it was mirrored). 32 bytes, the highest frequency's first.
// `scratch` has room for 512 numbers.
__attribute__((export_name("hashOf"))) void hash_of(const float *coefficients, int32_t upside_down,
                                                    int32_t left_right, int32_t transposed,
                                                    float *scratch, uint8_t *hash) {
  for (int32_t i = 0; i < NUM_FREQUENCIES; i++) {
    for (int32_t j = 0; j < NUM_FREQUENCIES; j++) {
      const int32_t negative = (upside_down & ~i & 1) ^ (left_right & ~j & 1);
      const float value = coefficients[i * NUM_FREQUENCIES + j];
      const int32_t place = transposed ? j * NUM_FREQUENCIES + i : i * NUM_FREQUENCIES + j;
      scratch[place] = negative ? -value : value;
    }
  }
  const float median = lower_median(scratch, (int32_t *)(scratch + NUM_COEFFICIENTS));
  const v128_t bound = wasm_f32x4_splat(median);
  for (int32_t i = 0; i < NUM_FREQUENCIES; i++) {
    const float *row = scratch + i * NUM_FREQUENCIES;
    uint32_t bits = 0;
    for (int32_t j = 0; j < NUM_FREQUENCIES; j += 4)
      bits |= (uint32_t)wasm_i32x4_bitmask(wasm_f32x4_gt(wasm_v128_load(row + j), bound)) << j;
    hash[30 - 2 * i] = (uint8_t)(bits >> 8);
    hash[31 - 2 * i] = (uint8_t)bits;
  }
}
