import { array, assert, constantFrom, property, string, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { hashName } from "../../../src/audit/tables/name-hash.ts";
import { NameTable } from "../../../src/audit/tables/name-table.ts";
import { TextPool } from "../../../src/audit/tables/text-pool.ts";
import { pictureNameKinds } from "../../../src/core/keys.ts";

function spelledHash(text: string, seed: number): string {
  const words = new Uint32Array(4);
  hashName(text, seed, words);
  return Buffer.from(words.buffer).toString("hex");
}

describe("the hash of a name", () => {
  // mmh3 5.3.1 for Python: hash_bytes(text.encode("utf-16-le"), seed, x64arch=False)
  it.each([
    ["", 0, "00000000000000000000000000000000"],
    ["", 5, "cf8ea65009661ad009661ad009661ad0"],
    ["a", 0, "96b13b03e14fefcce14fefcce14fefcc"],
    ["coco:391895", 0, "8c471908cb37a509fc893c337f4caa57"],
    ["2945213105", 1, "44dfbbbcc49b2d21d552893ff476fd4d"],
    ["bébé 😀", 2, "5910c407c2fbf413dc2ffe6bc4d298ab"],
    ["0123456", 3, "08ec3e41e498c00bc7c54a78f4488b31"],
    ["01234567", 3, "810dbc7c780951bbadd99d94eff6c93b"],
    ["012345678", 3, "6d87174eb232ff85795a9536d3d645fe"],
    ["images.example.org/a%2Fb.jpg?id=17", 2, "672fd4c9ab1a2d344c1e04883911ba98"],
    ["x".repeat(33), 4, "259e217ebd0598192f024e96079be7ef"],
  ])("of %j with the seed %i is MurmurHash3's", (text, seed, expected) => {
    expect(spelledHash(text, seed)).toBe(expected);
  });
});

describe("a table of names", () => {
  it("gives one number to equal names of one kind, and knows the text of those that came twice", () => {
    const names = array(tuple(constantFrom(...pictureNameKinds), string({ maxLength: 2 })), {
      maxLength: 60,
    });
    assert(
      property(names, (given) => {
        const table = new NameTable();
        const known = new Map<string, number>();
        const counts = new Map<number, number>();
        for (const [kind, name] of given) {
          const number = table.add(kind, name);
          const spelled = `${kind} ${name}`;
          expect(number).toBe(known.get(spelled) ?? known.size);
          known.set(spelled, number);
          counts.set(number, (counts.get(number) ?? 0) + 1);
        }
        expect(table.length).toBe(known.size);
        for (const [spelled, number] of known) {
          const name = spelled.slice(spelled.indexOf(" ") + 1);
          expect(table.text(number)).toBe(counts.get(number) === 1 ? undefined : name);
        }
      }),
    );
  });

  it("keeps its numbers while it grows", () => {
    const table = new NameTable();
    const numbers = Array.from({ length: 20_000 }, (_, id) => table.add("key", `coco:${id}`));
    expect(numbers.map((_, id) => table.add("key", `coco:${id}`))).toEqual(numbers);
    expect(table.text(numbers[19_999] ?? 0)).toBe("coco:19999");
  });
});

describe("a pool of texts", () => {
  it("gives every text back, also one that lies across its chunks", () => {
    const pool = new TextPool();
    const texts = [
      "",
      "coco:391895",
      "a".repeat(2 ** 20 - 20),
      "bébé 😀".repeat(9),
      "x".repeat(3 * 2 ** 20),
      "",
      "last",
    ];
    const numbers = texts.map((text) => pool.add(text));
    expect(numbers).toEqual(texts.map((_, index) => index));
    for (const [index, text] of texts.entries()) {
      expect(pool.text(index) === text).toBe(true);
    }
  });
});
