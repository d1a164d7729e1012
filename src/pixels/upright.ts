import type { RgbPixels } from "./resampler.ts";

/** Where the first pixel of an upright picture is in the stored one, and which way its rows and columns run. */
interface Walk {
  readonly start: number;
  readonly alongRow: number;
  readonly alongColumn: number;
}

/**
 * The pixels of a picture held by EXIF orientation 1 to 8, turned upright: 2 is mirrored, 3 upside down, 4 both,
 * 5 to 8 have rows for columns. An upright picture is given as it is.
 */
export function upright(pixels: RgbPixels, orientation: number): RgbPixels {
  if (orientation === 1) return pixels;
  const isSideways = orientation >= 5;
  const width = isSideways ? pixels.height : pixels.width;
  const height = isSideways ? pixels.width : pixels.height;
  const walk = walkOf(pixels, orientation);
  const data = new Uint8Array(pixels.data.length);
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    let from = walk.start + y * walk.alongColumn;
    for (let x = 0; x < width; x += 1) {
      data[to] = pixels.data[from] ?? 0;
      data[to + 1] = pixels.data[from + 1] ?? 0;
      data[to + 2] = pixels.data[from + 2] ?? 0;
      to += 3;
      from += walk.alongRow;
    }
  }
  return { width, height, data };
}

// TIFF 6.0: where the stored picture's first row and first column are seen.
function walkOf({ width, height }: RgbPixels, orientation: number): Walk {
  const pixel = 3;
  const row = width * pixel;
  const [right, bottom] = [(width - 1) * pixel, (height - 1) * row];
  switch (orientation) {
    case 2:
      return { start: right, alongRow: -pixel, alongColumn: row };
    case 3:
      return { start: right + bottom, alongRow: -pixel, alongColumn: -row };
    case 4:
      return { start: bottom, alongRow: pixel, alongColumn: -row };
    case 5:
      return { start: 0, alongRow: row, alongColumn: pixel };
    case 6:
      return { start: bottom, alongRow: -row, alongColumn: pixel };
    case 7:
      return { start: right + bottom, alongRow: -row, alongColumn: -pixel };
    case 8:
      return { start: right, alongRow: row, alongColumn: -pixel };
    default:
      return { start: 0, alongRow: pixel, alongColumn: row };
  }
}

/** How a stored picture becomes an upright one: first mirrored in its columns and rows, then transposed. */
export interface Turn {
  readonly mirrorsColumns: boolean;
  readonly mirrorsRows: boolean;
  readonly isTransposed: boolean;
}

/** The turn of an EXIF orientation 1 to 8. */
export function turnOf(orientation: number): Turn {
  return {
    mirrorsColumns: [2, 3, 7, 8].includes(orientation),
    mirrorsRows: [3, 4, 6, 7].includes(orientation),
    isTransposed: orientation >= 5,
  };
}
