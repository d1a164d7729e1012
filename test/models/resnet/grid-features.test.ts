import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  cellMask,
  clearPadding,
  gridExtent,
  poolGrid,
  validCells,
  type Extent,
} from "../../../src/models/resnet/grid-features.ts";
import { resNetForward, resNetEvaluation } from "../../../src/models/resnet/resnet.ts";
import { tensor4 } from "../../../src/models/ranks.ts";
import {
  resNetBuffers,
  resNetSpecs,
  type ResNetConfig,
} from "../../../src/models/resnet/config.ts";
import { initialiseWeights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";

beforeAll(loadTensorFlow);

const validPixels = (extents: readonly Extent[]): Parameters<typeof clearPadding>[1] => ({
  heights: tf.tensor1d(
    extents.map(({ height }) => height),
    "int32",
  ),
  widths: tf.tensor1d(
    extents.map(({ width }) => width),
    "int32",
  ),
});

describe("the grid of a picture", () => {
  it("R-1: of 600 x 1000 padded to 608 x 1024 has 19 x 32 cells, pooled 9 x 16 = 144 (floor mode)", () => {
    const config: ResNetConfig = { block: "basic", depths: [1, 1, 1, 1], width: 1 };
    const specs = [...resNetSpecs(config), ...resNetBuffers(config)];
    const weights = initialiseWeights(specs, { seed: 1, scale: "published" });
    const pixels = tf.ones<tf.Rank.R4>([1, 608, 1024, 3]);
    const features = resNetForward(weights, config, { pixels, run: resNetEvaluation });
    expect(features.shape).toEqual([1, 19, 32, 8]);
    expect(poolGrid(features).shape).toEqual([1, 9, 16, 8]);
    expect(gridExtent({ height: 608, width: 1024 }, 4)).toEqual({ height: 9, width: 16 });
  });

  it.each([
    [
      { height: 64, width: 64 },
      { height: 1, width: 1 },
    ],
    [
      { height: 65, width: 97 },
      { height: 1, width: 2 },
    ],
    [
      { height: 320, width: 640 },
      { height: 5, width: 10 },
    ],
  ])("R-1: of %o has %o cells", (picture, grid) => {
    expect(gridExtent(picture, 4)).toEqual(grid);
  });
});

describe("valid cells", () => {
  it("R-4: of 320 x 640 padded to 640 x 640 are exactly the top half", () => {
    const picture = { height: 640, width: 640 };
    const valid = validPixels([{ height: 320, width: 640 }]);
    const cells = cellMask(validCells(valid, picture, gridExtent(picture, 4)));
    const expected = Array.from({ length: 100 }, (_, cell) => Number(cell < 50));
    expect([...cells.dataSync()]).toEqual(expected);
  });

  it("R-4: of 640 x 320 padded to 640 x 640 are exactly the left half, of a padding picture none", () => {
    const picture = { height: 640, width: 640 };
    const valid = validPixels([
      { height: 640, width: 320 },
      { height: 0, width: 0 },
    ]);
    const cells = cellMask(validCells(valid, picture, gridExtent(picture, 4)));
    const left = Array.from({ length: 100 }, (_, cell) => Number(cell % 10 < 5));
    expect([...cells.dataSync()]).toEqual([...left, ...left.map(() => 0)]);
  });

  it("of a picture without padding are all, also where sides are odd", () => {
    const picture = { height: 608, width: 1024 };
    const cells = cellMask(validCells(validPixels([picture]), picture, gridExtent(picture, 4)));
    expect([...cells.dataSync()].every((value) => value === 1)).toBe(true);
  });
});

describe("clearing padding", () => {
  it("makes normalised padding 0 and leaves the picture", () => {
    const cleared = clearPadding(
      tensor4(tf.mul(tf.ones([2, 3, 4, 1]), -2)),
      validPixels([
        { height: 2, width: 3 },
        { height: 3, width: 1 },
      ]),
    );
    expect([...cleared.dataSync()].map((value) => value + 0)).toEqual(
      [
        [-2, -2, -2, 0, -2, -2, -2, 0, 0, 0, 0, 0],
        [-2, 0, 0, 0, -2, 0, 0, 0, -2, 0, 0, 0],
      ].flat(),
    );
  });
});
