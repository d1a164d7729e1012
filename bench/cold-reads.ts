// Pictures of a set at random and in order when nothing of it is in the page cache (issue 5, G11), beside what the device
// itself gives for reads of the same places: `node bench/cold-reads.ts [numScenes] [pictureBytes]`. About a minute.
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { RandomStream } from "../src/core/random.ts";
import { ShardSetReader } from "../src/shards/shard-set-reader.ts";
import { temporaryFolder } from "../test/loader/shard-set-fixture.ts";
import { writeMadeUpSet } from "./shard-reading/made-up-set.ts";
import { demand, median, report } from "./shard-reading/measures.ts";
import { dropFromPageCache } from "./shard-reading/page-cache.ts";

const [numScenes = 4000, pictureBytes = 150_000] = process.argv.slice(2).map(Number);
const NUM_RUNS = 5;

// Plain reads of as many bytes, one after the other and by 8 threads: offsets as a shuffled set has them, or in order.
const DEVICE = `import concurrent.futures, glob, json, os, random, sys, time
folder, size = sys.argv[1], int(sys.argv[2])
files = [(os.open(path, os.O_RDONLY), os.path.getsize(path)) for path in sorted(glob.glob(folder + '/*/*.arrow'))]
places = [(file, at) for file, end in files for at in range(0, end - size, size)]
def drop():
    for file, _ in files:
        os.fsync(file); os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
def rate(order, threads):
    drop()
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda place: len(os.pread(place[0], size, place[1])), order, chunksize=16))
    return len(order) / (time.perf_counter() - start)
shuffled = places[:]
random.Random(1).shuffle(shuffled)
print(json.dumps({'inOrder': rate(places, 1), 'atRandom': rate(shuffled, 1), 'eightAtOnce': rate(shuffled, 8)}))`;
const deviceRates = z.object({
  inOrder: z.number(),
  atRandom: z.number(),
  eightAtOnce: z.number(),
});

await using made = await temporaryFolder();
const set = join(made.path, "set");
await writeMadeUpSet(set, { numScenes, pictureBytes });
report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
report(
  "set",
  `${numScenes} pictures of ${pictureBytes} bytes; every run begins without page cache`,
);
const inOrder = Array.from({ length: numScenes }, (_, scene) => scene);
const atRandom = new RandomStream(9).shuffled(inOrder);
const ours: { ordered: number[]; random: number[] } = { ordered: [], random: [] };
const device: z.infer<typeof deviceRates>[] = [];
for (let run = 0; run < NUM_RUNS; run += 1) {
  ours.ordered.push(await coldRate(inOrder));
  ours.random.push(await coldRate(atRandom));
  const output = execFileSync("python3", ["-c", DEVICE, set, String(pictureBytes)], {
    encoding: "utf8",
  });
  device.push(deviceRates.parse(JSON.parse(output)));
}
tell();

/** Pictures per second, each verified by its SHA-256, as the first time that a set is read. */
async function coldRate(scenes: readonly number[]): Promise<number> {
  await using reader = await ShardSetReader.open(set);
  const split = reader.split("train");
  dropFromPageCache([set]);
  const memory = new Uint8Array(pictureBytes);
  const startMs = performance.now();
  for (const scene of scenes) await split.pictureBytes(scene, 0, memory);
  return (scenes.length / (performance.now() - startMs)) * 1000;
}

function tell(): void {
  const [ordered, random] = [median(ours.ordered), median(ours.random)];
  report(
    "ours, in order and at random",
    `${ordered.toFixed(0)} and ${random.toFixed(0)} pictures/s`,
  );
  demand("  at random of in order (G11)", random / ordered, { atLeast: 0.7, unit: "" });
  const limit = median(device.map((rates) => rates.atRandom));
  const plain = median(device.map((rates) => rates.inOrder));
  const many = median(device.map((rates) => rates.eightAtOnce));
  report("the device alone, in order", `${plain.toFixed(0)} reads/s of ${pictureBytes} bytes`);
  report(
    "  at random, one at a time",
    `${limit.toFixed(0)} reads/s: ${(limit / plain).toFixed(2)} of that`,
  );
  report(
    "  at random, 8 at once",
    `${many.toFixed(0)} reads/s: ${(many / plain).toFixed(2)} of that`,
  );
  report("ours at random of the device's limit", (random / limit).toFixed(2));
}
