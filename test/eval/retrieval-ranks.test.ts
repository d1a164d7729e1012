import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NumericError } from "../../src/core/errors.ts";
import { bestPictures, bestTexts } from "../../src/eval/retrieval.ts";
import { retrievalMetrics, type Recall, type ScoreMatrix } from "../../src/eval/retrieval-ranks.ts";

const cutoffs = [
  { name: "at1", k: 1 },
  { name: "at5", k: 5 },
  { name: "at10", k: 10 },
] as const;

function matrixOf(rows: readonly (readonly number[])[], owners: readonly number[]): ScoreMatrix {
  return {
    scores: Float32Array.from(rows.flat()),
    numPictures: rows[0]?.length ?? 0,
    pictureOfText: Int32Array.from(owners),
  };
}

/** All orders of `items`. */
function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, place) =>
    ordersOf(items.toSpliced(place, 1)).map((rest) => [item, ...rest]),
  );
}

interface Candidate {
  readonly score: number;
  readonly isRight: boolean;
}

/** The share of all orders of the tied candidates in which a right one is among the first k. */
function bruteForceRecall(candidates: readonly Candidate[], k: number): number {
  const orders = ordersOf(candidates).map((order) => order.toSorted((a, b) => b.score - a.score));
  const found = orders.filter((order) => order.slice(0, k).some(({ isRight }) => isRight));
  return found.length / orders.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Each text's pictures, and each picture's texts where it has any. */
function queriesOf(matrix: ScoreMatrix): { texts: Candidate[][]; pictures: Candidate[][] } {
  const { numPictures, pictureOfText, scores } = matrix;
  const candidate = (text: number, picture: number): Candidate => ({
    score: scores[text * numPictures + picture] ?? Number.NaN,
    isRight: pictureOfText[text] === picture,
  });
  const [texts, pictures] = [
    Array.from(pictureOfText, (_, text) => text),
    Array.from({ length: numPictures }, (_, picture) => picture),
  ];
  return {
    texts: texts.map((text) => pictures.map((picture) => candidate(text, picture))),
    pictures: pictures
      .map((picture) => texts.map((text) => candidate(text, picture)))
      .filter((candidates) => candidates.some(({ isRight }) => isRight)),
  };
}

// Scores of three levels over at most 6 candidates: most queries have ties, all orders can be listed.
const matrices = fc
  .record({ numPictures: fc.integer({ min: 1, max: 4 }), numTexts: fc.integer({ min: 1, max: 6 }) })
  .chain(({ numPictures, numTexts }) =>
    fc.record({
      rows: fc.array(
        fc.array(fc.constantFrom(-1.5, 0, 2), { minLength: numPictures, maxLength: numPictures }),
        { minLength: numTexts, maxLength: numTexts },
      ),
      owners: fc.array(fc.integer({ min: 0, max: numPictures - 1 }), {
        minLength: numTexts,
        maxLength: numTexts,
      }),
    }),
  )
  .map(({ rows, owners }) => matrixOf(rows, owners));

function choose(n: number, k: number): number {
  return Array.from({ length: k }, (_, place) => (n - place) / (place + 1)).reduce(
    (product, factor) => product * factor,
    1,
  );
}

describe("recall", () => {
  it("equals brute force over all orders of tied candidates (E-8)", () => {
    fc.assert(
      fc.property(matrices, (matrix) => {
        const metrics = retrievalMetrics(matrix);
        const { texts, pictures } = queriesOf(matrix);
        for (const { name, k } of cutoffs) {
          const [byText, byPicture] = [texts, pictures].map((queries) =>
            mean(queries.map((candidates) => bruteForceRecall(candidates, k))),
          );
          expect(metrics.textToPicture[name]).toBeCloseTo(byText ?? Number.NaN, 9);
          expect(metrics.pictureToText[name]).toBeCloseTo(byPicture ?? Number.NaN, 9);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("of a scorer that says the same of every pair is chance: k/N and 1 - C(N - 5, k) / C(N, k) (E-8)", () => {
    const numPictures = 40;
    const numTexts = 5 * numPictures;
    const matrix = {
      scores: new Float32Array(numPictures * numTexts).fill(0.25),
      numPictures,
      pictureOfText: Int32Array.from({ length: numTexts }, (_, text) => Math.floor(text / 5)),
    };
    const metrics = retrievalMetrics(matrix);
    for (const { name, k } of cutoffs) {
      expect(metrics.textToPicture[name]).toBeCloseTo(k / numPictures, 9);
      const missed = choose(numTexts - 5, k) / choose(numTexts, k);
      expect(metrics.pictureToText[name]).toBeCloseTo(1 - missed, 9);
      for (const way of ["textToPicture", "pictureToText"] as const) {
        expect(metrics.chance[way][name]).toBeCloseTo(metrics[way][name], 9);
      }
    }
    expect(metrics).toMatchObject({
      numPictures,
      numTexts,
      numTiedQueries: numTexts + numPictures,
    });
  });

  it("of a perfect scorer is 1 and of the worst 0, without ties", () => {
    const size = 12;
    const owners = Array.from({ length: size }, (_, index) => index);
    const rows = owners.map((owner) =>
      owners.map((picture) => (picture === owner ? 100 : picture / size)),
    );
    const perfect = retrievalMetrics(matrixOf(rows, owners));
    const all: Recall = { at1: 1, at5: 1, at10: 1 };
    expect(perfect).toMatchObject({ textToPicture: all, pictureToText: all, numTiedQueries: 0 });
    const worst = retrievalMetrics(
      matrixOf(
        rows.map((row) => row.map((score) => -score)),
        owners,
      ),
    );
    expect(worst.textToPicture).toEqual({ at1: 0, at5: 0, at10: 0 });
  });

  it("swaps its directions when the matrix is transposed (E-9)", () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 6 })
          .chain((size) =>
            fc.array(
              fc.array(fc.integer({ min: 0, max: 5 }), { minLength: size, maxLength: size }),
              { minLength: size, maxLength: size },
            ),
          ),
        (rows) => {
          const owners = [...rows.keys()];
          const transposed = rows.map((_, row) => rows.map((other) => other[row] ?? Number.NaN));
          const [one, other] = [rows, transposed].map((scores) =>
            retrievalMetrics(matrixOf(scores, owners)),
          );
          expect(other?.textToPicture).toEqual(one?.pictureToText);
          expect(other?.pictureToText).toEqual(one?.textToPicture);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("leaves pictures without texts out as queries, not as candidates", () => {
    const metrics = retrievalMetrics(matrixOf([[1, 2, 0]], [0]));
    expect(metrics.textToPicture.at1).toBe(0);
    expect(metrics.textToPicture.at5).toBe(1);
    expect(metrics.pictureToText.at1).toBe(1);
    expect(metrics.chance.textToPicture.at1).toBeCloseTo(1 / 3, 9);
  });

  it.each([Number.NaN, Infinity, -Infinity])("is refused where a score is %s", (score) => {
    const matrix = matrixOf([[1, 0], [score, 0]], [0, 1]); // prettier-ignore
    expect(() => retrievalMetrics(matrix)).toThrow(NumericError);
    expect(() => retrievalMetrics(matrix)).toThrow("text 1 with picture 0");
  });
});

describe("the best hits", () => {
  const matrix = matrixOf(
    [
      [0.5, 2, 1, 2],
      [3, 0, 1, 1],
      [3, 5, 9, 2],
    ],
    [0, 1, 2],
  );

  it("of a text are its pictures by score, equal ones by place", () => {
    expect(bestPictures(matrix, 0, 3)).toEqual([
      { index: 1, score: 2 },
      { index: 3, score: 2 },
      { index: 2, score: 1 },
    ]);
    expect(bestPictures(matrix, 2, 9).map(({ index }) => index)).toEqual([2, 1, 0, 3]);
  });

  it("of a picture are its texts by score, equal ones by place", () => {
    expect(bestTexts(matrix, 0, 2)).toEqual([
      { index: 1, score: 3 },
      { index: 2, score: 3 },
    ]);
    expect(bestTexts(matrix, 3, 9).map(({ index }) => index)).toEqual([0, 2, 1]);
  });
});
