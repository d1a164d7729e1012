import { array, assert, nat, property, record, uniqueArray } from "fast-check";
import { expect, it } from "vitest";
import { decodeHits, encodeHits } from "../../../src/audit/text-memory/text-hits.ts";

const scenes = array(
  record({
    firstPicture: nat(),
    texts: uniqueArray(nat(), { minLength: 1, maxLength: 4 }),
  }),
  { maxLength: 8 },
).map((hits) => hits.map((hit, at) => ({ scene: 3 * at, ...hit })));
const hits = record({ numPictures: nat(), numUnlike: nat(), numWithoutWords: nat(), scenes });

it("hits of texts are what they were after they were kept", () => {
  assert(
    property(hits, (given) => {
      const bytes = encodeHits(given);
      expect(decodeHits(bytes)).toEqual(given);
      expect(decodeHits(bytes.subarray(0, -4))).toBeUndefined();
    }),
  );
});
