// How fast annotation files are read: `node bench/json-elements.ts [megabytes]`. The file repeats the
// real captions_val2017.json; Python's json reads the same file whole.
import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnotationReader } from "../src/ingest/annotations/annotation-file.ts";
import { readJsonElements } from "../src/ingest/annotations/json-elements.ts";
import { realData } from "../test/real-data.ts";

const PYTHON = `import json, resource, sys, time
start = time.process_time()
json.load(open(sys.argv[1]))
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)`;

const targetBytes = Number(process.argv[2] ?? 300) * 1e6;
const folder = await mkdtemp(join(tmpdir(), "crossweave-bench-"));
const absolutePath = join(folder, "captions.json");
try {
  await writeRepeated(absolutePath);
  const { size } = await stat(absolutePath);
  console.log(`${(size / 1e6).toFixed(0)} MB of captions`);
  for (let round = 0; round < 2; round += 1) {
    const start = process.cpuUsage();
    let numElements = 0;
    const reader = new AnnotationReader({ path: "captions.json", absolutePath });
    for await (const elements of readJsonElements(reader)) numElements += elements.length;
    const { user, system } = process.cpuUsage(start);
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    print("crossweave, streamed and digested", { size, seconds: (user + system) / 1e6, peakBytes });
    console.log(`  ${numElements.toLocaleString("en-US")} elements`);
  }
  const python = spawnSync("python3", ["-c", PYTHON, absolutePath], { encoding: "utf8" });
  const [seconds = Number.NaN, peakKilobytes = Number.NaN] = python.stdout.split(" ").map(Number);
  print("Python's json.load", { size, seconds, peakBytes: peakKilobytes * 1024 });
} finally {
  await rm(folder, { recursive: true });
}

function print(
  name: string,
  { size, seconds, peakBytes }: { size: number; seconds: number; peakBytes: number },
): void {
  const speed = (size / 1e6 / seconds).toFixed(0);
  console.log(`${name}: ${speed} MB/s of CPU time, peak RSS ${(peakBytes / 1e6).toFixed(0)} MB`);
}

async function writeRepeated(path: string): Promise<void> {
  const reader = new AnnotationReader({
    path: "captions_val2017.json.gz",
    absolutePath: realData("coco/captions_val2017.json.gz"),
  });
  const elements = (await Array.fromAsync(readJsonElements(reader))).flat();
  await using file = await open(path, "w");
  let sizeBytes = 0;
  for (const member of ["images", "annotations"]) {
    const values = elements.filter((element) => element.member === member && element.index >= 0);
    const text = JSON.stringify(values.map(({ value }) => value)).slice(1, -1);
    const share = member === "images" ? 0.35 : 1;
    await file.write(`${member === "images" ? "{" : ", "}${JSON.stringify(member)}: [${text}`);
    while (sizeBytes < targetBytes * share)
      sizeBytes += (await file.write(`, ${text}`)).bytesWritten;
    await file.write("]");
  }
  await file.write("}");
}
