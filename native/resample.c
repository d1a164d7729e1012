// Separable resampling of RGB pixels with 8 bits a channel, for WebAssembly with 128-bit SIMD: the inner
// loops of src/pixels/resampler.ts, which computes the weights.
//
// native/resample.wasm is this file, compiled with the PyPI package ziglang 0.17.0:
//   python3 -m ziglang cc -target wasm32-freestanding -O3 -msimd128 -mrelaxed-simd -nostdlib
//     -Wl,--no-entry -Wl,--import-memory -Wl,--strip-all -Wl,-z,stack-size=0 native/resample.c -o native/resample.wasm
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
    blend_rows(rows, stride, row_bytes, (row_counts[y] + 1) & ~1, row_weights + y * (row_taps / 2), sums);
    blend_columns(sums, num_columns, column_taps, column_starts, column_weights,
                  result + y * num_columns * 3);
  }
}

// The same for few taps, about twice as fast: eight rows at a time stand beside each other in a vector, so
// that nothing is shuffled between taps. Products are rounded to 16 bits one by one: the sums between the
// passes have 6 bits after the point, those of the second pass 5. Processors differ in the relaxed product of
// -32768 and -32768 alone, which is none of ours: weights have 14 bits.
enum { ROWS = 8, LAST_BITS = 5, PIXEL_BITS = 15 - WEIGHT_BITS + SUM_BITS };

#define LOW_16(a, b) wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_16(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW_8(a, b) wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_8(a, b) \
  wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// Rows of eight numbers to columns of eight.
static inline void transpose(const v128_t *row, v128_t *column) {
  v128_t once[8], twice[8];
  for (int i = 0; i < 4; i += 1) {
    once[i] = LOW_16(row[i], row[i + 4]);
    once[i + 4] = HIGH_16(row[i], row[i + 4]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = i; j < i + 2; j += 1) {
      twice[j] = LOW_16(once[j], once[j + 2]);
      twice[j + 2] = HIGH_16(once[j], once[j + 2]);
    }
  for (int i = 0; i < 8; i += 2) {
    column[i] = LOW_16(twice[i], twice[i + 1]);
    column[i + 1] = HIGH_16(twice[i], twice[i + 1]);
  }
}

// Eight weighted sums of rows, column by column; `weights` are doubled to words of 32 bits. Takes 16
// bytes at a time, as `blend_rows` does.
static inline void rows_to_columns(const uint8_t *pixels, int32_t stride, int32_t row_bytes,
                                   const int32_t *starts, int32_t num_taps, int32_t room,
                                   const int32_t *weights, v128_t *sums) {
  for (int32_t x = 0; x < row_bytes; x += 16, sums += 16) {
    v128_t left[ROWS], right[ROWS];
#pragma clang loop unroll(full)
    for (int32_t y = 0; y < ROWS; y += 1) {
      const uint8_t *at = pixels + starts[y] + x;
      v128_t low = wasm_i16x8_const_splat(0), high = low;
      for (int32_t tap = 0; tap < num_taps; tap += 1, at += stride) {
        const v128_t weight = wasm_v128_load32_splat(weights + y * room + tap);
        const v128_t first = wasm_i16x8_shl(wasm_u16x8_load8x8(at), PIXEL_BITS);
        const v128_t second = wasm_i16x8_shl(wasm_u16x8_load8x8(at + 8), PIXEL_BITS);
        low = wasm_i16x8_add(low, wasm_i16x8_relaxed_q15mulr(first, weight));
        high = wasm_i16x8_add(high, wasm_i16x8_relaxed_q15mulr(second, weight));
      }
      left[y] = low;
      right[y] = high;
    }
    transpose(left, sums);
    transpose(right, sums + 8);
  }
}

// Pixels of eight rows: bytes of red, green and blue, each of them eight rows high.
static inline void blend_eights(const v128_t *sums, int32_t num_columns, const int32_t *starts,
                                int32_t num_taps, int32_t room, const int32_t *weights,
                                v128_t *pixels) {
  v128_t left[3];
  for (int32_t x = 0; x < num_columns; x += 1, weights += room) {
    v128_t red = wasm_i16x8_const_splat(1 << (LAST_BITS - 1)), green = red, blue = red;
    const v128_t *at = sums + starts[x];
    for (int32_t tap = 0; tap < num_taps; tap += 1, at += 3) {
      const v128_t weight = wasm_v128_load32_splat(weights + tap);
      red = wasm_i16x8_add(red, wasm_i16x8_relaxed_q15mulr(wasm_v128_load(at), weight));
      green = wasm_i16x8_add(green, wasm_i16x8_relaxed_q15mulr(wasm_v128_load(at + 1), weight));
      blue = wasm_i16x8_add(blue, wasm_i16x8_relaxed_q15mulr(wasm_v128_load(at + 2), weight));
    }
    red = wasm_i16x8_shr(red, LAST_BITS);
    green = wasm_i16x8_shr(green, LAST_BITS);
    blue = wasm_i16x8_shr(blue, LAST_BITS);
    if (x % 2 == 0) {
      left[0] = red, left[1] = green, left[2] = blue;
      continue;
    }
    *pixels++ = wasm_u8x16_narrow_i16x8(left[0], left[1]);
    *pixels++ = wasm_u8x16_narrow_i16x8(left[2], red);
    *pixels++ = wasm_u8x16_narrow_i16x8(green, blue);
  }
}

// Columns of eight bytes to eight rows, 16 bytes of each at a time.
static inline void columns_to_rows(const v128_t *columns, int32_t pitch, uint8_t *result) {
  for (int32_t x = 0; x < pitch; x += 16, columns += 8) {
    v128_t a[8], b[8];
    for (int i = 0; i < 4; i += 1) {
      a[i] = LOW_8(columns[i], columns[i + 4]);
      a[i + 4] = HIGH_8(columns[i], columns[i + 4]);
    }
    for (int i = 0; i < 8; i += 4)
      for (int j = i; j < i + 2; j += 1) {
        b[j] = LOW_8(a[j], a[j + 2]);
        b[j + 2] = HIGH_8(a[j], a[j + 2]);
      }
    for (int i = 0; i < 8; i += 2) {
      a[i] = LOW_8(b[i], b[i + 1]);
      a[i + 1] = HIGH_8(b[i], b[i + 1]);
    }
    for (int i = 0; i < 4; i += 1) {
      wasm_v128_store(result + 2 * i * pitch + x, LOW_8(a[i], a[i + 4]));
      wasm_v128_store(result + (2 * i + 1) * pitch + x, HIGH_8(a[i], a[i + 4]));
    }
  }
}

// A known number of taps is unrolled.
#define WITH_KNOWN(num_taps, CALL)                                                                 \
  switch (num_taps) {                                                                              \
  case 1: CALL(1); break;                                                                          \
  case 2: CALL(2); break;                                                                          \
  case 3: CALL(3); break;                                                                          \
  case 4: CALL(4); break;                                                                          \
  case 5: CALL(5); break;                                                                          \
  case 6: CALL(6); break;                                                                          \
  case 7: CALL(7); break;                                                                          \
  default: CALL(num_taps);                                                                         \
  }

static void eight_rows(const uint8_t *pixels, int32_t stride, int32_t row_bytes,
                       const int32_t *starts, int32_t num_taps, int32_t room,
                       const int32_t *weights, v128_t *sums) {
#define ROWS_OF(n) rows_to_columns(pixels, stride, row_bytes, starts, n, room, weights, sums)
  WITH_KNOWN(num_taps, ROWS_OF)
}

static void eight_lines(const v128_t *sums, int32_t num_columns, const int32_t *starts,
                        int32_t num_taps, int32_t room, const int32_t *weights, v128_t *pixels) {
#define LINES_OF(n) blend_eights(sums, num_columns, starts, n, room, weights, pixels)
  WITH_KNOWN(num_taps, LINES_OF)
}

static void double_words(const int16_t *weights, int32_t count, int32_t *doubled) {
  for (int32_t at = 0; at < count; at += 1)
    doubled[at] = (uint16_t)weights[at] * 0x10001;
}

// As `resample`. `num_rows` is a multiple of eight; `pitch` is `num_columns` x 3 rounded up to 16, and
// how far apart the rows of the result are. `doubled_rows` and `doubled_columns` have room for all
// weights as words of 32 bits, `columns` for eight rows of bytes. At most 16 taps, so that roundings
// stay below half a level.
__attribute__((export_name("resampleEights"))) void
resample_eights(const uint8_t *pixels, int32_t stride, int32_t row_bytes, int32_t num_rows,
                int32_t row_room, const int32_t *row_starts, const int32_t *row_counts,
                const int16_t *row_weights, int32_t *doubled_rows, v128_t *sums,
                int32_t num_columns, int32_t column_taps, int32_t column_room,
                const int32_t *column_starts, const int16_t *column_weights,
                int32_t *doubled_columns, v128_t *columns, int32_t pitch, uint8_t *result) {
  double_words(row_weights, num_rows * row_room, doubled_rows);
  double_words(column_weights, num_columns * column_room, doubled_columns);
  for (int32_t y = 0; y < num_rows; y += ROWS) {
    int32_t num_taps = 0;
    for (int32_t row = y; row < y + ROWS; row += 1)
      if (row_counts[row] > num_taps) num_taps = row_counts[row];
    eight_rows(pixels, stride, row_bytes, row_starts + y, num_taps, row_room,
               doubled_rows + y * row_room, sums);
    eight_lines(sums, num_columns, column_starts, column_taps, column_room, doubled_columns, columns);
    columns_to_rows(columns, pitch, result + y * pitch);
  }
}
