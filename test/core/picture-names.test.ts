import { describe, expect, it } from "vitest";

import { pictureNames } from "../../src/core/keys.ts";
import { storedPicture } from "../loader/shard-set-fixture.ts";

const bytes = Buffer.from("a picture");
const picture = storedPicture("1", bytes);

function shares(a: Parameters<typeof pictureNames>[0], b: typeof a): boolean {
  const names = pictureNames(a);
  return pictureNames(b).some((name) => names.includes(name));
}

describe("The names of a picture", () => {
  const other = storedPicture("2", Buffer.from("another"));

  it.each([
    ["its key", { key: "coco:1" }],
    ["a link to its key", { linkedKeys: ["coco:1"] }],
    ["the file it was made from, stored as it is", { sha256: picture.sourceSha256 }],
    ["the pixels of its file", { pixelSha256: picture.pixelSha256 }],
  ] as const)("are shared with one that has %s", (_, facts) => {
    expect(shares(picture, other)).toBe(false);
    expect(shares(picture, { ...other, ...facts })).toBe(true);
  });

  it.each([
    ["a photo id", { flickrPhotoId: "2945213105" }],
    ["an address", { url: "http://farm4.staticflickr.com/3204/2945213105_9be0ea4312_z.jpg" }],
    [
      "a contradicting id beside the address",
      {
        flickrPhotoId: "17",
        url: "https://www.flickr.com/photos/somebody/2945213105/",
      },
    ],
  ] as const)("tell a photo of Flickr30K by %s", (_, facts) => {
    const photo = { ...other, key: "flickr30k:2945213105" } as const;
    expect(shares(photo, { ...picture, ...facts })).toBe(true);
    expect(shares(photo, picture)).toBe(false);
  });

  it("are none where a digest or an id is empty or zero", () => {
    const blank = { sha256: "", sourceSha256: "0".repeat(64), pixelSha256: "", flickrPhotoId: "0" };
    expect(pictureNames({ ...picture, ...blank })).toEqual(["key coco:1"]);
  });

  it("keep a picture from one of equal pixels in another shape", () => {
    const turned = {
      ...other,
      pixelSha256: picture.pixelSha256,
      sourceWidth: 32,
      sourceHeight: 48,
    };
    expect(shares(picture, turned)).toBe(false);
    expect(shares(picture, { ...turned, orientation: 6 })).toBe(true);
  });
});
