import sharp from "sharp";
import { describe, expect, it } from "vitest";

import { sha256 } from "../../src/core/digest.ts";
import { randAugmentChoices } from "../../src/loader/pictures/rand-augment.ts";
import { realData, realPhotographs } from "../real-data.ts";
import { allCases, pillowDigests } from "./pillow-operations.ts";

const SIDE = 384;
const MAGNITUDES = Array.from({ length: 31 }, (_, magnitude) => magnitude);

describe("Beside Pillow", () => {
  it("12 photographs of 384 x 384 are changed alike by all operations at all magnitudes", async () => {
    for (const path of (await realPhotographs()).slice(0, 12)) {
      const pixels = await sharp(realData("images/coco", path))
        .resize(SIDE, SIDE, { fit: "fill" })
        .toColourspace("srgb")
        .removeAlpha()
        .raw()
        .toBuffer();
      const picture = { pixels, width: SIDE, height: SIDE };
      const cases = allCases(picture, MAGNITUDES);
      const digests = await pillowDigests(picture, cases);
      const different = cases.filter(([operation, value], index) => {
        const changed = randAugmentChoices[operation].apply(picture, value);
        return changed === undefined || sha256(changed) !== digests[index];
      });
      expect({ path, different }).toEqual({ path, different: [] });
    }
  });
});
