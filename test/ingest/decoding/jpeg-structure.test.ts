import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import {
  exifSegments,
  profileSegments,
  readJpegStructure,
  withoutSegments,
} from "../../../src/ingest/decoding/jpeg-structure.ts";
import { realData } from "../../real-data.ts";

it("A JPEG's structure is read from its markers alone", async () => {
  const file = await readFile(realData("images/odd/hopper.jpg"));
  const structure = readJpegStructure(file);
  expect(structure).toMatchObject({
    width: 128,
    height: 128,
    bitsPerSample: 8,
    numComponents: 3,
    isCommonCoding: true,
    numScans: 1,
    endOffset: file.length,
  });
  expect(structure?.segments[0]).toEqual({ marker: 0xe0, start: 2, payload: 6, end: 20 });
  expect(readJpegStructure(file.subarray(0, 3000))?.endOffset).toBe(null);
  expect(readJpegStructure(Buffer.from("\xff\xd8\xff\xe0 not one", "latin1"))).toBe(undefined);
});

it("A JPEG's EXIF data and colour profile are found, and can be left out", async () => {
  const file = await readFile(realData("images/odd/Landscape_6.jpg"));
  const structure = readJpegStructure(file);
  if (structure === undefined) throw new Error("it has no structure");
  const exif = exifSegments(file, structure);
  const profile = profileSegments(file, structure);
  expect([exif.length, profile.length]).toEqual([1, 1]);
  const left = withoutSegments(file, [...exif, ...profile], file.length);
  expect(file.length - left.length).toBe(128 + 2 + 1976 + 2);
  const bare = readJpegStructure(left);
  expect(bare).toMatchObject({ width: structure.width, endOffset: left.length });
  expect(bare && exifSegments(left, bare)).toEqual([]);
});
