import { cp, open, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { LoaderOptions } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { boxedScenes, numClasses, numFeatures } from "./boxed-scenes.ts";
import { loaderFixture } from "./loader-fixture.ts";
import { temporaryFolder, writeSet } from "./shard-set-fixture.ts";

const NUM_SCENES = 44;
/** Scenes whose pictures are damaged, and one whose head is, with all heads that lie in its batch. */
const DAMAGED_PICTURES = [0, 3, 17, 30, 31];
const DAMAGED_HEAD = 9;

/** Modes whose pictures keep their ratio, or whose batches carry regions and boxes. */
export const shownModes = [
  "aspects",
  "crops",
  "replaced pictures",
  "tokens",
  "damage",
  "regions",
  "regions of tokens",
] as const;

export type ShownMode = (typeof shownModes)[number];

export interface ShownSets extends AsyncDisposable {
  optionsOf(mode: ShownMode): LoaderOptions;
}

/** A set of pictures of many sizes in all orientations, and the same with damage. */
export async function shownSets(): Promise<ShownSets> {
  await using owned = new AsyncDisposableStack();
  const folder = owned.use(await temporaryFolder());
  const fixture = owned.use(await loaderFixture());
  const [sound, damaged] = [join(folder.path, "sound"), join(folder.path, "damaged")];
  await writeSet(sound, await boxedScenes(NUM_SCENES));
  await cp(sound, damaged, { recursive: true });
  await damage(damaged);
  const plain = fixture.options({
    sets: [{ folder: sound, splits: ["train"] }],
    text: { maxTokens: 24, longer: "cut" },
    pictures: { kind: "keep-ratio", shorter: 24, longer: 40 },
    augment: noAugmentation,
  });
  const cropped = fixture.options().augment;
  const regions = { maxRegions: 3, numFeatures, numClasses };
  const tokens: Partial<LoaderOptions> = {
    batching: { kind: "tokens", maxTokens: 480, multipleOf: 8, bucketSize: 64 },
    pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" },
  };
  const changes: Record<ShownMode, Partial<LoaderOptions>> = {
    aspects: {
      grouping: "aspect",
      pictures: { kind: "keep-ratio", shorter: 24, longer: 40, padToMultipleOf: 16 },
    },
    crops: { augment: cropped },
    "replaced pictures": {
      augment: cropped,
      pairing: { kind: "bernoulli", probability: 0.5, replace: "either" },
    },
    tokens,
    damage: {
      augment: cropped,
      onDamage: "skip",
      sets: [{ folder: damaged, splits: ["train"] }],
    },
    regions: { augment: cropped, regions, textBoxes: true },
    "regions of tokens": { ...tokens, pictures: { kind: "none" }, regions, textBoxes: true },
  };
  const kept = owned.move();
  return {
    optionsOf: (mode) => ({ ...plain, ...changes[mode] }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function damage(set: string): Promise<void> {
  const path = join(set, "train/00000.arrow");
  const content = await readFile(path);
  await using reader = await ShardSetReader.open(set);
  const split = reader.split("train");
  const places = [content.indexOf(`number ${DAMAGED_HEAD}-0`)];
  for (const scene of DAMAGED_PICTURES) {
    const bytes = await split.pictureBytes(scene, 0);
    places.push(content.indexOf(bytes) + Math.floor(bytes.length / 2));
  }
  await using file = await open(path, "r+");
  for (const place of places) await file.write(Buffer.of((content[place] ?? 0) ^ 1), 0, 1, place);
}
