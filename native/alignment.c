// How well the details of two pictures agree where one lies on the other, for WebAssembly: the inner loop of
// src/audit/perceptual/verify-pair.ts, which lays out the memory.
//
// native/alignment.wasm is this file, compiled with the PyPI package ziglang 0.17.0:
//   python3 -m ziglang cc -target wasm32-freestanding -O3 -msimd128 -nostdlib -Wl,--no-entry
//     -Wl,--import-memory -Wl,--strip-all -Wl,-z,stack-size=0 native/alignment.c -o native/alignment.wasm
// test/audit/perceptual/native-code.slow.ts compiles it anew and compares the bytes.
#include <stdint.h>

// Brightness of a picture, row by row.
typedef struct {
  const float *data;
  int32_t width, height;
} Plane;

// Where the samples of one picture lie on the other: the middle and half of the sides in widths and heights, and the
// cosine and sine of the turn about the middle.
typedef struct {
  double middle_x, middle_y, half_width, half_height, cosine, sine;
} Alignment;

// Room for the comparison of side x side samples: the samples of both pictures where both are (else 0), 1 where both are,
// what is left of them when local means are taken away, and three sums of (side + 1) x (side + 1).
typedef struct {
  int32_t side;
  float *onto, *of, *in_both, *onto_details, *of_details;
  double *sums;
} Room;

static inline double clamped(double value, double most) {
  return value < 0 ? 0 : value > most ? most : value;
}

// Brightness at a place, in widths and heights, between its four pixels.
static inline double sample_at(const Plane *plane, double x, double y) {
  const int32_t width = plane->width, height = plane->height;
  const double across = clamped(x * width - 0.5, width - 1);
  const double down = clamped(y * height - 0.5, height - 1);
  const int32_t column = (int32_t)across, row = (int32_t)down;
  const double right = across - column, below = down - row;
  const int32_t next_column = column + 1 < width ? 1 : 0;
  const int32_t next_row = row + 1 < height ? width : 0;
  const float *upper_left = plane->data + row * width + column;
  const float *lower_left = upper_left + next_row;
  const double upper = upper_left[0] * (1 - right) + upper_left[next_column] * right;
  const double lower = lower_left[0] * (1 - right) + lower_left[next_column] * right;
  return upper * (1 - below) + lower * below;
}

// Takes side x side samples of a whole picture.
__attribute__((export_name("sampleWhole"))) void sample_whole(const float *data, int32_t width,
                                                              int32_t height, int32_t side,
                                                              float *samples) {
  const Plane plane = {data, width, height};
  for (int32_t y = 0; y < side; y++)
    for (int32_t x = 0; x < side; x++)
      *samples++ = (float)sample_at(&plane, (x + 0.5) / side, (y + 0.5) / side);
}

// Takes the samples where both pictures are, with the sums of all that is above and to the left; gives their number.
static int32_t sample_aligned(const Plane *plane, const float *samples, const Alignment *alignment,
                              const Room *room) {
  const int32_t side = room->side, line = side + 1;
  const double aspect = (double)plane->width / plane->height;
  int32_t num_in_both = 0;
  for (int32_t at = 0; at < 3 * line; at++) room->sums[at] = 0;
  for (int32_t y = 0; y < side; y++) {
    double onto_row = 0, of_row = 0, count_row = 0;
    double *sums = room->sums + (y + 1) * 3 * line;
    const double *above = sums - 3 * line;
    sums[0] = sums[1] = sums[2] = 0;
    const double down = ((2.0 * y + 1) / side - 1) * alignment->half_height;
    for (int32_t x = 0; x < side; x++) {
      const int32_t at = y * side + x;
      const double across = ((2.0 * x + 1) / side - 1) * alignment->half_width;
      const double px =
          alignment->middle_x + across * alignment->cosine - (down * alignment->sine) / aspect;
      const double py =
          alignment->middle_y + down * alignment->cosine + across * alignment->sine * aspect;
      const int32_t inside = px >= 0 && px <= 1 && py >= 0 && py <= 1;
      const float onto = inside ? (float)sample_at(plane, px, py) : 0;
      const float of = inside ? samples[at] : 0;
      room->onto[at] = onto;
      room->of[at] = of;
      room->in_both[at] = (float)inside;
      num_in_both += inside;
      onto_row += onto, of_row += of, count_row += inside;
      sums[3 * x + 3] = above[3 * x + 3] + onto_row;
      sums[3 * x + 4] = above[3 * x + 4] + of_row;
      sums[3 * x + 5] = above[3 * x + 5] + count_row;
    }
  }
  return num_in_both;
}

// The correlation of the details; those are left in the room.
static double correlate(const Room *room, int32_t radius) {
  const int32_t side = room->side, line = 3 * (side + 1);
  double product = 0, square = 0, other_square = 0;
  for (int32_t y = 0; y < side; y++) {
    const int32_t top = y < radius ? 0 : y - radius;
    const int32_t bottom = y + radius + 1 > side ? side : y + radius + 1;
    const double *upper = room->sums + top * line, *lower = room->sums + bottom * line;
    for (int32_t x = 0; x < side; x++) {
      const int32_t at = y * side + x;
      const int32_t left = 3 * (x < radius ? 0 : x - radius);
      const int32_t right = 3 * (x + radius + 1 > side ? side : x + radius + 1);
      float a = 0, b = 0;
      if (room->in_both[at] != 0) {
        const double count = lower[right + 2] - upper[right + 2] - lower[left + 2] + upper[left + 2];
        a = (float)(room->onto[at] - (lower[right] - upper[right] - lower[left] + upper[left]) / count);
        b = (float)(room->of[at] -
                    (lower[right + 1] - upper[right + 1] - lower[left + 1] + upper[left + 1]) / count);
      }
      room->onto_details[at] = a;
      room->of_details[at] = b;
      product += (double)a * b;
      square += (double)a * a;
      other_square += (double)b * b;
    }
  }
  if (square == 0 || other_square == 0) return 0;
  return product / __builtin_sqrt(square * other_square);
}

// The correlation of what is left of both pictures when means of squares are taken away, -1 where fewer than `least`
// samples are in both. `room` has room for five times side x side numbers and three times (side + 1) x (side + 1) of 64 bits.
__attribute__((export_name("correlation"))) double
correlation(const float *data, int32_t width, int32_t height, const float *samples, int32_t side,
            int32_t radius, int32_t least, double middle_x, double middle_y, double half_width,
            double half_height, double cosine, double sine, double *room) {
  const Plane plane = {data, width, height};
  const Alignment alignment = {middle_x, middle_y, half_width, half_height, cosine, sine};
  const int32_t area = side * side;
  float *numbers = (float *)(room + 3 * (side + 1) * (side + 1));
  const Room laid_out = {side,
                         numbers,
                         numbers + area,
                         numbers + 2 * area,
                         numbers + 3 * area,
                         numbers + 4 * area,
                         room};
  if (sample_aligned(&plane, samples, &alignment, &laid_out) < least) return -1;
  return correlate(&laid_out, radius);
}
