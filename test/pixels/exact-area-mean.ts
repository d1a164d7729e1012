import type { PictureSize, RgbPixels } from "../../src/pixels/resampler.ts";

/** A picture reduced by averaging areas, in floating point and as the definition says: [height, width, 3]. */
export function exactAreaMean(
  { width, height, data }: RgbPixels,
  target: PictureSize,
): Float64Array<ArrayBuffer> {
  const rows = averaged(data, { count: 1, length: height, stride: width * 3 }, target.height);
  const layout = { count: target.height, length: width, stride: 3 };
  return averaged(rows, layout, target.width);
}

/** `count` lines, one after the other, each of `length` items of `stride` numbers. */
interface Lines {
  readonly count: number;
  readonly length: number;
  readonly stride: number;
}

function averaged(
  values: Uint8Array | Float64Array,
  { count, length, stride }: Lines,
  target: number,
): Float64Array<ArrayBuffer> {
  const result = new Float64Array(count * target * stride);
  for (let at = 0; at < result.length; at += 1) {
    const item = Math.floor(at / stride) % target;
    const line = Math.floor(at / stride / target);
    const [from, to] = [(item * length) / target, ((item + 1) * length) / target];
    let sum = 0;
    for (let covered = Math.floor(from); covered < Math.min(to, length); covered += 1) {
      const share = Math.min(to, covered + 1) - Math.max(from, covered);
      sum += share * (values[(line * length + covered) * stride + (at % stride)] ?? 0);
    }
    result[at] = sum / (to - from);
  }
  return result;
}
