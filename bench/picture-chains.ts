// node --expose-gc bench/picture-chains.ts [scenes] [set…]: what finding pictures that are one by way of third ones costs.
// Of so many made-up scenes (1,000,000 unless given), a third of them linked; and of all scenes of the sets that are named.
import { strict as assert } from "node:assert";
import { performance } from "node:perf_hooks";

import { sha256 } from "../src/core/digest.ts";
import type { SceneHead } from "../src/core/records.ts";
import { findChains, type PictureChains } from "../src/loader/pairing/picture-chains.ts";
import { ShardSetReader } from "../src/shards/shard-set-reader.ts";
import { storedPicture } from "../test/loader/shard-set-fixture.ts";

const numScenes = Number(process.argv[2] ?? 1e6);
const bytes = new Uint8Array(1);

/** Every 30th scene is linked to the one before it and has the Flickr photo of the one behind it. */
function head(index: number): SceneHead {
  const digest = sha256(String(index));
  const facts = { sha256: digest, sourceSha256: digest, pixelSha256: digest.toUpperCase() };
  const isLink = index % 30 === 1;
  const picture = storedPicture(String(index), bytes, {
    ...facts,
    ...(isLink ? { key: `vg:${index}`, linkedKeys: [`coco:${index - 1}`] } : {}),
    flickrPhotoId: index % 30 < 3 && index % 30 > 0 ? `7${Math.floor(index / 30)}` : `8${index}`,
  });
  return { sceneKey: picture.key, pictures: [picture], texts: [] };
}

async function* made(): AsyncGenerator<SceneHead> {
  for (let index = 0; index < numScenes; index += 1) yield head(index);
}

async function measure(
  name: string,
  count: number,
  heads: AsyncIterable<SceneHead>,
): Promise<void> {
  globalThis.gc?.();
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 20);
  const watched = async function* (): AsyncGenerator<SceneHead> {
    let seen = 0;
    for await (const one of heads) {
      seen += 1;
      if (seen % 20_000 === 0) {
        await new Promise((resolve) => setImmediate(resolve));
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
      yield one;
    }
  };
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const chains: PictureChains = await findChains(count, watched());
  const seconds = (performance.now() - startMs) / 1000;
  clearInterval(timer);
  const { system, user } = process.cpuUsage(cpu);
  console.log(
    `${name}: ${count} scenes in ${seconds.toFixed(1)} s (processor ${((system + user) / 1e6).toFixed(1)} s), ${chains.scenes.length} of them in chains, at most ${(most / 2 ** 20).toFixed(0)} MiB of arrays beside the scenes`,
  );
}

const readMs = performance.now();
const readCpu = process.cpuUsage();
for await (const _ of made()) assert(_.pictures.length === 1);
const { user: makingUs } = process.cpuUsage(readCpu);
console.log(
  `making the scenes alone: ${((performance.now() - readMs) / 1000).toFixed(1)} s (processor ${(makingUs / 1e6).toFixed(1)} s)`,
);
await measure("made-up scenes", numScenes, made());
for (const set of process.argv.slice(3)) {
  await using reader = await ShardSetReader.open(set);
  for (const { name } of reader.index.splits) {
    const split = reader.split(name);
    await measure(`${set} ${name}`, split.numScenes, split.heads());
  }
}
