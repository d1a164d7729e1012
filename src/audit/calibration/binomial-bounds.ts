// Exact one-sided bounds of a share by Clopper and Pearson (Biometrika 26, 1934): the quantiles of beta distributions.

/** How many trials there were, and how many of them ended in one way. */
export interface Trials {
  readonly hits: number;
  readonly tried: number;
}

/** The share that is surely, at `confidence`, no smaller: 0 without a hit or a trial. */
export function lowerBound({ hits, tried }: Trials, confidence: number): number {
  return hits === 0 ? 0 : betaQuantile(1 - confidence, hits, tried - hits + 1);
}

/** The share that is surely, at `confidence`, no larger: 1 where all were hits, or none was tried. */
export function upperBound({ hits, tried }: Trials, confidence: number): number {
  return hits === tried ? 1 : betaQuantile(confidence, hits + 1, tried - hits);
}

const MAX_HALVINGS = 2000;
const PRECISION = 1e-14;

function betaQuantile(probability: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let halving = 0; halving < MAX_HALVINGS && high - low > PRECISION * high; halving += 1) {
    const middle = (low + high) / 2;
    if (betaProbability(middle, a, b) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The regularized incomplete beta function I_x(a, b). */
function betaProbability(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
  // The fraction converges fast on this side of the mean.
  return x < (a + 1) / (a + b + 2)
    ? (Math.exp(front) * betaFraction(x, a, b)) / a
    : 1 - (Math.exp(front) * betaFraction(1 - x, b, a)) / b;
}

const MAX_TERMS = 1_000_000;
const TINY = 1e-300;

/** The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / notZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= MAX_TERMS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let factor = 1;
    for (const term of [even, odd]) {
      d = 1 / notZero(1 + term * d);
      c = notZero(1 + term / c);
      factor = c * d;
      fraction *= factor;
    }
    if (Math.abs(factor - 1) < PRECISION / 10) break;
  }
  return fraction;
}

function notZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

// Lanczos' approximation with g = 7, good to 15 digits.
const LANCZOS_G = 7;
const LANCZOS_FIRST = 0.99999999999980993;
const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** The logarithm of the gamma function, for arguments of at least 1. */
function logGamma(z: number): number {
  const before = z - 1;
  const sum = LANCZOS.reduce(
    (total, factor, at) => total + factor / (before + at + 1),
    LANCZOS_FIRST,
  );
  const t = before + LANCZOS_G + 0.5;
  return Math.log(2 * Math.PI) / 2 + (before + 0.5) * Math.log(t) - t + Math.log(sum);
}
