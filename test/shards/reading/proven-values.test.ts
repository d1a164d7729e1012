import { describe, expect, it } from "vitest";
import { xxh64 } from "../../../src/core/checksum/xxh64.ts";
import { sha256 } from "../../../src/core/digest.ts";
import { ListedSet, listingOf } from "../../../src/shards/reading/listed-set.ts";
import { noProvenValues, wrongDigest } from "../../../src/shards/reading/proven-values.ts";
import { pictureNumber } from "../../../src/shards/reading/split-table.ts";
import { filesOf, madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";
import { MemoryStorage } from "../../../src/shards/reading/memory-storage.ts";

/** How often the digest was asked for, and what was found. */
function check(
  checksums: BigUint64Array,
  { bytes, number, right }: { bytes: Uint8Array; number: number | undefined; right: Uint8Array },
): { readonly actual: string | undefined; readonly numHashed: number } {
  let numHashed = 0;
  const expected = (): string => {
    numHashed += 1;
    return sha256(right);
  };
  const actual = wrongDigest(checksums, { bytes, number, sha256: expected });
  return { actual, numHashed };
}

const split = { numBatches: 1, numPictures: 5 };
const [one, other] = [Buffer.from("one"), Buffer.from("other")];
const right = { actual: undefined, numHashed: 1 };
const rightAsBefore = { actual: undefined, numHashed: 0 };
const wrong = { actual: sha256(other), numHashed: 1 };

describe("a value that was proven before", () => {
  it("is not hashed again, and its neighbours are", () => {
    const { pictures } = noProvenValues(split);
    expect(check(pictures, { bytes: one, number: 3, right: one })).toEqual(right);
    expect(check(pictures, { bytes: one, number: 3, right: one })).toEqual(rightAsBefore);
    expect(check(pictures, { bytes: one, number: 2, right: one })).toEqual(right);
    expect(check(pictures, { bytes: other, number: 3, right: one })).toEqual(wrong);
    expect(check(pictures, { bytes: one, number: 3, right: one })).toEqual(rightAsBefore);
  });

  it("is hashed each time where it has no place in memory", () => {
    const { features } = noProvenValues(split, 4);
    for (const number of [4, 5, undefined]) {
      for (const _ of [1, 2]) {
        expect(check(features, { bytes: one, number, right: one })).toEqual(right);
      }
    }
    expect(check(features, { bytes: one, number: 3, right: one })).toEqual(right);
    expect(check(features, { bytes: one, number: 3, right: one })).toEqual(rightAsBefore);
  });

  it("is hashed each time where its checksum is the sign of nothing", () => {
    // Eight bytes whose XXH64 is 0: all of its steps can be undone.
    const zero = Buffer.from([0x73, 0x85, 0x80, 0x7d, 0x8f, 0x0b, 0x53, 0x39]);
    expect(xxh64(zero)).toBe(0n);
    const { heads } = noProvenValues(split);
    for (const _ of [1, 2]) {
      expect(check(heads, { bytes: zero, number: 0, right: zero })).toEqual(right);
    }
    expect(check(heads, { bytes: zero, number: 0, right: one }).actual).toBe(sha256(zero));
  });
});

describe("readers of one listing, as threads have it", () => {
  it("prove each picture once among them, and each refuses changed bytes", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, [{ split: "train", scenes: madeUpScenes(5) }]);
    const listing = listingOf(folder.path, index);
    const [table] = listing.splits;
    await using first = await ListedSet.open(listing);
    await using second = await ListedSet.open(structuredClone(listing));
    const bytes = await first.split("train").pictureBytes(2, 0);
    expect(table?.proven.pictures[2]).toBe(xxh64(bytes));
    expect(await second.split("train").pictureBytes(2, 0)).toEqual(bytes);

    const files = await filesOf(folder.path);
    const shard = files.get("train/00000.arrow");
    const batch = index.splits[0]?.shards[0]?.batches[0];
    const place = (batch?.offset ?? 0) + (batch?.headSizeBytes ?? 0) + 2 * 500 + 7;
    if (shard !== undefined) shard[place] = (shard[place] ?? 0) ^ 1;
    const storage = new MemoryStorage(files);
    await using third = await ListedSet.open(structuredClone(listing), { storage });
    await expect(third.split("train").pictureBytes(2, 0)).rejects.toThrow("have the digest");
    expect(await third.split("train").pictureBytes(1, 0)).toHaveLength(500);
  });
});

describe("the number of a picture in its split", () => {
  it("is its own, and is none where a scene has more pictures than the others", async () => {
    const listing = listingOf("", await indexOf({ numPictures: 10 }));
    const [table] = listing.splits;
    if (table === undefined) throw new TypeError("no split");
    const numbers = [0, 1, 2, 3, 4].flatMap((scene) =>
      [0, 1].map((picture) => pictureNumber(table, scene, picture)),
    );
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(pictureNumber(table, 1, 2)).toBeUndefined();
    expect(table.proven.pictures).toHaveLength(10);
  });

  it("takes no more memory where an index lies", async () => {
    const listing = listingOf("", await indexOf({ numPictures: 1e15 }));
    expect(listing.splits[0]?.proven.pictures).toHaveLength(2 ** 25);
  });
});

/** The index of a set of five scenes that says otherwise of its pictures. */
async function indexOf(changes: { readonly numPictures: number }) {
  await using folder = await temporaryFolder();
  const index = await writeShardSet(folder.path, [{ split: "train", scenes: madeUpScenes(5) }]);
  return { ...index, splits: index.splits.map((entry) => ({ ...entry, ...changes })) };
}
