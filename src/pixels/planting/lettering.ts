/** Strokes of capital letters: corner points in quarters of a letter's width (x) and height (y, from the top down). */
const LETTERS: Readonly<Record<string, readonly (readonly [number, number][])[]>> = {
  A: [
    [
      [0, 4],
      [2, 0],
      [4, 4],
    ],
    [
      [1, 2.5],
      [3, 2.5],
    ],
  ],
  C: [
    [
      [4, 0.5],
      [3, 0],
      [1, 0],
      [0, 1],
      [0, 3],
      [1, 4],
      [3, 4],
      [4, 3.5],
    ],
  ],
  E: [
    [
      [4, 0],
      [0, 0],
      [0, 4],
      [4, 4],
    ],
    [
      [0, 2],
      [3, 2],
    ],
  ],
  I: [
    [
      [2, 0],
      [2, 4],
    ],
  ],
  L: [
    [
      [0, 0],
      [0, 4],
      [4, 4],
    ],
  ],
  M: [
    [
      [0, 4],
      [0, 0],
      [2, 2.5],
      [4, 0],
      [4, 4],
    ],
  ],
  P: [
    [
      [0, 4],
      [0, 0],
      [3, 0],
      [4, 0.5],
      [4, 1.7],
      [3, 2.2],
      [0, 2.2],
    ],
  ],
  R: [
    [
      [0, 4],
      [0, 0],
      [3, 0],
      [4, 0.5],
      [4, 1.7],
      [3, 2.2],
      [0, 2.2],
    ],
    [
      [2, 2.2],
      [4, 4],
    ],
  ],
  S: [
    [
      [4, 0.5],
      [3, 0],
      [1, 0],
      [0, 0.6],
      [0, 1.4],
      [1, 2],
      [3, 2],
      [4, 2.6],
      [4, 3.4],
      [3, 4],
      [1, 4],
      [0, 3.5],
    ],
  ],
  T: [
    [
      [0, 0],
      [4, 0],
    ],
    [
      [2, 0],
      [2, 4],
    ],
  ],
  U: [
    [
      [0, 0],
      [0, 3],
      [1, 4],
      [3, 4],
      [4, 3],
      [4, 0],
    ],
  ],
};

const LETTER_WIDTH = 0.5;
const LETTER_HEIGHT = 0.72;
const ADVANCE = 0.7;
const QUARTERS = 4;

/** A word as the path of an SVG, on a line at y = 0, in units of the text's size; letters that it does not know are left blank. */
export function letteringPath(text: string): { readonly path: string; readonly width: number } {
  const strokes = Array.from(text).flatMap((letter, at) =>
    (LETTERS[letter] ?? []).map((points) =>
      points
        .map(([x, y], point) => {
          const across = at * ADVANCE + (x / QUARTERS) * LETTER_WIDTH;
          const down = (y / QUARTERS - 1) * LETTER_HEIGHT;
          return `${point === 0 ? "M" : "L"}${across.toFixed(3)} ${down.toFixed(3)}`;
        })
        .join(""),
    ),
  );
  return { path: strokes.join(""), width: text.length * ADVANCE - (ADVANCE - LETTER_WIDTH) };
}
