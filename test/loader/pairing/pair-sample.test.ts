import { describe, expect, it } from "vitest";

import { ConfigError } from "../../../src/core/errors.ts";
import type { SceneHead } from "../../../src/core/records.ts";
import type { SampleKey } from "../../../src/loader/draws.ts";
import type { PairingOptions } from "../../../src/loader/options.ts";
import { type Pairing, pairSample } from "../../../src/loader/pairing/pair-sample.ts";
import { firstPicture } from "../../../src/loader/pairing/replaced-picture.ts";
import { chiSquare, chiSquareLimit } from "../chi-square.ts";
import { caption } from "../shard-set-fixture.ts";
import { lookup, rules, scene, sharesPicture } from "./scenes.ts";

const twoAndTwo = { kind: "matched-unmatched", matched: 2, unmatched: 2 } as const;
const half = { kind: "exact-half" } as const;

function bernoulli(replace: "picture" | "text" | "either", probability = 0.5): PairingOptions {
  return { kind: "bernoulli", probability, replace };
}

const plain = Array.from({ length: 40 }, (_, id) => scene(id, [`first ${id}`, `second ${id}`]));

function pair(
  scenes: readonly SceneHead[],
  pairing: PairingOptions,
  key: Partial<SampleKey> = {},
): Promise<Pairing> {
  const whole = { seed: 3, epoch: 0, sampleIndex: 0, ...key };
  return pairSample(whole, { scenes: lookup(scenes), pairing, rules });
}

async function many(pairing: PairingOptions, count: number): Promise<Pairing[]> {
  return Promise.all(
    Array.from({ length: count }, (_, draw) =>
      pair(plain, pairing, { sampleIndex: draw % 40, epoch: Math.floor(draw / 40) }),
    ),
  );
}

describe("Bernoulli pairs (UNITER)", () => {
  it.each([0, 0.3, 0.5, 1])(
    "I-3: are unmatched with probability %f, within 4 sigma",
    async (share) => {
      const count = 4000;
      const drawn = await many(bernoulli("picture", share), count);
      const unmatched = drawn.filter(({ pairs }) => pairs[0]?.matched === false).length;
      expect(drawn.every(({ pairs }) => pairs.length === 1)).toBe(true);
      const sigma = Math.sqrt(count * share * (1 - share));
      expect(Math.abs(unmatched - count * share)).toBeLessThanOrEqual(4 * sigma);
    },
  );

  it.each(["picture", "text", "either"] as const)(
    "I-4: replace the %s, counted",
    async (replace) => {
      const drawn = await many(bernoulli(replace), 4000);
      const counts = { picture: 0, text: 0 };
      for (const [index, { pairs, pictureIndex }] of drawn.entries()) {
        const [only] = pairs;
        const isOtherPicture = pictureIndex !== index % 40;
        const isOtherText = only?.sampleIndex !== index % 40;
        expect(isOtherPicture || isOtherText).toBe(only?.matched === false);
        expect(isOtherPicture && isOtherText).toBe(false);
        counts.picture += Number(isOtherPicture);
        counts.text += Number(isOtherText);
      }
      const expected = { picture: [2000, 0], text: [0, 2000], either: [1000, 1000] }[replace];
      expect(Math.abs(counts.picture - (expected[0] ?? 0))).toBeLessThan(130);
      expect(Math.abs(counts.text - (expected[1] ?? 0))).toBeLessThan(130);
    },
  );

  it("never replace a picture by one that owns an equal text, or by the same picture", async () => {
    const scenes = [
      scene(0, ["a dog"]),
      scene(1, ["a cat", "A dog!"]),
      scene(2, ["a bird"], { linkedKeys: ["coco:0"] }),
      scene(3, ["a fish"]),
    ];
    for (let epoch = 0; epoch < 200; epoch += 1) {
      const { pictureIndex } = await pair(scenes, bernoulli("picture", 1), { epoch });
      expect(pictureIndex).toBe(3);
    }
    await expect(pair(scenes.slice(0, 3), bernoulli("picture", 1))).rejects.toThrow(
      "no unmatched picture for coco:0",
    );
  });

  it("are about the text that the key names, or about a drawn one", async () => {
    const named = await pair(plain, bernoulli("picture", 0), { sampleIndex: 4, textIndex: 1 });
    expect(named.pairs[0]?.text.text).toBe("second 4");
    const drawn = await Promise.all(
      Array.from({ length: 50 }, (_, epoch) => pair(plain, bernoulli("text", 0), { epoch })),
    );
    expect(new Set(drawn.map(({ pairs }) => pairs[0]?.text.text))).toEqual(
      new Set(["first 0", "second 0"]),
    );
  });
});

describe("Texts that are unmatched by a coin each (SOHO as released)", () => {
  const released = {
    kind: "bernoulli-texts",
    texts: 4,
    probability: 0.5,
    unmatchedText: "first",
  } as const;
  const five = Array.from({ length: 40 }, (_, id) =>
    scene(
      id,
      [0, 1, 2, 3, 4].map((part) => `${part} ${id}`),
    ),
  );

  /** The parts of unmatched texts. */
  async function partsOf(unmatchedText: "any" | "first"): Promise<Set<string>> {
    const drawn = await Promise.all(
      Array.from({ length: 200 }, (_, epoch) =>
        pair(five, { ...released, unmatchedText }, { epoch }),
      ),
    );
    const unmatched = drawn.flatMap(({ pairs }) => pairs.filter(({ matched }) => !matched));
    expect(unmatched.every(({ sampleIndex }) => sampleIndex !== 0)).toBe(true);
    return new Set(unmatched.map(({ text }) => text.text.slice(0, 1)));
  }

  it("I-3: are four a picture, of which 0 to 4 are unmatched by the binomial law", async () => {
    const numDraws = 8000;
    const counts = [0, 0, 0, 0, 0];
    for (let draw = 0; draw < numDraws; draw += 1) {
      const key = { sampleIndex: draw % 40, epoch: Math.floor(draw / 40) };
      const { pairs, pictureIndex } = await pair(five, released, key);
      expect([pairs.length, pictureIndex]).toEqual([4, draw % 40]);
      const unmatched = pairs.filter(({ matched }) => !matched).length;
      counts[unmatched] = (counts[unmatched] ?? 0) + 1;
    }
    expect(chiSquare(counts, [1, 4, 6, 4, 1])).toBeLessThan(chiSquareLimit(4));
  });

  it("are the first text of other scenes, or any of theirs", async () => {
    expect(await partsOf("first")).toEqual(new Set(["0"]));
    expect(await partsOf("any")).toEqual(new Set(["0", "1", "2", "3", "4"]));
  });
});

/** Which rows of a batch are matched. */
function halfLabels(numRows: number, batchIndex: number, epoch = 0): Promise<boolean[]> {
  return Promise.all(
    Array.from({ length: numRows }, async (_, row) => {
      const place = { epoch, batchIndex, row, numRows };
      // The sample's own epoch may be another one where sets are mixed.
      const drawn = await pair(plain, half, { sampleIndex: row % 40, epoch: row % 3, place });
      expect(drawn.pictureIndex).toBe(row % 40);
      return drawn.pairs[0]?.matched === true;
    }),
  );
}

describe("Exactly half of a batch", () => {
  it.each([1, 2, 8, 31, 64])("I-3: of %i samples is unmatched", async (numRows) => {
    const counts = await Promise.all(
      Array.from({ length: 40 }, async (_, batch) => {
        const drawn = await halfLabels(numRows, batch);
        return drawn.filter((isMatched) => !isMatched).length;
      }),
    );
    expect(new Set(counts)).toEqual(new Set([Math.floor(numRows / 2), Math.ceil(numRows / 2)]));
  });

  it("is at other rows in every batch and epoch, each row as often", async () => {
    const drawn = await Promise.all(
      Array.from({ length: 400 }, (_, batch) => halfLabels(8, batch)),
    );
    for (let row = 0; row < 8; row += 1) {
      const matched = drawn.filter((rows) => rows[row]).length;
      expect(Math.abs(matched - 200)).toBeLessThan(40);
    }
    expect(await halfLabels(8, 0)).not.toEqual(await halfLabels(8, 0, 1));
  });
});

describe("A picture in the place of another", () => {
  it("has no more room than the one that was tried first, which is known without a look at any", async () => {
    // Two of three pictures say the same, so that many of those that are tried first do not fit.
    const heads = Array.from({ length: 60 }, (_, id) =>
      scene(id, [id % 3 === 0 ? `a ${id}` : "b"]),
    );
    const sizes = heads.map((_, id) => (id * 7) % 11);
    const mayStandFor = (_: number, { first, other }: { first: number; other: number }): boolean =>
      (sizes[other] ?? 0) <= (sizes[first] ?? 0);
    const scenes = { ...lookup(heads), mayStandFor };
    const pairing = bernoulli("picture");
    const pictures = await Promise.all(
      Array.from({ length: 3000 }, async (_, draw) => {
        const key = { seed: 4, epoch: draw, sampleIndex: draw % 60, textIndex: 0 };
        const { pictureIndex } = await pairSample(key, { scenes, pairing, rules });
        return { pictureIndex, first: firstPicture(key, pairing, { first: 0, size: 60 }) };
      }),
    );
    const tooLarge = pictures.filter(
      ({ first, pictureIndex }) => (sizes[pictureIndex] ?? 0) > (sizes[first] ?? 0),
    );
    expect(tooLarge).toEqual([]);
    const others = pictures.filter(({ first, pictureIndex }) => first !== pictureIndex);
    expect(others.length).toBeGreaterThan(500);
  });
});

describe("Texts of pairs", () => {
  it("D-6: that are too long are left out and counted", async () => {
    const scenes = [scene(0, ["a dog", "x".repeat(30)]), ...plain.slice(1)];
    const options = { scenes: lookup(scenes), pairing: twoAndTwo };
    const drop = { ...rules, maxTokens: 20, longer: "drop" } as const;
    const drawn = await pairSample(
      { seed: 1, epoch: 0, sampleIndex: 0 },
      { ...options, rules: drop },
    );
    expect(drawn.pairs.slice(0, 2).map(({ text }) => text.text)).toEqual(["a dog", "a dog"]);
    expect(drawn).toMatchObject({ numDroppedTexts: 1, numRepeats: 1 });
    const cut = await pairSample(
      { seed: 1, epoch: 0, sampleIndex: 0 },
      { ...options, rules: { ...drop, longer: "cut" } },
    );
    expect(cut).toMatchObject({ numDroppedTexts: 0, numRepeats: 0 });
  });

  it("are never drawn as unmatched ones when they are too long", async () => {
    const scenes = [scene(0, ["a dog"]), scene(1, ["y".repeat(30), "a cat"])];
    const drop = { ...rules, maxTokens: 20, longer: "drop" } as const;
    for (let epoch = 0; epoch < 50; epoch += 1) {
      const { pairs } = await pairSample(
        { seed: 1, epoch, sampleIndex: 0 },
        { scenes: lookup(scenes), pairing: twoAndTwo, rules: drop },
      );
      expect(pairs.map(({ text }) => text.text)).toEqual(["a dog", "a dog", "a cat", "a cat"]);
    }
  });

  it("are cut and not left out where all of a picture's are too long", async () => {
    const scenes = [scene(0, ["x".repeat(30), "z".repeat(40)]), ...plain.slice(1)];
    const drop = { ...rules, maxTokens: 20, longer: "drop" } as const;
    const drawn = await pairSample(
      { seed: 1, epoch: 0, sampleIndex: 0 },
      { scenes: lookup(scenes), pairing: twoAndTwo, rules: drop },
    );
    expect(drawn).toMatchObject({ numDroppedTexts: 0, numRepeats: 0 });
    expect(drawn.pairs.slice(0, 2).every(({ sampleIndex }) => sampleIndex === 0)).toBe(true);
  });

  it("differ from the picture's own in what is left of them after cutting", async () => {
    const scenes = [scene(0, ["a dog and a cat"]), scene(1, ["a dog and a man"]), scene(2, ["no"])];
    const rulesOfTen = { ...rules, maxTokens: 10 }; // [CLS], the letters of "a dog and a", [SEP]
    for (let epoch = 0; epoch < 30; epoch += 1) {
      const { pairs } = await pairSample(
        { seed: 1, epoch, sampleIndex: 0 },
        { scenes: lookup(scenes), pairing: twoAndTwo, rules: rulesOfTen },
      );
      expect(pairs.slice(2).map(({ text }) => text.text)).toEqual(["no", "no"]);
    }
  });

  it("that are questions, statements or hypotheses stand beside no picture", async () => {
    const question = { ...caption("q", "what is it"), kind: "question" } as const;
    const scenes = [scene(0, [question, "a dog"]), scene(1, [question, "a cat"])];
    for (let epoch = 0; epoch < 30; epoch += 1) {
      const { pairs } = await pair(scenes, twoAndTwo, { epoch });
      expect(pairs.every(({ text }) => text.kind === "caption")).toBe(true);
    }
    await expect(pair([scene(0, [question]), ...plain], twoAndTwo)).rejects.toThrow(ConfigError);
    await expect(pair([scene(0, [question]), ...plain], twoAndTwo)).rejects.toThrow(
      "has no text that is true of its picture by itself, only a question",
    );
  });

  it("are only those of what is shown", async () => {
    const { pairs } = await pairSample(
      { seed: 1, epoch: 0, sampleIndex: 0 },
      {
        scenes: lookup(plain),
        pairing: twoAndTwo,
        rules,
        isShown: ({ text }) => text.startsWith("second"),
      },
    );
    expect(pairs.slice(0, 2).map(({ text }) => text.text)).toEqual(["second 0", "second 0"]);
  });

  it("come from other pictures where one is in COCO and in Visual Genome, in both directions", async () => {
    const coco = scene(0, ["a dog"]);
    const genome = scene(1, ["brown dog", "grass"], { key: "vg:1", linkedKeys: ["coco:0"] });
    const scenes = [coco, genome, scene(2, ["a cat", "a wall"])];
    expect(sharesPicture(coco, genome)).toBe(true);
    for (const sampleIndex of [0, 1]) {
      for (let epoch = 0; epoch < 100; epoch += 1) {
        const { pairs } = await pair(scenes, twoAndTwo, { sampleIndex, epoch });
        expect(pairs.slice(2).every((found) => found.sampleIndex === 2)).toBe(true);
      }
    }
  });

  it("are pinned for a small case", async () => {
    const drawn = await Promise.all(
      [twoAndTwo, bernoulli("either"), half].map((pairing) =>
        Promise.all(
          [0, 1, 2, 3].map(async (row) => {
            const place = { epoch: 1, batchIndex: 2, row, numRows: 4 };
            const key = { sampleIndex: row, epoch: 1, place };
            const { pairs, pictureIndex } = await pair(plain, pairing, key);
            return [pictureIndex, ...pairs.map(({ text }) => text.id)].join(" ");
          }),
        ),
      ),
    );
    expect(drawn).toEqual([
      ["0 0-1 0-0 30-1 27-1", "1 1-1 1-0 3-0 9-1", "2 2-0 2-1 16-1 30-1", "3 3-1 3-0 20-0 19-0"],
      ["0 30-1", "3 1-1", "2 16-1", "3 3-1"],
      ["0 30-1", "1 3-0", "2 2-0", "3 3-1"],
    ]);
  });
});
