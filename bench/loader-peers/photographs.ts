import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";

import { sha256 } from "../../src/core/digest.ts";
import type { Scene } from "../../src/core/records.ts";
import { withSeekTable } from "../../src/pixels/seeking/add-seek-table.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { commitSplit, photographScenes } from "../../test/loader/shard-set-fixture.ts";

// As few as 300 pictures of 384 px, or 890 of 224 px, would fit into the memory in which the loader's threads keep whole
// pictures decoded. Of so many copies it keeps none, and every delivery is a decoding.
const COPIES = 20;
// At least one for each of four worker processes, or some would have nothing to read.
const NUM_TARS = 8;

/** What all contestants read: equal bytes, equal captions. */
export interface Photographs {
  /** Holds set/ and seekable-set/ (ours), tars/, jpegs/ and photographs.json. */
  readonly folder: string;
  readonly numPictures: number;
  readonly numFiles: number;
  readonly meanBytes: number;
  /** What the seek tables add to the pictures of seekable-set/, as a share of their bytes. */
  readonly seekTableShare: number;
}

interface Entry {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly texts: readonly string[];
}

/** Lays the real photographs out, each many times under names of its own, in the form that each contestant reads. */
export async function layOutPhotographs(folder: string): Promise<Photographs> {
  const scenes = await photographScenes();
  const entries = Array.from({ length: COPIES }, (_, copy) =>
    scenes.map((scene) => entryOf(scene, copy)),
  ).flat();
  const seekable = scenes.map(withSeekTables);
  await writeSet(join(folder, "set"), scenes);
  await writeSet(join(folder, "seekable-set"), seekable);
  await writeFiles(folder, entries);
  await writeTars(join(folder, "tars"), entries);
  const numBytes = entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return {
    folder,
    numPictures: scenes.length,
    numFiles: entries.length,
    meanBytes: numBytes / entries.length,
    seekTableShare: sizeOf(seekable) / sizeOf(scenes) - 1,
  };
}

/** The scene as a recipe with `pictures.seekTable` stores it. */
function withSeekTables(scene: Scene): Scene {
  const pictures = scene.pictures.map((picture) => {
    const bytes = withSeekTable(picture.bytes) ?? picture.bytes;
    return { ...picture, bytes, sha256: sha256(bytes) };
  });
  return { ...scene, pictures };
}

function sizeOf(scenes: readonly Scene[]): number {
  return scenes
    .flatMap(({ pictures }) => pictures)
    .reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Reads every file once: some systems take files out of the page cache that nobody read for a minute. */
export async function warm(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await readFile(join(entry.parentPath, entry.name));
  }
}

function entryOf(scene: Scene, copy: number): Entry {
  const [picture] = scene.pictures;
  if (picture === undefined) throw new TypeError(`${scene.sceneKey} has no picture`);
  const name = `${scene.sceneKey.replace(":", "-")}-${copy}`;
  return { file: `${name}.jpg`, bytes: picture.bytes, texts: scene.texts.map(({ text }) => text) };
}

async function writeSet(folder: string, scenes: readonly Scene[]): Promise<void> {
  await using writer = await SplitWriter.create({ folder, split: "train", role: "train" });
  for (let copy = 0; copy < COPIES; copy += 1) {
    for (const scene of scenes) {
      await writer.append({ ...scene, sceneKey: `${scene.sceneKey}-${copy}` });
    }
  }
  await commitSplit(folder, await writer.finish(), "bench");
}

async function writeFiles(folder: string, entries: readonly Entry[]): Promise<void> {
  await mkdir(join(folder, "jpegs"), { recursive: true });
  for (const { bytes, file } of entries) await writeFile(join(folder, "jpegs", file), bytes);
  const list = entries.map(({ file, texts }) => ({ file, texts }));
  await writeFile(join(folder, "photographs.json"), JSON.stringify(list));
}

async function writeTars(folder: string, entries: readonly Entry[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let tar = 0; tar < NUM_TARS; tar += 1) {
    const archive = pack();
    for (const { bytes, file } of entries.filter((_, index) => index % NUM_TARS === tar)) {
      archive.entry({ name: file }, Buffer.from(bytes));
    }
    archive.finalize();
    await pipeline(archive, createWriteStream(join(folder, `${tar}.tar`)));
  }
}
