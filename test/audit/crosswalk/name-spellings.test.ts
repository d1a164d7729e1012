import { expect, it } from "vitest";
import {
  measureSpellings,
  type MeasuredPicture,
} from "../../../src/audit/crosswalk/name-spellings.ts";
import { imageKey } from "../../../src/core/keys.ts";

function picture(id: string, url: string, shippedHash?: string): MeasuredPicture {
  const key = imageKey("nlvr2", id);
  const named = { key, linkedKeys: [], flickrPhotoId: null, url, evidence: "dev.json" };
  return { part: id.slice(0, 1), picture: { ...named, shippedHash } };
}

it("measures each spelling of an address against the hashes, the one that is not used too", () => {
  const yields = measureSpellings([
    picture("a1", "http://www.example.org/image?id=1", "ffff0000ffff0000"),
    picture("a2", "http://example.org/b%7Ec.jpg", "00000000000000ff"),
    picture("a3", "http://farm1.static.flickr.com/1/77_ab.jpg"),
    picture("b1", "http://www.example.org/image?id=1", "ffff0000ffff0001"),
    picture("b2", "https://example.org/b~c.jpg", "00000000000000ff"),
    picture("b3", "http://example.org/image?id=2", "0000ffff0000ffff"),
    picture("b4", "https://live.staticflickr.com/9/77_cd_z.jpg", "0123456789abcdef"),
  ]);
  const numbers = yields.map(({ spelling, pairs, added, confirmed, contradicted, unknown }) => [
    spelling,
    [pairs, added, confirmed, contradicted, unknown],
  ]);
  expect(Object.fromEntries(numbers)).toEqual({
    "as written": [1, 1, 1, 0, 0],
    canonical: [2, 1, 2, 0, 0],
    "without query": [3, 1, 2, 1, 0],
    "Flickr photo": [1, 1, 0, 0, 1],
  });
  expect(yields[2]?.firstContradicted).toEqual([["nlvr2:a1", "nlvr2:b3"]]);
});
