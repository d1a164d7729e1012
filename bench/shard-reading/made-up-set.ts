import type { Scene } from "../../src/core/records.ts";
import type { ShardSetIndex } from "../../src/shards/shard-set-index.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { defaultShardLayout, type ShardLayout } from "../../src/shards/unfinished-split.ts";
import { commitSplit } from "../../test/loader/shard-set-fixture.ts";
import { madeUpScene } from "../../test/shards/scenes.ts";

export interface MadeUpSet {
  readonly numScenes: number;
  readonly pictureBytes: number;
  readonly layout?: ShardLayout;
}

// Few different pictures, so that making them up does not count.
const NUM_PICTURES = 64;

function* scenes({ numScenes, pictureBytes }: MadeUpSet): Generator<Scene> {
  const kept = Array.from({ length: NUM_PICTURES }, (_, id) => madeUpScene(id, pictureBytes));
  for (let scene = 0; scene < numScenes; scene += 1) {
    const picked = kept[scene % NUM_PICTURES] ?? madeUpScene(scene, pictureBytes);
    yield { ...picked, sceneKey: `scene-${scene}` };
  }
}

/** Writes a set; says how long the writing took and how much memory the process had at most meanwhile. */
export async function writeMadeUpSet(
  folder: string,
  content: MadeUpSet,
): Promise<{ readonly index: ShardSetIndex; readonly seconds: number; readonly maxRss: number }> {
  const layout = content.layout ?? defaultShardLayout;
  await using writer = await SplitWriter.create({ folder, split: "train", role: "train", layout });
  let maxRss = 0;
  const start = performance.now();
  for (const scene of scenes(content)) {
    await writer.append(scene);
    maxRss = Math.max(maxRss, process.memoryUsage.rss());
  }
  const split = await writer.finish();
  const seconds = (performance.now() - start) / 1000;
  const index = await commitSplit(folder, split, "bench");
  return { index, seconds, maxRss };
}
