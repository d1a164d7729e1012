import {
  array,
  assert,
  asyncProperty,
  constant,
  constantFrom,
  nat,
  oneof,
  record,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { auditSplits } from "../../../src/audit/audit-splits.ts";
import { decodeListing, encodeListing } from "../../../src/audit/listing/listing-bytes.ts";
import { ListingBuilder } from "../../../src/audit/listing/list-pictures.ts";
import type { PictureListing } from "../../../src/audit/listing/picture-listing.ts";
import { verdictJson } from "../../../src/audit/verdict-json.ts";
import type { AuditedSplit, AuditRole } from "../../../src/audit/verdict.ts";
import { canonicalJson } from "../../../src/core/digest.ts";
import { imageKey } from "../../../src/core/keys.ts";
import type { PictureInfo, SceneHead } from "../../../src/core/records.ts";
import { caption } from "../../loader/shard-set-fixture.ts";
import { pictureOf, splitOf, splitOfScenes } from "../picture-fixtures.ts";

// Few names, so that pictures have some in common, also by way of others; letters of one, two and four bytes.
const id = nat(30);
const url = oneof(
  constant(null),
  id.map((number) => `https://example.org/bébé-${number}.jpg`),
  id.map((number) => `http://farm1.staticflickr.com/2/${2 ** 31 + number}_ab.jpg`),
);
const picture = record({
  id,
  url,
  linked: array(id, { maxLength: 2 }),
  flickrPhotoId: oneof(
    constant(null),
    id.map((number) => `${2 ** 31 + number}`),
  ),
  pixelSha256: id.map((number) => String(number).padStart(64, "0")),
  perceptualHash: oneof(
    constant(null),
    id.map((number) => String(number).padEnd(64, "7")),
  ),
}).map(({ id: number, linked, ...info }): PictureInfo =>
  pictureOf(number, { ...info, linkedKeys: linked.map((other) => imageKey("vg", other)) }),
);
const scene = record({
  sceneKey: constantFrom("coco:1", "dev-850-0", "😀"),
  pictures: array(picture, { maxLength: 2 }),
  texts: array(
    constantFrom("A dog.", "a  DOG", "Zwei Bären", "").map((text) => caption("1", text)),
    { maxLength: 3 },
  ),
});
const scenes = array(scene, { maxLength: 8 });

function listed(heads: readonly SceneHead[]): PictureListing {
  return listedBy(new ListingBuilder(), heads);
}

function listedBy(builder: ListingBuilder, heads: readonly SceneHead[]): PictureListing {
  for (const head of heads) builder.add(head);
  return builder.finish();
}

/** As it is read again after it was kept. */
function kept(listing: PictureListing): PictureListing {
  const decoded = decodeListing(encodeListing(listing));
  if (decoded === undefined) throw new Error("a listing that was encoded");
  return decoded;
}

describe("a listing of pictures", () => {
  it("that was kept, in parts of any length, gives the verdict of the scenes themselves", async () => {
    const roles: readonly AuditRole[] = ["eval", "train", "train", "witness"];
    const splits = array(scenes, { minLength: roles.length, maxLength: roles.length });
    await assert(
      asyncProperty(splits, nat(7), async (given, numScenes) => {
        const [fromHeads, fromListings] = [given, given].map((all, way) =>
          all.map((heads, at): AuditedSplit => {
            const split = splitOfScenes(`${at}/all`, roles[at] ?? "train", heads);
            if (way === 0) return split;
            return { ...split, heads: unread(), listings: inParts(heads, 1 + numScenes) };
          }),
        );
        const [expected, actual] = await Promise.all(
          [fromHeads, fromListings].map((all = []) => auditSplits(all)),
        );
        expect(actual?.digest).toBe(expected?.digest);
        const [said, meant] = [actual, expected].map((verdict) =>
          verdict === undefined ? "" : canonicalJson(verdictJson(verdict)),
        );
        expect(said).toBe(meant);
      }),
      { numRuns: 60 },
    );
  });

  it("of no scene is one", () => {
    expect(kept(listed([])).numScenes).toBe(0);
  });

  it("is none where bytes are missing or too many", () => {
    const bytes = encodeListing(
      listed([{ sceneKey: "coco:1", pictures: [pictureOf(1)], texts: [] }]),
    );
    expect(decodeListing(bytes)?.name(0)).toBe("coco:1");
    expect(decodeListing(bytes.subarray(0, -4))).toBeUndefined();
    expect(decodeListing(bytes.subarray(0, 12))).toBeUndefined();
    expect(decodeListing(Buffer.concat([bytes, bytes]))).toBeUndefined();
  });

  it("takes hashes that are given in the place of its own", async () => {
    const [one, other] = ["00".repeat(32), "ff".repeat(32)];
    const heads = [pictureOf(1, { perceptualHash: one }), pictureOf(2)].map((info) => ({
      sceneKey: info.key,
      pictures: [info],
      texts: [],
    }));
    const bytes = new Uint8Array(32).fill(255);
    const listing = listed(heads).withHashes((at) => (at === 0 ? bytes : null));
    expect(listing.perceptualHash(0)).toBe(bytes);
    expect(listing.perceptualHash(1)).toBe("");
    // Bytes and digits mean the same: a witness of the same address contradicts neither.
    const address = { url: "https://example.org/1.jpg" };
    const trained = listed([
      { sceneKey: "coco:1", texts: [], pictures: [pictureOf(1, address)] },
    ]).withHashes(() => bytes);
    const splits = (perceptualHash: string): AuditedSplit[] => [
      { ...splitOfScenes("train/all", "train", []), listings: each(trained) },
      splitOf("eval/all", "eval", [pictureOf(2, { ...address, perceptualHash })]),
    ];
    const near = await auditSplits(splits(other));
    expect(near.leaks[0]?.contradiction).toBeNull();
    const far = await auditSplits(splits(one));
    expect(far.leaks[0]?.contradiction).toMatchObject({ distanceBits: 256, hashBits: 256 });
  });
});

async function* each(...listings: readonly PictureListing[]): AsyncGenerator<PictureListing> {
  yield* listings;
}

async function* inParts(
  heads: readonly SceneHead[],
  numScenes: number,
): AsyncGenerator<PictureListing> {
  const builder = new ListingBuilder();
  for (let at = 0; at < heads.length; at += numScenes) {
    yield kept(listedBy(builder, heads.slice(at, at + numScenes)));
  }
}

function unread(): AsyncIterable<SceneHead> {
  return {
    [Symbol.asyncIterator]: () => {
      throw new Error("scenes were read whose pictures are listed");
    },
  };
}
