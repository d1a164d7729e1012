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

/** The additive mask between tokens of a window that the roll brought together from different regions (Swin's code). */
const SHIFT_MASK_VALUE = -100;

/**
 * The order in which the grid's tokens stand after a cyclic shift and a cut into windows:
 * entry i is the token (row * width + column) that comes i-th, window by window.
 * Both sides of the grid must be multiples of the window size.
 */
export function windowOrder(grid: Grid, options: WindowOptions): Int32Array {
  const order = new Int32Array(grid.height * grid.width);
  forEachWindowToken(grid, options.windowSize, (position, row, column) => {
    const sourceRow = (row + options.shift) % grid.height;
    const sourceColumn = (column + options.shift) % grid.width;
    order[position] = sourceRow * grid.width + sourceColumn;
  });
  return order;
}

/**
 * The mask of shifted-window attention, [windows, w * w, w * w] in one array: 0 where two tokens of a
 * window lie in the same of the nine regions of the shifted grid, `SHIFT_MASK_VALUE` where they don't.
 * Undefined when nothing is shifted.
 */
export function shiftMask(grid: Grid, options: WindowOptions): Float32Array | undefined {
  if (options.shift === 0) return undefined;
  const tokensPerWindow = options.windowSize ** 2;
  const region = new Int32Array(grid.height * grid.width);
  forEachWindowToken(grid, options.windowSize, (position, row, column) => {
    region[position] = 3 * band(row, grid.height, options) + band(column, grid.width, options);
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
 * For each pair of tokens of a window the row of the relative position bias table
 * ((2w - 1)^2 rows) that belongs to it, [w * w, w * w] in one array.
 */
export function relativePositionIndex(windowSize: number): Int32Array {
  const tokens = windowSize ** 2;
  const index = new Int32Array(tokens * tokens);
  for (let query = 0; query < tokens; query += 1) {
    for (let key = 0; key < tokens; key += 1) {
      const rows = Math.floor(query / windowSize) - Math.floor(key / windowSize);
      const columns = (query % windowSize) - (key % windowSize);
      index[query * tokens + key] =
        (rows + windowSize - 1) * (2 * windowSize - 1) + columns + windowSize - 1;
    }
  }
  return index;
}

/**
 * The order of patch merging: four neighbours after each other, (even row, even column), (odd, even),
 * (even, odd), (odd, odd), so that a reshape joins them. Both sides of the grid must be even.
 */
export function mergeOrder(grid: Grid): Int32Array {
  const order = new Int32Array(grid.height * grid.width);
  const neighbours = [[0, 0], [1, 0], [0, 1], [1, 1]] as const; // prettier-ignore
  let position = 0;
  for (let row = 0; row < grid.height; row += 2) {
    for (let column = 0; column < grid.width; column += 2) {
      for (const [down, right] of neighbours) {
        order[position] = (row + down) * grid.width + column + right;
        position += 1;
      }
    }
  }
  return order;
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
