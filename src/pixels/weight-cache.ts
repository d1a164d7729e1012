import { type Kernel, kernelWeights, type LinePart, type LineWeights } from "./line-weights.ts";
import type { Area } from "./jpeg-part.ts";
import { MAX_QUICK_TAPS, type PictureSize, type Resampling } from "./resampler.ts";

// Whole pictures have few sizes; crops have as many as they have pixels on a side, mirrored or not. Up to some 6 MB.
const MAX_KEPT = 1024;

/** How an area of a picture is shown; pixels outside it have no weight. */
export interface Showing {
  readonly area: Area;
  readonly target: PictureSize;
  readonly kernel: Kernel;
  readonly mirrorsColumns: boolean;
  readonly mirrorsRows: boolean;
}

/** Keeps the weights of lines, as many pictures and crops are of the same size. */
export class WeightCache {
  readonly #kept = new Map<string, LineWeights>();

  resampling({ area, kernel, mirrorsColumns, mirrorsRows, target }: Showing): Resampling {
    const { left: from, right: to } = area;
    const columns = { from, to, target: target.width, isReversed: mirrorsColumns };
    const height = { from: area.top, to: area.bottom, target: target.height };
    const rows = { ...height, isReversed: mirrorsRows };
    const left = Math.floor(area.left);
    const weights = {
      rows: this.#weights(rows, kernel),
      columns: this.#weights(columns, kernel),
    };
    const numTaps = Math.max(weights.rows.mostTaps, weights.columns.mostTaps);
    return {
      ...weights,
      top: Math.floor(area.top),
      left,
      width: Math.ceil(area.right) - left,
      loop: numTaps <= MAX_QUICK_TAPS ? "quick" : "precise",
    };
  }

  #weights(line: LinePart, kernel: Kernel): LineWeights {
    const { target, isReversed } = line;
    const first = Math.floor(line.from);
    const [from, to] = [line.from - first, line.to - first];
    const name = `${kernel.name} ${from} ${to} ${target} ${isReversed}`;
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const weights = kernelWeights({ from, to, target, isReversed }, kernel);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(name, weights);
    return weights;
  }
}
