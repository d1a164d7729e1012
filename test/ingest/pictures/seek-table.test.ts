import { readdir, readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import type { StoredPicture } from "../../../src/core/records.ts";
import { decodedSize } from "../../../src/ingest/pictures/decoded-size.ts";
import { PictureFault } from "../../../src/ingest/pictures/picture-fault.ts";
import { readBaselineScan } from "../../../src/pixels/seeking/baseline-scan.ts";
import { withoutSeekTable } from "../../../src/pixels/seeking/add-seek-table.ts";
import { realData, realPhotographs } from "../../real-data.ts";
import { pictureFolder, policy, storeFile } from "./storing.ts";

const seekable = { ...policy, seekTable: "strips" } as const;

async function storedOrFault(
  path: string,
  folder: string,
  rules: typeof policy,
): Promise<StoredPicture | string> {
  try {
    return await storeFile(path, folder, rules);
  } catch (error) {
    if (error instanceof PictureFault) return error.code;
    throw error;
  }
}

/** A picture that is stored in both ways: how many bytes were added, and what is the same. */
async function storedTwice(
  path: string,
  folder: string,
): Promise<{ readonly numAdded: number; readonly isSame: boolean }> {
  const plain = await storedOrFault(path, folder, policy);
  const entered = await storedOrFault(path, folder, seekable);
  if (typeof plain === "string" || typeof entered === "string") {
    return { numAdded: 0, isSame: plain === entered };
  }
  const bare = Buffer.from(withoutSeekTable(entered.bytes));
  const asPlain = { ...entered, sha256: plain.sha256, bytes: plain.bytes };
  return {
    numAdded: entered.bytes.length - plain.bytes.length,
    isSame:
      bare.equals(plain.bytes) &&
      isDeepStrictEqual(asPlain, plain) &&
      isDeepStrictEqual(await decodedSize(entered.bytes), await decodedSize(plain.bytes)),
  };
}

describe("A picture that is stored with a seek table", () => {
  it("is every photograph as it is without, pixels, notes and all, with at most 3 % more bytes", async () => {
    const folder = realData("images/coco");
    let [numBytes, added] = [0, 0];
    for (const path of await realPhotographs()) {
      const { isSame, numAdded } = await storedTwice(path, folder);
      expect({ path, isSame, isLarger: numAdded > 0 }).toEqual({
        path,
        isSame: true,
        isLarger: true,
      });
      added += numAdded;
      numBytes += (await readFile(realData("images/coco", path))).length;
    }
    expect(added / numBytes).toBeLessThan(0.03);
  });

  it("is every odd picture as it is without, and the same are refused", async () => {
    const folder = realData("images/odd");
    const names = (await readdir(folder)).filter((name) => !name.endsWith(".tsv"));
    let numWithTables = 0;
    for (const name of names) {
      const { isSame, numAdded } = await storedTwice(name, folder);
      expect({ name, isSame }).toEqual({ name, isSame: true });
      if (numAdded > 0) numWithTables += 1;
    }
    expect(names.length).toBeGreaterThan(50);
    expect(numWithTables).toBeGreaterThan(25);
  });

  it("gives the source's bytes when it is prepared again without", async () => {
    await using folder = await pictureFolder();
    const [path = ""] = await realPhotographs();
    const source = await readFile(realData("images/coco", path));
    const stored = await folder.store(source, seekable);
    const again = await folder.store(stored.bytes);
    expect(again).toMatchObject({ notes: ["seek-table-cut"], pixelSha256: stored.pixelSha256 });
    expect(Buffer.from(again.bytes).equals(source)).toBe(true);
    const twice = await folder.store(stored.bytes, seekable);
    expect(twice.sha256).toBe(stored.sha256);
  });

  it("is never one whose table came with its file", async () => {
    await using folder = await pictureFolder();
    const [one = "", other = ""] = await realPhotographs();
    const [first, second] = await Promise.all(
      [one, other].map(async (path) =>
        folder.store(await readFile(realData("images/coco", path)), seekable),
      ),
    );
    if (first === undefined || second === undefined) throw new Error("nothing was stored");
    const wrong = withTableOf(first.bytes, second.bytes);
    const stored = await folder.store(wrong, seekable);
    expect(stored.sha256).toBe(first.sha256);
  });
});

/** A JPEG with the last segment before its scan put in place of its own one, as where a program copies all segments. */
function withTableOf(jpeg: Uint8Array, other: Uint8Array): Uint8Array {
  const [own, theirs] = [jpeg, other].map((bytes) => readBaselineScan(bytes)?.segments.at(-2));
  if (own === undefined || theirs === undefined) throw new Error("there are no seek tables");
  return Buffer.concat([
    jpeg.subarray(0, own.start),
    other.subarray(theirs.start, theirs.end),
    jpeg.subarray(own.end),
  ]);
}
