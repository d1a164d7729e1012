import {
  array,
  assert as assertProperty,
  constantFrom,
  integer,
  nat,
  option,
  property,
  record,
  shuffledSubarray,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { flickrPhotoId, imageKey, type ImageKey } from "../../../src/core/keys.ts";
import { pictureIdentities } from "../../../src/ingest/exclusion/leak-policy.ts";
import {
  type PlacedPicture,
  ProtectedTokens,
} from "../../../src/ingest/exclusion/protected-tokens.ts";

function picture(
  key: ImageKey,
  more: {
    readonly linkedKeys?: readonly ImageKey[];
    readonly photo?: string;
    readonly url?: string;
  } = {},
): PlacedPicture {
  const { linkedKeys = [], photo: recorded = null, url = null } = more;
  const evidence = `${key.split(":")[0]}.json#${key}`;
  return { key, linkedKeys, flickrPhotoId: recorded, url, evidence };
}

function protectedTokens(
  protectedPictures: readonly PlacedPicture[],
  bystanders: readonly PlacedPicture[] = [],
): ProtectedTokens {
  const tokens = new ProtectedTokens(pictureIdentities);
  for (const bystander of bystanders) tokens.passBy(bystander);
  for (const one of protectedPictures) tokens.protect(one, "the test part of toy");
  tokens.spread();
  return tokens;
}

describe("A picture is left out", () => {
  const test = picture("coco:1", { photo: "77" });

  it("by its own key, by a key it is linked to, by its Flickr photo, each with what shows it", () => {
    const tokens = protectedTokens([test]);
    expect(tokens.match(picture("coco:1"))).toEqual({
      rule: "same-key",
      evidence: "coco:1 is in the test part of toy (coco.json#coco:1)",
    });
    expect(tokens.match(picture("vg:5", { linkedKeys: ["coco:1"] }))).toEqual({
      rule: "linked-key",
      evidence: "linked to coco:1, which is in the test part of toy (coco.json#coco:1)",
    });
    expect(tokens.match(picture("sbu:a", { photo: "77" }))).toEqual({
      rule: "same-flickr-photo",
      evidence: "Flickr photo 77 is coco:1 in the test part of toy (coco.json#coco:1)",
    });
    expect(tokens.match(picture("coco:2", { photo: "78", linkedKeys: ["vg:1"] }))).toBeUndefined();
  });

  it("when a protected picture says that it is linked to it", () => {
    const tokens = protectedTokens([picture("vg:9", { linkedKeys: ["coco:3"] })]);
    expect(tokens.match(picture("coco:3"))).toEqual({
      rule: "linked-key",
      evidence: "coco:3 is vg:9 in the test part of toy (vg.json#vg:9)",
    });
    expect(tokens.match(picture("vg:8", { linkedKeys: ["coco:3"] }))?.rule).toBe("linked-key");
  });

  it("over a third picture that says what both are", () => {
    const flickr = picture("flickr30k:55");
    const stone = picture("coco:4", { photo: "55" });
    const tokens = protectedTokens([flickr], [stone]);
    expect(tokens.match(picture("vg:1", { linkedKeys: ["coco:4"] }))).toEqual({
      rule: "linked-key",
      evidence:
        "linked to coco:4, which is Flickr photo 55 (coco.json#coco:4), which is flickr30k:55 in the test part of toy (flickr30k.json#flickr30k:55)",
    });
    // VQA's questions name COCO's pictures without a photo.
    expect(tokens.match(picture("coco:4"))?.rule).toBe("same-flickr-photo");
    expect(tokens.match(picture("nlvr2:x", { photo: "55" }))?.evidence).toBe(
      "Flickr photo 55 is flickr30k:55 in the test part of toy (flickr30k.json#flickr30k:55)",
    );
  });

  it("by its web address, however that is spelled, but never without its query", () => {
    const url = "http://www.example.org/a%20picture/7.jpg?id=3&size=big#top";
    const tokens = protectedTokens([picture("nlvr2:test1-1-0-img0", { url })]);
    const match = (other: string): unknown => tokens.match(picture("cc3m:0", { url: other }))?.rule;
    for (const spelled of [
      url,
      "https://example.org/a%20picture/7.jpg?id=3&size=big",
      "HTTPS://Example.org:443/a picture/7.jpg?id=3&size=big",
    ]) {
      expect([spelled, match(spelled)]).toEqual([spelled, "same-url"]);
    }
    for (const other of [
      "http://www.example.org/a%20picture/7.jpg?id=4&size=big",
      "http://www.example.org/a%20picture/7.jpg",
      "http://images.example.org/a%20picture/7.jpg?id=3&size=big",
      "ftp://www.example.org/a%20picture/7.jpg?id=3&size=big",
      "no address",
      "",
    ]) {
      expect([other, match(other)]).toEqual([other, undefined]);
    }
    expect(tokens.match(picture("cc3m:0", { url }))?.evidence).toBe(
      "web address example.org/a%20picture/7.jpg?id=3&size=big is nlvr2:test1-1-0-img0 in the test part of toy (nlvr2.json#nlvr2:test1-1-0-img0)",
    );
  });

  it("by the nearest evidence, and its own first", () => {
    const linked = picture("vg:9", { linkedKeys: ["coco:1"], photo: "77" });
    for (const order of [
      [linked, test],
      [test, linked],
    ]) {
      expect(protectedTokens(order).match(test)).toMatchObject({
        rule: "same-key",
        evidence: expect.stringContaining("(coco.json#coco:1)"),
      });
    }
  });

  it("never because neither has a photo", () => {
    const tokens = protectedTokens([
      picture("coco:1", { photo: "0" }),
      picture("vg:1", { photo: "" }),
    ]);
    expect(tokens.match(picture("sbu:a", { photo: "0" }))).toBeUndefined();
    expect(tokens.match(picture("sbu:b", { photo: "" }))).toBeUndefined();
    expect(tokens.match(picture("sbu:c"))).toBeUndefined();
  });
});

it("counts a picture once, however many lists name it", () => {
  const tokens = protectedTokens([
    picture("coco:1"),
    picture("coco:1", { photo: "5" }),
    picture("coco:2"),
  ]);
  expect(tokens.numPictures).toBe(2);
  // The second list told the photo.
  expect(tokens.match(picture("sbu:a", { photo: "5" }))).toBeDefined();
});

it("uses only the identities that the policy names", () => {
  const tokens = new ProtectedTokens(["same-key"]);
  tokens.protect(picture("coco:1", { photo: "77", linkedKeys: ["vg:1"] }), "toy");
  tokens.spread();
  expect(tokens.match(picture("coco:1"))).toBeDefined();
  expect(tokens.match(picture("vg:1"))).toBeUndefined();
  expect(tokens.match(picture("vg:2", { linkedKeys: ["coco:1"] }))).toBeUndefined();
  expect(tokens.match(picture("sbu:1", { photo: "77" }))).toBeUndefined();
});

const key = record({
  source: constantFrom("coco", "vg", "flickr30k", "nlvr2"),
  id: nat({ max: 9 }),
}).map(({ source, id }) => imageKey(source, id));
const photo = nat({ max: 9 }).map(String);
const anyPicture = record({
  key,
  linkedKeys: array(key, { maxLength: 2 }),
  flickrPhotoId: option(photo),
  url: option(photo.map((id) => `http://example.org/${id}.jpg`)),
}).map((fields) => ({ ...fields, evidence: "somewhere" }));

function tokensOf({ key: own, linkedKeys, flickrPhotoId: recorded, url }: PlacedPicture): string[] {
  const named = own.startsWith("flickr30k:") ? own.slice("flickr30k:".length) : null;
  const id = recorded ?? named;
  const photos = id === null || id === "0" ? [] : [`photo ${id}`];
  // COCO and Visual Genome have servers of their own.
  const addresses = own.startsWith("nlvr2:") && url !== null ? [url] : [];
  return [own, ...linkedKeys, ...photos, ...addresses];
}

/** Whether tokens lead from one picture to a protected one over any others, by plain search. */
function isConnected(
  one: PlacedPicture,
  protectedPictures: readonly PlacedPicture[],
  others: readonly PlacedPicture[],
): boolean {
  const reached = new Set(tokensOf(one));
  for (let before = -1; before < reached.size;) {
    before = reached.size;
    for (const tokens of [...protectedPictures, ...others].map(tokensOf)) {
      if (!tokens.some((token) => reached.has(token))) continue;
      for (const token of tokens) reached.add(token);
    }
  }
  return protectedPictures.some((other) => reached.has(other.key));
}

describe("For any pictures", () => {
  it("those are left out from which links lead to a protected one, and no others", () => {
    assertProperty(
      property(
        array(anyPicture, { maxLength: 6 }),
        array(anyPicture, { maxLength: 8 }),
        anyPicture,
        (protectedPictures, others, one) => {
          const tokens = protectedTokens(protectedPictures, others);
          const isLeftOut = tokens.match(one) !== undefined;
          expect(isLeftOut).toBe(isConnected(one, protectedPictures, others));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("the order in which they are told changes nothing of who is left out", () => {
    const all = array(anyPicture, { minLength: 1, maxLength: 6 });
    assertProperty(
      property(
        all.chain((pictures) => shuffledSubarray(pictures, { minLength: pictures.length })),
        all,
        anyPicture,
        (pictures, others, one) => {
          const [a, b] = [pictures, pictures.toReversed()].map((order) =>
            protectedTokens(order, others).match(one),
          );
          expect(a === undefined).toBe(b === undefined);
        },
      ),
    );
  });

  it("a Flickr URL of any form, years, server and size tells the photo, and so the exclusion", () => {
    const digits = integer({ min: 10_000, max: 99_999_999_999 }).map(String);
    const farm = integer({ min: 1, max: 9 });
    const size = constantFrom("", "_s", "_m", "_z", "_b", "_o", "_k", "_3k");
    assertProperty(
      property(digits, farm, size, (id, number, suffix) => {
        const path = `/3456/${id}_7fd6a2e1a3${suffix}.jpg`;
        const forms = [
          `http://static.flickr.com${path}`,
          `http://farm${number}.static.flickr.com${path}`,
          `http://farm${number}.staticflickr.com${path}`,
          `https://farm${number}.staticflickr.com${path}?zz=1`,
          `https://c${number}.staticflickr.com/${number}${path}`,
          `https://live.staticflickr.com${path}`,
          `http://www.flickr.com/photos/some-one@N0${number}/${id}/`,
          `https://www.flickr.com/photos/someone/${id}/in/photostream/`,
          `https://flickr.com/photos/someone/${id}`,
        ];
        const tokens = protectedTokens([picture(`flickr30k:${id}`)]);
        for (const url of forms) {
          const told = flickrPhotoId(url);
          expect([url, told]).toEqual([url, id]);
          expect(tokens.match(picture("sbu:x", { photo: told ?? "" }))?.rule).toBe(
            "same-flickr-photo",
          );
        }
      }),
    );
  });
});
