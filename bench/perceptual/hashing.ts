// Milliseconds of each step of a picture's perceptual record on one core, median of many, for any folder of JPEGs:
//
//   node bench/perceptual/hashing.ts [folder] [rounds]
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PdqHasher, type RgbPicture } from "../../src/audit/perceptual/pdq.ts";
import { symmetries } from "../../src/audit/perceptual/symmetries.ts";
import { comparedPicture } from "../../src/audit/perceptual/verify-pair.ts";
import { bankViews, hashViews } from "../../src/audit/perceptual/window-bank.ts";
import { sha256 } from "../../src/core/digest.ts";
import { decodedJpeg } from "../../test/audit/perceptual/photographs.ts";
import { realData } from "../../test/real-data.ts";

const folder = process.argv[2] ?? realData("images/coco");
const numRounds = Number(process.argv[3] ?? 5);
const paths = (await readdir(folder, { recursive: true }))
  .filter((name) => /\.jpe?g$/i.test(name))
  .map((name) => join(folder, name));
const pictures: RgbPicture[] = [];
for (const path of paths) pictures.push(await decodedJpeg(path));
const files = await Promise.all(paths.map((path) => readFile(path)));
const hasher = new PdqHasher();

const steps: Readonly<Record<string, (picture: RgbPicture, at: number) => unknown>> = {
  "decode (read, header by sharp, pixels)": (_, at) => decodedJpeg(paths[at] ?? ""),
  "sha256 of the file": (_, at) => sha256(files[at] ?? ""),
  "sha256 of the pixels": ({ data }) => sha256(data),
  PDQ: (picture) => hasher.open(picture).hash(),
  "PDQ + 8 symmetries": (picture) => hasher.open(picture).hashSymmetries(symmetries),
  "PDQ + bank of 56": (picture) => hashViews(hasher.open(picture), bankViews),
  "reduced for verification": (picture) => comparedPicture(picture),
};
for (const [name, step] of Object.entries(steps)) {
  const times: number[] = [];
  for (let round = 0; round < numRounds; round += 1) {
    for (const [at, picture] of pictures.entries()) {
      const started = performance.now();
      await step(picture, at);
      times.push(performance.now() - started);
    }
  }
  const median = times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? 0;
  process.stdout.write(`${name.padEnd(42)}${median.toFixed(2)} ms\n`);
}
