import {
  assert,
  bigInt,
  constantFrom,
  integer,
  property,
  record,
  string,
  type Arbitrary,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { flickrPhotoId, imageKey, parseImageKey, webAddress } from "../../src/core/keys.ts";

const parts = record({
  id: bigInt({ min: 10_000n, max: 10n ** 12n }),
  farm: integer({ min: 1, max: 66 }),
  server: integer({ min: 1, max: 65_535 }),
  secret: string({ unit: constantFrom("0", "4", "9", "a", "f"), minLength: 10, maxLength: 10 }),
  size: constantFrom("", "_s", "_t", "_m", "_n", "_z", "_b", "_o", "_h", "_z_d"),
  extension: constantFrom("jpg", "JPG", "png", "gif"),
  scheme: constantFrom("http", "https", "HTTPS"),
  query: constantFrom("", "?zz=1", "#full"),
});
type Parts = typeof parts extends Arbitrary<infer T> ? T : never;

function name({ id, secret, size, extension, query }: Parts): string {
  return `${id}_${secret}${size}.${extension}${query}`;
}

// Every form that AUDIT.md lists, the ones before farms, and what the corpora hold besides.
const forms: readonly (readonly [string, (url: Parts) => string])[] = [
  ["farmN.static", (u) => `${u.scheme}://farm${u.farm}.static.flickr.com/${u.server}/${name(u)}`],
  ["farmN.static…", (u) => `${u.scheme}://farm${u.farm}.staticflickr.com/${u.server}/${name(u)}`],
  ["static", (u) => `${u.scheme}://static.flickr.com/${u.server}/${name(u)}`],
  ["photosN", (u) => `${u.scheme}://photos${u.farm}.flickr.com/${name(u)}`],
  ["cN", (u) => `${u.scheme}://c${u.farm}.staticflickr.com/${u.server}/${name(u)}`],
  ["cN/n", (u) => `${u.scheme}://c${u.farm}.staticflickr.com/${u.farm}/${u.server}/${name(u)}`],
  ["live", (u) => `${u.scheme}://live.staticflickr.com/${u.server}/${name(u)}`],
  ["page", (u) => `${u.scheme}://www.flickr.com/photos/4712${u.farm}@N00/${u.id}${u.query}`],
  ["page/", (u) => `${u.scheme}://flickr.com/photos/a-user/${u.id}/in/photostream`],
  ["proxy", (u) => `https://i1.wp.com/farm8.staticflickr.com/${u.server}/${name(u)}`],
  ["archive", (u) => `https://a.example/0x0/https://c1.staticflickr.com/9/${u.server}/${name(u)}`],
  ["capitals", (u) => `http://FARM${u.farm}.StaticFlickr.com/${u.server}/${name(u)}`],
];

describe("A picture's URL", () => {
  it.each(forms)("of the form %s gives the Flickr photo id, and nothing else of it", (_, spell) => {
    assert(property(parts, (url) => flickrPhotoId(spell(url)) === String(url.id)));
  });

  it.each([
    "",
    "3044/2637959357_dd64a03efa_m.jpg",
    "https://example.org/3044/2637959357_dd64a03efa_m.jpg",
    "https://flickr.com.example.org/photos/a/2637959357",
    "https://notflickr.com/photos/a/2637959357",
    "https://farm4.staticflickr.com.example.org/3044/2637959357_dd64a03efa_m.jpg",
    "https://farm4.staticflickr.com/3044/2637959357.jpg",
    "https://farm4.staticflickr.com/3044/0_dd64a03efa.jpg",
    "https://farm4.staticflickr.com/3044/",
    "https://www.flickr.com/photos/a/albums/72157600000000",
    "https://www.flickr.com/photos/a/sets/72157600000000/",
    "https://www.flickr.com/photos/tags/2006/",
    "https://www.flickr.com/photos/a/",
    "https://www.flickr.com/groups/a/2637959357",
    "http://www.itsnature.org/wp-content/uploads/2010/06/flickr-3925571697-image.jpg",
  ])("that is no Flickr photo's gives none: %s", (url) => {
    expect(flickrPhotoId(url)).toBeUndefined();
  });

  it("gives no id and no exception whatever it says", () => {
    assert(property(string(), (text) => flickrPhotoId(text) === undefined));
  });
});

describe("A picture's key", () => {
  it("is read back as it was made", () => {
    assert(
      property(string({ minLength: 1 }), (id) => {
        return parseImageKey(imageKey("nlvr2", id)) === `nlvr2:${id}`;
      }),
    );
  });

  it.each(["", "coco", "coco:", "imagenet:1", "COCO:1", ":1"])("is not %j", (text) => {
    expect(parseImageKey(text)).toBeUndefined();
  });
});

describe("the address of a picture", () => {
  it.each([
    ["http://www.example.org/a.jpg", "https://example.org/a.jpg"],
    ["http://example.org:80/a.jpg", "https://example.org:443/a.jpg#top"],
    ["http://EXAMPLE.org/a%20b.jpg", "http://example.org/a b.jpg"],
    ["http://example.org/%7ejo/%e9%2fb.jpg", "http://example.org/~jo/%E9%2Fb.jpg"],
    ["http://example.org/b%C3%A9b%C3%A9.jpg", "http://example.org/bébé.jpg"],
    ["http://example.org/(1).jpg?x=%27", "http://example.org/%281%29.jpg?x='"],
    ["http://me:secret@example.org/a.jpg", "http://example.org/a.jpg"],
  ])("is one for %s and %s", (one, other) => {
    expect(webAddress(one)).toBe(webAddress(other));
  });

  it.each([
    ["http://example.org/image?id=1", "http://example.org/image?id=2"],
    ["http://example.org/image?id=1", "http://example.org/image"],
    ["http://example.org/a%2Fb.jpg", "http://example.org/a/b.jpg"],
    ["http://example.org/?q=a%26b=c", "http://example.org/?q=a&b=c"],
    ["http://example.org/100%25.jpg", "http://example.org/100%.jpg"],
    ["http://example.org/A.jpg", "http://example.org/a.jpg"],
    ["http://example.org:8080/a.jpg", "http://example.org/a.jpg"],
  ])("is another for %s than for %s", (one, other) => {
    expect(webAddress(one)).not.toBe(webAddress(other));
  });

  it.each(["", "a.jpg", "ftp://example.org/a.jpg", "data:image/png;base64,AA=="])(
    "is none for %j",
    (url) => {
      expect(webAddress(url)).toBeUndefined();
    },
  );
});
