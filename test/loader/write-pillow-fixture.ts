// node test/loader/write-pillow-fixture.ts: writes fixtures/pillow-operations.json with what Pillow makes.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { allCases, drawnPicture, pillowDigests } from "./pillow-operations.ts";

const sizes = [
  [37, 29],
  [64, 64],
] as const;
const pictures = await Promise.all(
  sizes.map(async ([width, height]) => {
    const picture = drawnPicture(width, height);
    const cases = allCases(picture, [0, 1, 9, 17, 30]);
    const digests = await pillowDigests(picture, cases);
    const rows = cases.map(([operation, value], index) => [operation, value, digests[index]]);
    return { width, height, cases: rows };
  }),
);
await writeFile(
  join(import.meta.dirname, "fixtures/pillow-operations.json"),
  `${JSON.stringify({ made: "by test/loader/write-pillow-fixture.ts with Pillow 13.0.0", pictures })}\n`,
);
