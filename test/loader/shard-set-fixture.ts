import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import sharp from "sharp";
import { z } from "zod";

import { sha256 } from "../../src/core/digest.ts";
import { imageKey } from "../../src/core/keys.ts";
import type { Scene, SceneText, StoredPicture } from "../../src/core/records.ts";
import { writeLedger } from "../../src/shards/ledger.ts";
import {
  commitIndex,
  type ShardSetIndex,
  type SplitEntry,
} from "../../src/shards/shard-set-index.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { realData, realPhotographs } from "../real-data.ts";

/** A folder below the system's temporary one, removed on disposal. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "crossweave-loader-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export function caption(id: string, text: string): SceneText {
  return {
    id,
    kind: "caption",
    text,
    label: null,
    answers: [],
    choices: [],
    box: null,
    context: null,
  };
}

/** A stored picture around bytes that may be no picture at all. */
export function storedPicture(
  id: string,
  bytes: Uint8Array,
  facts: Partial<StoredPicture> = {},
): StoredPicture {
  const digest = sha256(bytes);
  return {
    key: imageKey("coco", id),
    path: `coco/train2017/${id}.jpg`,
    format: "jpeg",
    width: 48,
    height: 32,
    sourceWidth: 48,
    sourceHeight: 32,
    sourceSizeBytes: bytes.length,
    orientation: 1,
    sha256: digest,
    sourceSha256: digest,
    pixelSha256: sha256(`pixels of ${digest}`),
    perceptualHash: null,
    url: null,
    flickrPhotoId: null,
    license: null,
    linkedKeys: [],
    notes: [],
    bytes,
    ...facts,
  };
}

const COLOURS = ["red", "green", "blue", "yellow", "purple", "white", "black", "orange"];
const THINGS = ["ball", "box", "boat", "bird", "tree"];

/** Scenes with a drawn JPEG and five captions each; scene i has key coco:i. */
export function drawnScenes(numScenes: number): Promise<Scene[]> {
  return Promise.all(Array.from({ length: numScenes }, (_, index) => drawnScene(index)));
}

async function drawnScene(index: number): Promise<Scene> {
  const [width, height] = [48 + (index % 3) * 8, 32 + (index % 5) * 8];
  const pixels = Uint8Array.from(
    { length: width * height * 3 },
    (_, place) => (place * (index + 3) + (place >> 5) * index * 7) % 256,
  );
  const raw = { width, height, channels: 3 } as const;
  const bytes = await sharp(pixels, { raw }).jpeg({ quality: 80 }).toBuffer();
  const thing = THINGS[index % THINGS.length];
  const colour = COLOURS[index % COLOURS.length];
  const texts = Array.from({ length: 5 }, (_, part) =>
    caption(`${index}-${part}`, `A ${colour} ${thing} number ${index}, seen ${part} times.`),
  );
  return {
    sceneKey: `coco:${index}`,
    pictures: [storedPicture(String(index), bytes, { width, height })],
    texts,
    regions: null,
  };
}

const captionFile = z.object({
  annotations: z.array(z.object({ id: z.number(), image_id: z.number(), caption: z.string() })),
});

/** The 51 real photographs with their captions. */
export async function photographScenes(): Promise<Scene[]> {
  const files = [
    "coco/mini/captions_train2017.mini80.json",
    "coco/mini/captions_val2017.mini79.json",
  ];
  const contents = await Promise.all(files.map((file) => readFile(realData(file), "utf8")));
  const annotations = contents.flatMap((text) => captionFile.parse(JSON.parse(text)).annotations);
  const photographs = await realPhotographs();
  return Promise.all(
    photographs.map(async (path) => {
      const id = Number(/(\d+)\.jpg$/.exec(path)?.[1]);
      const bytes = await readFile(realData("images/coco", path));
      const { width, height } = await sharp(bytes).metadata();
      return {
        sceneKey: `coco:${id}`,
        pictures: [storedPicture(String(id), bytes, { width, height })],
        texts: annotations
          .filter((annotation) => annotation.image_id === id)
          .map((annotation) => caption(String(annotation.id), annotation.caption)),
        regions: null,
      };
    }),
  );
}

/** Writes a set of one split "train" in small shards of several batches. */
export async function writeSet(folder: string, scenes: readonly Scene[]): Promise<void> {
  const layout = { targetBatchBytes: 2 ** 22, maxScenesPerBatch: 7, targetShardBytes: 2 ** 24 };
  await using writer = await SplitWriter.create({ folder, split: "train", role: "train", layout });
  for (const scene of scenes) await writer.append(scene);
  await commitSplit(folder, await writer.finish(), "fixture");
}

/** Makes a set of one split whose shards are written: an empty ledger, and the index. */
export async function commitSplit(
  folder: string,
  split: SplitEntry,
  name: string,
): Promise<ShardSetIndex> {
  return commitIndex(folder, {
    format: "crossweave-shards",
    version: 1,
    name,
    recipe: {},
    partial: false,
    splits: [split],
    counts: [],
    sources: [],
    ledger: await writeLedger(folder, []),
  });
}

/** Writes a vocabulary of the fixture's words and gives its path. */
export async function writeVocabulary(folder: string): Promise<string> {
  const path = join(folder, "vocab.txt");
  const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const letters = Array.from("abcdefghijklmnopqrstuvwxyz0123456789.,");
  const pieces = letters.map((letter) => `##${letter}`);
  const words = ["number", "seen", "times", ...COLOURS, ...THINGS];
  await writeFile(path, [...specials, ...letters, ...pieces, ...words, ""].join("\n"));
  return path;
}
