// Geometry of shifted windows: pure index arithmetic, computed once for each stage.

/** A grid of tokens, row by row. */
export interface Grid {
  readonly height: number;
  readonly width: number;
}

export interface WindowOptions {
  readonly windowSize: number;
  /** How many rows and columns the grid is rolled up and to the left before it is cut. */
  readonly shift: number;
}

/** Stands in an order of tokens for one that is not there: the grid is filled up to whole windows with zeros. */
export const PAD = -1;

/** The additive mask between tokens of a window that the roll brought together from different regions (Swin's code). */
const SHIFT_MASK_VALUE = -100;

/** The smallest grid of whole windows that holds `grid`. */
export function paddedGrid(grid: Grid, windowSize: number): Grid {
  const padded = (size: number): number => Math.ceil(size / windowSize) * windowSize;
  return { height: padded(grid.height), width: padded(grid.width) };
}

/**
 * The order in which the grid's tokens stand after it is filled up to whole windows, rolled and cut:
 * entry i is the token (row * width + column) that comes i-th, window by window, or PAD.
 */
export function windowOrder(grid: Grid, options: WindowOptions): Int32Array {
  const padded = paddedGrid(grid, options.windowSize);
  const order = new Int32Array(padded.height * padded.width);
  forEachWindowToken(padded, options.windowSize, (position, row, column) => {
    const source = [
      (row + options.shift) % padded.height,
      (column + options.shift) % padded.width,
    ] as const;
    order[position] = tokenAt(grid, source);
  });
  return order;
}

/**
 * The mask of shifted-window attention, [windows, w * w, w * w] in one array: 0 where two tokens of a
 * window lie in the same of the nine regions of the filled up, shifted grid, `SHIFT_MASK_VALUE` where they don't.
 * Undefined when nothing is shifted. Tokens that fill the grid up are seen like others, as in transformers.
 */
export function shiftMask(grid: Grid, options: WindowOptions): Float32Array | undefined {
  if (options.shift === 0) return undefined;
  const padded = paddedGrid(grid, options.windowSize);
  const tokensPerWindow = options.windowSize ** 2;
  const region = new Int32Array(padded.height * padded.width);
  forEachWindowToken(padded, options.windowSize, (position, row, column) => {
    region[position] = 3 * band(row, padded.height, options) + band(column, padded.width, options);
  });
  const mask = new Float32Array(region.length * tokensPerWindow);
  for (let query = 0; query < region.length; query += 1) {
    const windowStart = query - (query % tokensPerWindow);
    for (let key = 0; key < tokensPerWindow; key += 1) {
      const together = region[query] === region[windowStart + key];
      mask[query * tokensPerWindow + key] = together ? 0 : SHIFT_MASK_VALUE;
    }
  }
  return mask;
}

/**
 * For each pair of tokens of a window the row of the relative position bias table that belongs to it,
 * [w * w, w * w] in one array. The table is one for windows of `tableWindow`, at least as large, and has
 * (2 tableWindow - 1)^2 rows.
 */
export function relativePositionIndex(
  windowSize: number,
  tableWindow: number = windowSize,
): Int32Array {
  const tokens = windowSize ** 2;
  const index = new Int32Array(tokens * tokens);
  for (let query = 0; query < tokens; query += 1) {
    for (let key = 0; key < tokens; key += 1) {
      const rows = Math.floor(query / windowSize) - Math.floor(key / windowSize);
      const columns = (query % windowSize) - (key % windowSize);
      index[query * tokens + key] =
        (rows + tableWindow - 1) * (2 * tableWindow - 1) + columns + tableWindow - 1;
    }
  }
  return index;
}

/**
 * The order of patch merging: four neighbours after each other, (even row, even column), (odd, even),
 * (even, odd), (odd, odd), so that a reshape joins them; PAD beyond the last row or column of an odd grid.
 */
export function mergeOrder(grid: Grid): Int32Array {
  const merged = mergedGrid(grid);
  const order = new Int32Array(merged.height * merged.width * 4);
  const neighbours = [[0, 0], [1, 0], [0, 1], [1, 1]] as const; // prettier-ignore
  let position = 0;
  for (let row = 0; row < grid.height; row += 2) {
    for (let column = 0; column < grid.width; column += 2) {
      for (const [down, right] of neighbours) {
        order[position] = tokenAt(grid, [row + down, column + right]);
        position += 1;
      }
    }
  }
  return order;
}

/** The grid after patch merging. */
export function mergedGrid(grid: Grid): Grid {
  return { height: Math.ceil(grid.height / 2), width: Math.ceil(grid.width / 2) };
}

function tokenAt(grid: Grid, [row, column]: readonly [number, number]): number {
  return row < grid.height && column < grid.width ? row * grid.width + column : PAD;
}

function forEachWindowToken(
  grid: Grid,
  windowSize: number,
  visit: (position: number, row: number, column: number) => void,
): void {
  let position = 0;
  for (let top = 0; top < grid.height; top += windowSize) {
    for (let left = 0; left < grid.width; left += windowSize) {
      for (let offset = 0; offset < windowSize ** 2; offset += 1) {
        visit(position, top + Math.floor(offset / windowSize), left + (offset % windowSize));
        position += 1;
      }
    }
  }
}

// Which of the three bands of the shifted grid a row or a column lies in.
function band(coordinate: number, size: number, options: WindowOptions): number {
  if (coordinate < size - options.windowSize) return 0;
  return coordinate < size - options.shift ? 1 : 2;
}
