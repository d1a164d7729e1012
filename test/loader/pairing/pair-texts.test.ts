import { describe, expect, it } from "vitest";

import { ConfigError, ShardError } from "../../../src/core/errors.ts";
import type { SceneHead, StoredPicture } from "../../../src/core/records.ts";
import { type Pairing, pairTexts } from "../../../src/loader/pairing/pair-sample.ts";
import { normalizedText } from "../../../src/loader/pairing/scene-texts.ts";
import { lookup, rules, scene, sharesPicture } from "./scenes.ts";

const pairing = { kind: "matched-unmatched", matched: 2, unmatched: 2 } as const;

function pair(scenes: readonly SceneHead[], sampleIndex: number, epoch = 0): Promise<Pairing> {
  const key = { seed: 5, epoch, sampleIndex };
  return pairTexts(key, { scenes: lookup(scenes), pairing, rules });
}

function textsOf({ pairs }: Pairing, matched: boolean): string[] {
  return pairs.filter((item) => item.matched === matched).map(({ text }) => text.text);
}

/** Scenes that repeat each other's texts and pictures often. */
function confusingScenes(): SceneHead[] {
  return Array.from({ length: 60 }, (_, id) => {
    const facts: Partial<StoredPicture>[] = [
      {},
      { key: `coco:${id % 20}` },
      { flickrPhotoId: String(id % 12) },
      { sha256: `bytes ${id % 15}` },
      { pixelSha256: `pixels ${id % 10}` },
      { sourceSha256: `file ${id % 14}` },
      { linkedKeys: [`vg:${id % 13}`] },
    ];
    return scene(
      id,
      [`A dog ${id % 9}.`, `a DOG ${id % 7}`, `A cat ${id}`, `"A dog ${(id * 3) % 9}"`],
      facts[id % facts.length],
    );
  });
}

describe("pairing pictures with texts", () => {
  it("I-3: gives exactly two matched and two unmatched texts, all different", async () => {
    const scenes = Array.from({ length: 20 }, (_, id) =>
      scene(id, [`first of ${id}`, `second of ${id}`, `third of ${id}`]),
    );
    for (let epoch = 0; epoch < 50; epoch += 1) {
      const drawn = await pair(scenes, 3, epoch);
      expect(drawn.pairs.map(({ matched }) => matched)).toEqual([true, true, false, false]);
      expect(new Set(drawn.pairs.map(({ text }) => text.text)).size).toBe(4);
      expect(textsOf(drawn, true).every((text) => text.endsWith("of 3"))).toBe(true);
      expect(textsOf(drawn, false).some((text) => text.endsWith("of 3"))).toBe(false);
      expect(drawn.numRepeats).toBe(0);
    }
  });

  it("I-2: draws no unmatched text that could be true of the picture in 24,000 draws", async () => {
    const scenes = confusingScenes();
    let numRedraws = 0;
    for (let draw = 0; draw < 12_000; draw += 1) {
      const sampleIndex = draw % scenes.length;
      const own = scenes[sampleIndex];
      const drawn = await pair(scenes, sampleIndex, Math.floor(draw / scenes.length));
      numRedraws += drawn.numRedraws;
      const ownTexts = own?.texts.map(({ text }) => normalizedText(text));
      for (const { matched, text, sampleIndex: owner } of drawn.pairs) {
        if (matched) continue;
        const other = scenes[owner];
        const isFalse =
          own !== undefined &&
          other !== undefined &&
          !sharesPicture(own, other) &&
          owner !== sampleIndex;
        expect(isFalse).toBe(true);
        expect(ownTexts).not.toContain(normalizedText(text.text));
        expect(other?.texts).toContain(text);
      }
    }
    expect(numRedraws).toBeGreaterThan(1000);
  });

  it("is a pure function of seed, epoch and sample", async () => {
    const scenes = confusingScenes();
    expect(await pair(scenes, 7, 2)).toEqual(await pair(scenes, 7, 2));
    const others = await Promise.all([0, 1, 2, 3].map((epoch) => pair(scenes, 7, epoch)));
    const ids = others.map((other) => other.pairs.map(({ text }) => text.id).join());
    expect(new Set(ids).size).toBeGreaterThan(2);
  });

  it("draws matched texts equally often", async () => {
    const scenes = [scene(0, ["a", "b", "c", "d", "e"]), scene(1, ["x", "y"])];
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 5000; epoch += 1) {
      for (const text of textsOf(await pair(scenes, 0, epoch), true))
        counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    for (const text of ["a", "b", "c", "d", "e"]) {
      expect(Math.abs((counts.get(text) ?? 0) - 2000)).toBeLessThan(4 * Math.sqrt(5000 * 0.24));
    }
  });

  it("repeats a text only when the scene has one meaning to tell", async () => {
    const scenes = [scene(0, ["One.", "one"]), scene(1, ["two", "TWO!"]), scene(2, ["three"])];
    const drawn = await pair(scenes, 0);
    expect(textsOf(drawn, true).map(normalizedText)).toEqual(["one", "one"]);
    expect(textsOf(drawn, false).map(normalizedText).toSorted()).toEqual(["three", "two"]);
    expect(drawn.numRepeats).toBe(1);
  });

  it("finds the only unmatched text by a scan and repeats it", async () => {
    const same = Array.from({ length: 400 }, (_, id) => scene(id, ["a dog", "A dog!"]));
    const drawn = await pair([...same, scene(400, ["a cat"])], 17);
    expect(textsOf(drawn, false)).toEqual(["a cat", "a cat"]);
    expect(drawn.numRepeats).toBe(2);
  });

  it.each([
    ["there is one scene", [scene(0, ["a dog"])]],
    [
      "all scenes show one picture",
      [scene(0, ["a dog"], { pixelSha256: "x" }), scene(1, ["a cat"], { pixelSha256: "x" })],
    ],
    ["all scenes say the same", [scene(0, ["a dog"]), scene(1, ["A dog."])]],
  ])("says so when %s", async (_, scenes) => {
    await expect(pair(scenes, 0)).rejects.toThrow(ConfigError);
    await expect(pair(scenes, 0)).rejects.toThrow(/no unmatched text for coco:0/);
  });

  it("says which scene has no text", async () => {
    const scenes = [scene(0, []), scene(1, ["a dog"])];
    await expect(pair(scenes, 0)).rejects.toThrow(
      new ShardError("scene coco:0 has no text to pair its picture with", { record: "coco:0" }),
    );
  });

  it("does not take unknown Flickr ids for the same picture", () => {
    const [a, b] = [scene(0, ["a"]), scene(1, ["b"])];
    expect(sharesPicture(a, b)).toBe(false);
    expect(sharesPicture(a, a)).toBe(true);
  });

  it("takes pictures for one when a link of either side says so", () => {
    const linked = scene(0, ["a"], { key: "vg:7", linkedKeys: ["coco:1", "flickr30k:3"] });
    expect(sharesPicture(linked, scene(1, ["b"]))).toBe(true);
    expect(sharesPicture(scene(1, ["b"]), linked)).toBe(true);
    expect(sharesPicture(linked, scene(2, ["c"], { linkedKeys: ["flickr30k:3"] }))).toBe(true);
    expect(sharesPicture(linked, scene(3, ["d"], { linkedKeys: ["flickr30k:4"] }))).toBe(false);
  });

  it("normalises ASCII as all other text", () => {
    const ascii = Array.from({ length: 128 }, (_, code) => `A${String.fromCharCode(code)}b`);
    for (const text of ascii) {
      const slowly = normalizedText(`${text} \u00E9`);
      expect(normalizedText(`${text} e`)).toBe(slowly);
    }
  });

  it("takes texts that differ in letter case, punctuation, spacing, width or accents for one", () => {
    const same = [
      "A man, a plan.",
      "a man a plan",
      " A  MAN\u3000a plan!\n",
      "a m\u00E1n a pla\u0304n",
      "a man a\u200Bplan",
      "\uff21 man - a plan",
    ];
    expect(new Set(same.map(normalizedText))).toEqual(new Set(["a man a plan"]));
    expect(normalizedText("a man a plane")).not.toBe("a man a plan");
    expect(normalizedText("STRASSE")).toBe(normalizedText("stra\u00DFe"));
    expect(normalizedText("\u039F\u0394\u039F\u03A3")).toBe(
      normalizedText("\u03BF\u03B4\u03BF\u03C3"),
    );
  });
});
