// Separable resampling of RGB pixels with 8 bits a channel, for WebAssembly with 128-bit SIMD: the inner
// loops of src/pixels/resampler.ts, which computes the weights.
//
// native/resample.wasm is this file, compiled with the PyPI package ziglang 0.17.0:
//   python3 -m ziglang cc -target wasm32-freestanding -O3 -msimd128 -nostdlib -Wl,--no-entry
//     -Wl,--import-memory -Wl,--strip-all -Wl,-z,stack-size=0 native/resample.c -o native/resample.wasm
// test/pixels/resampler.slow.ts compiles it anew and compares the bytes.
#include <stdint.h>
#include <wasm_simd128.h>

// Weights have 14 bits after the point; the sums between the two passes have 6, and room for overshoot.
enum { WEIGHT_BITS = 14, SUM_BITS = 6 };

// The weighted sum of `num_taps` rows, an even number; a pair of weights is one 32-bit word. Takes 16
// bytes at a time: up to 15 bytes behind the last row are read, and as many sums too many are written.
static inline void blend_rows(const uint8_t *rows, int32_t stride, int32_t row_bytes, int32_t num_taps,
                              const int32_t *weights, int16_t *sums) {
  enum { SHIFT = WEIGHT_BITS - SUM_BITS };
  for (int32_t x = 0; x < row_bytes; x += 16) {
    v128_t a = wasm_i32x4_const_splat(1 << (SHIFT - 1)), b = a, c = a, d = a;
    const uint8_t *at = rows + x;
    for (int32_t tap = 0; tap < num_taps; tap += 2, at += 2 * stride) {
      const v128_t weight = wasm_v128_load32_splat(weights + tap / 2);
      const v128_t upper = wasm_v128_load(at), lower = wasm_v128_load(at + stride);
      const v128_t left = wasm_i8x16_shuffle(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                             6, 22, 7, 23);
      const v128_t right = wasm_i8x16_shuffle(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                              13, 29, 14, 30, 15, 31);
      a = wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(wasm_u16x8_extend_low_u8x16(left), weight));
      b = wasm_i32x4_add(b, wasm_i32x4_dot_i16x8(wasm_u16x8_extend_high_u8x16(left), weight));
      c = wasm_i32x4_add(c, wasm_i32x4_dot_i16x8(wasm_u16x8_extend_low_u8x16(right), weight));
      d = wasm_i32x4_add(d, wasm_i32x4_dot_i16x8(wasm_u16x8_extend_high_u8x16(right), weight));
    }
    a = wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(a, SHIFT), wasm_i32x4_shr(b, SHIFT));
    c = wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(c, SHIFT), wasm_i32x4_shr(d, SHIFT));
    wasm_v128_store(sums + x, a);
    wasm_v128_store(sums + x + 8, c);
  }
}

// One pixel from its neighbours in a row of sums: lanes red, green, blue, and one without meaning.
static inline v128_t blend_pixel(const int16_t *at, int32_t num_taps, const int32_t *weights) {
  v128_t sum = wasm_i32x4_const_splat(1 << (WEIGHT_BITS + SUM_BITS - 1));
  for (int32_t tap = 0; tap < num_taps; tap += 2, at += 6) {
    const v128_t two = wasm_v128_load(at);
    const v128_t pairs = wasm_i16x8_shuffle(two, two, 0, 3, 1, 4, 2, 5, 6, 7);
    const v128_t weight = wasm_v128_load32_splat(weights + tap / 2);
    sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(pairs, weight));
  }
  return wasm_i32x4_shr(sum, WEIGHT_BITS + SUM_BITS);
}

static inline void blend(const int16_t *sums, int32_t num_pixels, int32_t num_taps,
                         const int32_t *starts, const int32_t *weights, uint8_t *row) {
  const int32_t step = num_taps / 2;
  for (int32_t x = 0; x < num_pixels; x += 4, starts += 4, weights += 4 * step, row += 12) {
    const v128_t a = blend_pixel(sums + starts[0], num_taps, weights);
    const v128_t b = blend_pixel(sums + starts[1], num_taps, weights + step);
    const v128_t c = blend_pixel(sums + starts[2], num_taps, weights + 2 * step);
    const v128_t d = blend_pixel(sums + starts[3], num_taps, weights + 3 * step);
    const v128_t ab = wasm_i16x8_narrow_i32x4(a, b), cd = wasm_i16x8_narrow_i32x4(c, d);
    const v128_t bytes = wasm_u8x16_narrow_i16x8(ab, cd);
    wasm_v128_store(row, wasm_i8x16_shuffle(bytes, bytes, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3,
                                            7, 11, 15));
  }
}

// One row of pixels from a row of sums; `starts` are positions in it. Takes four pixels at a time: there
// are weights and starts for a multiple of four, and up to 13 bytes behind the row are written.
static void blend_columns(const int16_t *sums, int32_t num_pixels, int32_t num_taps,
                          const int32_t *starts, const int32_t *weights, uint8_t *row) {
  switch (num_taps) { // a known number is unrolled
  case 2:
    return blend(sums, num_pixels, 2, starts, weights, row);
  case 4:
    return blend(sums, num_pixels, 4, starts, weights, row);
  case 6:
    return blend(sums, num_pixels, 6, starts, weights, row);
  case 8:
    return blend(sums, num_pixels, 8, starts, weights, row);
  default:
    return blend(sums, num_pixels, num_taps, starts, weights, row);
  }
}

// A picture: each of its rows from the source's rows that begin at `row_starts` (in bytes) and of which
// `row_counts` have weight, then its pixels. `row_taps` and `column_taps` are the room that each row and
// pixel has among the weights.
__attribute__((export_name("resample"))) void
resample(const uint8_t *pixels, int32_t stride, int32_t row_bytes, int32_t num_rows, int32_t row_taps,
         const int32_t *row_starts, const int32_t *row_counts, const int32_t *row_weights,
         int16_t *sums, int32_t num_columns, int32_t column_taps, const int32_t *column_starts,
         const int32_t *column_weights, uint8_t *result) {
  for (int32_t y = 0; y < num_rows; y += 1) {
    const uint8_t *rows = pixels + row_starts[y];
    blend_rows(rows, stride, row_bytes, row_counts[y], row_weights + y * (row_taps / 2), sums);
    blend_columns(sums, num_columns, column_taps, column_starts, column_weights,
                  result + y * num_columns * 3);
  }
}
