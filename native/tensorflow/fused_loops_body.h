// The bodies of fused_loops.h's loops, over vectors of kLanes numbers, which fill a register of the
// instruction set. Included inside a namespace, once for each of them: no include guard.

#define CROSSWEAVE_INLINE static inline __attribute__((always_inline))

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t IntLanes __attribute__((vector_size(kLanes * sizeof(int32_t))));

CROSSWEAVE_INLINE Lanes Load(const float* from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

// The first `count` lanes; the others are 0.
CROSSWEAVE_INLINE Lanes LoadPart(const float* from, size_t count) {
  Lanes lanes = {};
  std::memcpy(&lanes, from, count * sizeof(float));
  return lanes;
}

CROSSWEAVE_INLINE void Store(const Lanes& lanes, float* to) {
  std::memcpy(to, &lanes, sizeof lanes);
}

CROSSWEAVE_INLINE void StorePart(const Lanes& lanes, float* to, size_t count) {
  std::memcpy(to, &lanes, count * sizeof(float));
}

CROSSWEAVE_INLINE float Sum(const Lanes& lanes) {
  float sums[kLanes];
  std::memcpy(sums, &lanes, sizeof lanes);
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

// e to the power of x, for x <= 0; below -87 that of -87. Cody and Waite's reduction to
// |r| <= ln(2) / 2 and e^r's Taylor polynomial of degree 7, off by less than 1e-8 there.
CROSSWEAVE_INLINE Lanes Exponential(Lanes x) {
  constexpr float kLeast = -87.0f;
  constexpr float kLog2OfE = 1.44269504f;
  // ln(2) = kLn2High + kLn2Low; the former has so few digits that its multiples are exact.
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  // Adding 1.5 * 2^23 rounds to a whole number.
  constexpr float kRounder = 12582912.0f;
  x = x < kLeast ? Lanes{} + kLeast : x;
  const Lanes power = (x * kLog2OfE + kRounder) - kRounder;
  const Lanes r = (x - power * kLn2High) - power * kLn2Low;
  Lanes sum = r * (1.0f / 5040) + (1.0f / 720);
  sum = sum * r + (1.0f / 120);
  sum = sum * r + (1.0f / 24);
  sum = sum * r + (1.0f / 6);
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  const IntLanes exponent = (__builtin_convertvector(power, IntLanes) + 127) << 23;
  Lanes scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  return sum * scale;
}

struct Normal {
  Lanes distribution;  // from minus infinity to x
  Lanes decay;         // exp(-x^2 / 2)
};

// The standard normal distribution. Its tail beyond z >= 0 is exp(-z^2 / 2) R(z), where
// R(z) = exp(z^2 / 2) erfc(z / sqrt(2)) / 2 is a polynomial in t = 1 / (1 + p z), the form of Abramowitz and Stegun
// 7.1.26. Degree and coefficients are fitted to R on [0, 14] for the least relative error, 4e-8.
CROSSWEAVE_INLINE Normal NormalAt(Lanes x) {
  constexpr float kP = 0.35f;
  constexpr float kTail[] = {0.13962140679f, 0.13986188173f,  0.11983277649f,
                             0.10550837219f, -0.02311071381f, 0.15917545557f,
                             -0.25571539998f, 0.14397226274f, -0.02914604545f};
  const Lanes z = x < 0.0f ? -x : x;
  const Lanes t = 1.0f / (z * kP + 1.0f);
  Lanes sum = t * kTail[8] + kTail[7];
  for (int degree = 6; degree >= 0; --degree) sum = sum * t + kTail[degree];
  const Lanes decay = Exponential(z * z * -0.5f);
  const Lanes tail = decay * (sum * t);
  return {x < 0.0f ? tail : 1.0f - tail, decay};
}

CROSSWEAVE_INLINE Lanes GeluOf(Lanes x) { return x * NormalAt(x).distribution; }

CROSSWEAVE_INLINE Lanes GeluGradientOf(Lanes x, Lanes dy) {
  constexpr float kDensityAt0 = 0.398942280f;  // 1 / sqrt(2 pi)
  const Normal normal = NormalAt(x);
  return dy * (x * (normal.decay * kDensityAt0) + normal.distribution);
}

static void Gelu(const float* x, float* y, size_t count) {
  size_t at = 0;
  for (; at + kLanes <= count; at += kLanes) Store(GeluOf(Load(x + at)), y + at);
  StorePart(GeluOf(LoadPart(x + at, count - at)), y + at, count - at);
}

static void GeluGradient(const float* x, const float* dy, float* dx, size_t count) {
  size_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    Store(GeluGradientOf(Load(x + at), Load(dy + at)), dx + at);
  }
  const size_t rest = count - at;
  StorePart(GeluGradientOf(LoadPart(x + at, rest), LoadPart(dy + at, rest)), dx + at, rest);
}

static float MeanOf(const float* x, size_t width) {
  Lanes sum = {};
  size_t at = 0;
  for (; at + kLanes <= width; at += kLanes) sum += Load(x + at);
  sum += LoadPart(x + at, width - at);
  return Sum(sum) / static_cast<float>(width);
}

static float VarianceOf(const float* x, size_t width, float mean) {
  Lanes sum = {};
  size_t at = 0;
  for (; at + kLanes <= width; at += kLanes) {
    const Lanes centred = Load(x + at) - mean;
    sum += centred * centred;
  }
  float rest = 0;
  for (; at < width; ++at) rest += (x[at] - mean) * (x[at] - mean);
  return (Sum(sum) + rest) / static_cast<float>(width);
}

static void Norm(const NormRows& rows) {
  const size_t width = rows.width;
  for (size_t row = 0; row < rows.num_rows; ++row) {
    const float* x = rows.x + row * width;
    float* y = rows.y + row * width;
    const float mean = MeanOf(x, width);
    const float scale = 1.0f / std::sqrt(VarianceOf(x, width, mean) + rows.epsilon);
    rows.mean[row] = mean;
    rows.inverse_deviation[row] = scale;
    size_t at = 0;
    for (; at + kLanes <= width; at += kLanes) {
      const Lanes normalised = (Load(x + at) - mean) * scale;
      Store(normalised * Load(rows.gamma + at) + Load(rows.beta + at), y + at);
    }
    for (; at < width; ++at) y[at] = (x[at] - mean) * scale * rows.gamma[at] + rows.beta[at];
  }
}

struct NormSums {
  Lanes gradient = {};    // of dy gamma
  Lanes projection = {};  // of dy gamma x^
};

// dx = (dy gamma - mean(dy gamma) - x^ mean(dy gamma x^)) / deviation, with x^ the normalised x
static void NormGradient(const NormGradientRows& rows) {
  const size_t width = rows.width;
  const size_t whole = width - width % kLanes;
  const size_t rest = width - whole;
  for (size_t row = 0; row < rows.num_rows; ++row) {
    const float* x = rows.x + row * width;
    const float* dy = rows.dy + row * width;
    float* dx = rows.dx + row * width;
    const float mean = rows.mean[row];
    const float scale = rows.inverse_deviation[row];
    NormSums sums;
    const auto add = [&](Lanes x_lanes, Lanes dy_lanes, Lanes gamma) __attribute__((always_inline)) {
      const Lanes scaled = dy_lanes * gamma;
      sums.gradient += scaled;
      sums.projection += scaled * ((x_lanes - mean) * scale);
    };
    for (size_t at = 0; at < whole; at += kLanes) {
      add(Load(x + at), Load(dy + at), Load(rows.gamma + at));
    }
    if (rest > 0) {
      add(LoadPart(x + whole, rest), LoadPart(dy + whole, rest), LoadPart(rows.gamma + whole, rest));
    }
    const float mean_gradient = Sum(sums.gradient) / static_cast<float>(width);
    const float mean_projection = Sum(sums.projection) / static_cast<float>(width);
    for (size_t at = 0; at < whole; at += kLanes) {
      const Lanes dy_lanes = Load(dy + at);
      const Lanes normalised = (Load(x + at) - mean) * scale;
      Store(Load(rows.dgamma + at) + dy_lanes * normalised, rows.dgamma + at);
      Store(Load(rows.dbeta + at) + dy_lanes, rows.dbeta + at);
      const Lanes centred = dy_lanes * Load(rows.gamma + at) - mean_gradient;
      Store((centred - normalised * mean_projection) * scale, dx + at);
    }
    for (size_t at = whole; at < width; ++at) {
      const float slope = dy[at];
      const float normalised = (x[at] - mean) * scale;
      rows.dgamma[at] += slope * normalised;
      rows.dbeta[at] += slope;
      dx[at] = (slope * rows.gamma[at] - mean_gradient - normalised * mean_projection) * scale;
    }
  }
}

// dx = softmax (dy - sum(dy softmax))
static void SoftmaxGradient(const SoftmaxGradientRows& rows) {
  const size_t width = rows.width;
  const size_t whole = width - width % kLanes;
  for (size_t row = 0; row < rows.num_rows; ++row) {
    const float* softmax = rows.softmax + row * width;
    const float* dy = rows.dy + row * width;
    float* dx = rows.dx + row * width;
    Lanes sum = {};
    for (size_t at = 0; at < whole; at += kLanes) sum += Load(softmax + at) * Load(dy + at);
    sum += LoadPart(softmax + whole, width - whole) * LoadPart(dy + whole, width - whole);
    const float projection = Sum(sum);
    for (size_t at = 0; at < whole; at += kLanes) {
      Store(Load(softmax + at) * (Load(dy + at) - projection), dx + at);
    }
    for (size_t at = whole; at < width; ++at) dx[at] = softmax[at] * (dy[at] - projection);
  }
}

// Four rows at a time: the sums are read and written once for all of them.
static void ColumnSums(const ColumnSumRows& rows) {
  const size_t width = rows.width;
  const size_t whole = width - width % kLanes;
  size_t row = 0;
  for (; row + 4 <= rows.num_rows; row += 4) {
    const float* x = rows.x + row * width;
    for (size_t at = 0; at < whole; at += kLanes) {
      const Lanes first = Load(x + at) + Load(x + width + at);
      const Lanes second = Load(x + 2 * width + at) + Load(x + 3 * width + at);
      Store(Load(rows.sums + at) + (first + second), rows.sums + at);
    }
    for (size_t at = whole; at < width; ++at) {
      rows.sums[at] += (x[at] + x[width + at]) + (x[2 * width + at] + x[3 * width + at]);
    }
  }
  for (; row < rows.num_rows; ++row) {
    for (size_t at = 0; at < width; ++at) rows.sums[at] += rows.x[row * width + at];
  }
}

static FusedLoops AllLoops() {
  return {Gelu, GeluGradient, Norm, NormGradient, SoftmaxGradient, ColumnSums};
}

#undef CROSSWEAVE_INLINE
