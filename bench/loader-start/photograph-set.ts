import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { sha256 } from "../../src/core/digest.ts";
import type { Scene } from "../../src/core/records.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { commitSplit, photographScenes } from "../../test/loader/shard-set-fixture.ts";

const NUMBER_BYTES = 8;

/**
 * Writes a set of so many real photographs, in the layout that `prepare` uses, unless the folder has one. There are 51:
 * each comes again and again, with its number behind its last byte, so that no two pictures have equal bytes.
 */
export async function writePhotographSet(folder: string, numPictures: number): Promise<void> {
  if (existsSync(join(folder, "index.json"))) return;
  await mkdir(folder, { recursive: true });
  const scenes = await photographScenes();
  await using writer = await SplitWriter.create({ folder, split: "train", role: "train" });
  for (let index = 0; index < numPictures; index += 1) {
    const scene = scenes[index % scenes.length];
    if (scene !== undefined) await writer.append(numbered(scene, index));
  }
  await commitSplit(folder, await writer.finish(), "photographs");
}

function numbered(scene: Scene, index: number): Scene {
  const number = Buffer.alloc(NUMBER_BYTES);
  number.writeBigUInt64BE(BigInt(index));
  const pictures = scene.pictures.map((picture) => {
    const bytes = Buffer.concat([picture.bytes, number]);
    const key = `coco:${index}` as const;
    return { ...picture, key, bytes, sha256: sha256(bytes) };
  });
  return { ...scene, sceneKey: `coco:${index}`, pictures };
}
