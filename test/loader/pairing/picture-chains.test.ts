import { readFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { RandomStream } from "../../../src/core/random.ts";
import type { PictureInfo, SceneHead } from "../../../src/core/records.ts";
import { pairSample } from "../../../src/loader/pairing/pair-sample.ts";
import { findChains, groupOf } from "../../../src/loader/pairing/picture-chains.ts";
import { realData } from "../../real-data.ts";
import { lookup, rules, scene, sharesPicture } from "./scenes.ts";

async function* each(heads: readonly SceneHead[]): AsyncGenerator<SceneHead> {
  yield* heads;
}

/** Of each scene the first scene that shows its picture, by letting smaller numbers pass between neighbours. */
function closure(heads: readonly SceneHead[]): number[] {
  const neighbours = heads.map((head) =>
    heads.flatMap((other, index) => (sharesPicture(head, other) ? [index] : [])),
  );
  const first = [...heads.keys()];
  for (let numChanged = 1; numChanged > 0;) {
    numChanged = 0;
    for (const [index, others] of neighbours.entries()) {
      const least = Math.min(...others.map((other) => first[other] ?? Infinity));
      numChanged += Number(least !== first[index]);
      first[index] = least;
    }
  }
  return first;
}

/** Scenes that have few names between them, so that many are one picture by way of others. */
function tangled(seed: number): SceneHead[] {
  const draws = new RandomStream(seed);
  const size = 2 + draws.nextInt(40);
  return Array.from({ length: size }, (_, index) => {
    const some = (): number => draws.nextInt(size);
    const facts: Partial<PictureInfo> = {
      ...(draws.nextBoolean(0.4) ? { key: `vg:${index}`, linkedKeys: [`coco:${some()}`] } : {}),
      ...(draws.nextBoolean(0.4) ? { flickrPhotoId: `7${some()}` } : {}),
      ...(draws.nextBoolean(0.2) ? { pixelSha256: `pixels ${some()}` } : {}),
      ...(draws.nextBoolean(0.2) ? { sourceSha256: `bytes ${some()}` } : {}),
    };
    return scene(index, [`text ${index}`], facts);
  });
}

/** Pairs of scenes that the chains with a look at both call the same and the closure does not, or the other way. */
async function differences(heads: readonly SceneHead[]): Promise<string[]> {
  const first = closure(heads);
  const chains = await findChains(heads.length, each(heads));
  return heads.flatMap((left, a) =>
    heads.flatMap((right, b) => {
      const group = groupOf(chains, a);
      const isChained = group !== undefined && group === groupOf(chains, b);
      const isSame = isChained || sharesPicture(left, right);
      return isSame === (first[a] === first[b]) ? [] : [`${a} and ${b}`];
    }),
  );
}

describe("chains of scenes that show one picture", () => {
  it("with what two scenes share are the closure of sharing, for 300 drawn tangles", async () => {
    let numChained = 0;
    for (let seed = 0; seed < 300; seed += 1) {
      const heads = tangled(seed);
      expect({ seed, differences: await differences(heads) }).toEqual({ seed, differences: [] });
      numChained += (await findChains(heads.length, each(heads))).scenes.length;
    }
    expect(numChained).toBeGreaterThan(1000);
  });

  it("are not kept where one name says all of it", async () => {
    const heads = [0, 1, 2, 3].map((id) => scene(id, ["a"], { flickrPhotoId: "777" }));
    const chains = await findChains(heads.length, each([...heads, scene(4, ["b"])]));
    expect(chains.scenes).toHaveLength(0);
  });

  it("keep A from being unmatched with C where B is known to be both, in 20,000 draws", async () => {
    const heads = [
      scene(1, ["red"]),
      scene(2, ["green"], { key: "vg:2", linkedKeys: ["coco:1"], flickrPhotoId: "777" }),
      scene(3, ["blue"], { key: "flickr30k:777" }),
      scene(4, ["white"]),
      scene(5, ["black"]),
    ];
    const chains = await findChains(heads.length, each(heads));
    const scenes = { ...lookup(heads), chainOf: (index: number) => groupOf(chains, index) };
    const pairing = { kind: "matched-unmatched", matched: 0, unmatched: 1 } as const;
    const drawn = new Map<string, number>();
    for (let epoch = 0; epoch < 20_000; epoch += 1) {
      for (const sampleIndex of [0, 2]) {
        const { pairs } = await pairSample(
          { seed: 5, epoch, sampleIndex },
          { scenes, pairing, rules },
        );
        for (const { text } of pairs) drawn.set(text.text, (drawn.get(text.text) ?? 0) + 1);
      }
    }
    expect([...drawn.keys()].toSorted()).toEqual(["black", "white"]);
  });

  it("join COCO's and Flickr30K's shared photographs with Visual Genome's, which names COCO alone", async () => {
    const file = await readFile(realData("overlap/coco_flickr30k_url_overlap.tsv"), "utf8");
    const rows = file.trim().split("\n").slice(1);
    const heads = rows.flatMap((row, index) => {
      const [coco = "", photo = "", , , , url = ""] = row.split("\t");
      return [
        scene(3 * index, [`coco ${coco}`], { key: `coco:${coco}`, url }),
        scene(3 * index + 1, [`vg ${coco}`], { key: `vg:${index}`, linkedKeys: [`coco:${coco}`] }),
        scene(3 * index + 2, [`flickr ${photo}`], { key: `flickr30k:${photo}` }),
      ];
    });
    expect(heads).toHaveLength(27);
    const chains = await findChains(heads.length, each(heads));
    expect([...chains.scenes]).toEqual([...heads.keys()]);
    expect([...chains.groups]).toEqual(Array.from(heads.keys(), (place) => Math.floor(place / 3)));
  });
});
