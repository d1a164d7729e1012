import { expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { withSeekTable } from "../../../src/pixels/seeking/add-seek-table.ts";
import { areaOfWhole, decodedArea, drawnPart } from "./decoded-parts.ts";
import { encoded, madePixels } from "./made-jpegs.ts";

const SUBSAMPLINGS = ["4:4:4", "4:2:2", "4:2:0", "grey", "4:4:0", "4:1:1", "4:4:1"] as const;

it("30,000 random parts of 5,000 made-up pictures are those of the whole pictures, bit for bit", () => {
  let numCut = 0;
  const wrong: object[] = [];
  for (let seed = 0; seed < 5000; seed += 1) {
    const draws = new RandomStream(778, seed);
    const pixels = madePixels(1 + draws.nextInt(420), 1 + draws.nextInt(320), draws);
    const jpeg = encoded(pixels, {
      subsampling: SUBSAMPLINGS[seed % SUBSAMPLINGS.length] ?? "grey",
      quality: 1 + draws.nextInt(100),
      isOptimized: draws.nextBoolean(0.5),
    });
    const seekable = withSeekTable(jpeg) ?? jpeg;
    for (let index = 0; index < 6; index += 1) {
      const side = index % 3 === 0 ? 1 + draws.nextInt(60) : undefined;
      const part = drawnPart(seekable, new RandomStream(seed, index), side);
      const found = decodedArea(seekable, part);
      if (!found.pixels.equals(areaOfWhole(jpeg, part))) wrong.push({ seed, index, part });
      if (found.isCut) numCut += 1;
    }
  }
  expect(wrong).toEqual([]);
  expect(numCut).toBeGreaterThan(15_000);
});
