import type { PictureSize, RgbPixels } from "../../../src/ingest/decoding/resampler.ts";

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
  for (let line = 0; line < count; line += 1) {
    for (let item = 0; item < target; item += 1) {
      const from = (item * length) / target;
      const to = ((item + 1) * length) / target;
      for (let covered = Math.floor(from); covered < to; covered += 1) {
        const share = (Math.min(to, covered + 1) - Math.max(from, covered)) / (to - from);
        if (share <= 0) continue;
        const source = (line * length + Math.min(covered, length - 1)) * stride;
        const at = (line * target + item) * stride;
        for (let number = 0; number < stride; number += 1) {
          result[at + number] = (result[at + number] ?? 0) + share * (values[source + number] ?? 0);
        }
      }
    }
  }
  return result;
}
