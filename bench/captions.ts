// What a captions.jsonl of a user's costs before any picture is opened: `node bench/captions.ts [lines]`, 1,000,000 lines
// about half as many pictures unless said otherwise. CPU time, as other work on the machine does not lengthen it.
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { captions } from "../src/ingest/datasets/captions.ts";
import { planOptions } from "../test/ingest/plan-options.ts";
import { temporaryFolder } from "../test/shards/small-set.ts";
import { report } from "./shard-reading/measures.ts";

const numLines = Number(process.argv[2] ?? 1_000_000);
const LINES_AT_ONCE = 1000;

function* lines(): Generator<string> {
  for (let first = 0; first < numLines; first += LINES_AT_ONCE) {
    const some = Array.from({ length: LINES_AT_ONCE }, (_, offset) => lineOf(first + offset));
    yield some.join("");
  }
}

function lineOf(index: number): string {
  const number = Math.floor(index / 2);
  const picture = `pictures/${number % 1000}/${number}.jpg`;
  const url = `https://example.org/${number}.jpg`;
  return `${JSON.stringify({ picture, text: `what picture ${index} shows`, id: index, url })}\n`;
}

await using folder = await temporaryFolder();
await mkdir(join(folder.path, "corpus"));
const path = join(folder.path, "corpus/captions.jsonl");
await pipeline(lines(), createWriteStream(path));

const heldBefore = process.memoryUsage().arrayBuffers;
const start = process.cpuUsage();
const secondsSince = (from: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(from);
  return (system + user) / 1e6;
};
const splits = [{ name: "train", role: "train", parts: ["train"] }] as const;
using plan = await captions.plan({ ...planOptions(folder.path), splits, annotationsOnly: true });
const planned = secondsSince(start);
const held = process.memoryUsage().arrayBuffers - heldBefore;
report("lines, pictures", `${numLines}, ${plan.splits[0]?.numPictures ?? 0}`);
report("planned in CPU s", planned.toFixed(1));
report("bytes of tables a line", (held / numLines).toFixed(0));
const again = process.cpuUsage();
let numTexts = 0;
for await (const { draft } of plan.scenes("train")) numTexts += draft.texts.length;
report("scenes given in CPU s", `${secondsSince(again).toFixed(1)}, ${numTexts} texts`);
