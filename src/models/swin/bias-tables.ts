import type { SwinConfig } from "./config.ts";
import { ownGrid, stagesOf } from "./stages.ts";

// w window side, S = 2 w - 1 relative positions along an axis, H heads

/** The cubic convolution kernel's parameter (Keys 1981), as PyTorch's bicubic interpolation has it. */
const CUBIC_PARAMETER = -0.75;

export interface WindowChange {
  readonly heads: number;
  /** Windows' sides before and after. */
  readonly from: number;
  readonly to: number;
}

/**
 * A relative position bias table for windows of another size, [S * S, H] to the same of the new S: bicubic
 * interpolation without corner alignment, head by head (Liu et al. 2021, section 4.4; torch.nn.functional.interpolate).
 */
export function resizedBiasTable(table: Float32Array, change: WindowChange): Float32Array {
  const { from, heads, to } = change;
  if (from === to) return table.slice();
  const [before, after] = [2 * from - 1, 2 * to - 1];
  if (table.length !== before ** 2 * heads) {
    throw new RangeError(
      `a bias table of ${heads} heads and windows of ${from} has ${before ** 2 * heads} values, found ${table.length}`,
    );
  }
  const taps = Array.from({ length: after }, (_, place) => tapsOf(place, before, after));
  // Rows first, [S, S * H], then columns within each new row, [S, S, H].
  const rows = interpolated(Float64Array.from(table), { before, inner: before * heads, taps });
  return Float32Array.from(interpolated(rows, { before, inner: heads, taps }));
}

interface Axis {
  /** The axis' length before; it is as long as there are taps afterwards. */
  readonly before: number;
  /** How many values lie beneath one place of it. */
  readonly inner: number;
  readonly taps: readonly (readonly Tap[])[];
}

/** [outer, before, inner] to [outer, taps, inner]. */
function interpolated(values: Float64Array, { before, inner, taps }: Axis): Float64Array {
  const outer = values.length / (before * inner);
  const changed = new Float64Array(outer * taps.length * inner);
  for (let target = 0; target < changed.length; target += 1) {
    const place = Math.floor(target / inner) % taps.length;
    const start = Math.floor(target / (taps.length * inner)) * before;
    for (const tap of taps[place] ?? []) {
      const value = values[(start + tap.place) * inner + (target % inner)] ?? Number.NaN;
      changed[target] = (changed[target] ?? 0) + tap.weight * value;
    }
  }
  return changed;
}

/**
 * The bias tables that change their size when weights of one model are taken for another of a different window size or
 * resolution, by name; all other weights stay as they are.
 */
export function windowChanges(from: SwinConfig, to: SwinConfig): ReadonlyMap<string, WindowChange> {
  const after = stagesOf(to, ownGrid(to));
  const changes = stagesOf(from, ownGrid(from)).flatMap((stage, index) => {
    const { depth, heads, name, tableWindow } = stage;
    const change = { heads, from: tableWindow, to: after[index]?.tableWindow ?? tableWindow };
    return Array.from(
      { length: depth },
      (_, block) => [`${name}.blocks.${block}.attn.relative_position_bias_table`, change] as const,
    );
  });
  return new Map(changes.filter(([, change]) => change.from !== change.to));
}

interface Tap {
  readonly place: number;
  readonly weight: number;
}

/** The four old positions that a new one is interpolated from; beyond the border its last value goes on. */
function tapsOf(place: number, before: number, after: number): Tap[] {
  const exact = ((place + 0.5) * before) / after - 0.5;
  const first = Math.floor(exact) - 1;
  return Array.from({ length: 4 }, (_, index) => ({
    place: Math.min(Math.max(first + index, 0), before - 1),
    weight: cubic(Math.abs(exact - (first + index))),
  }));
}

function cubic(distance: number): number {
  const a = CUBIC_PARAMETER;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance ** 2 + 1;
  return distance < 2 ? ((distance - 5) * distance + 8) * distance * a - 4 * a : 0;
}
