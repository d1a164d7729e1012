// How fast region features are indexed and read: `node bench/regions.ts [megabytes]`. The file has the form and line
// size of bottom-up attention's; Python reads it as the published loaders do (csv and base64, one line at a time).
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { writeLargeTsv } from "../test/ingest/regions/large-tsv.ts";

const PYTHON = `import base64, csv, json, resource, sys, time
csv.field_size_limit(sys.maxsize)
start = time.perf_counter()
lines = 0
for row in csv.reader(open(sys.argv[1]), delimiter="\\t"):
    for column in (4, 5, 6):
        base64.b64decode(row[column])
    lines += 1
print(json.dumps({"seconds": time.perf_counter() - start, "lines": lines,
    "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))`;

const measured = z.object({
  indexSeconds: z.number(),
  readSeconds: z.number(),
  numReads: z.int(),
  indexPeakBytes: z.number(),
  peakBytes: z.number(),
});
const measuredPython = z.object({ seconds: z.number(), lines: z.int(), peakBytes: z.number() });

const script = join(import.meta.dirname, "../test/ingest/regions/fixtures/read-large-tsv.ts");
const folder = await mkdtemp(join(tmpdir(), "crossweave-bench-"));
const path = join(folder, "large.tsv");
try {
  const numPictures = await writeLargeTsv(path, Number(process.argv[2] ?? 1200) * 1e6);
  const megabytes = (await stat(path)).size / 1e6;
  console.log(`${megabytes.toFixed(0)} MB, ${numPictures} pictures of 36 regions`);
  for (let round = 0; round < 2; round += 1) {
    const own = measured.parse(outputOf(process.execPath, [script, folder, String(numPictures)]));
    const speed = (megabytes / own.indexSeconds).toFixed(0);
    console.log(`index and digest: ${speed} MB/s, peak RSS ${inMegabytes(own.indexPeakBytes)}`);
    const each = ((own.readSeconds / own.numReads) * 1000).toFixed(2);
    console.log(
      `one picture, selected and rounded: ${each} ms, peak RSS ${inMegabytes(own.peakBytes)}`,
    );
    const python = measuredPython.parse(outputOf("python3", ["-c", PYTHON, path]));
    const eachLine = ((python.seconds / python.lines) * 1000).toFixed(2);
    console.log(
      `Python's csv and base64, no index: ${(megabytes / python.seconds).toFixed(0)} MB/s, ${eachLine} ms a line, peak RSS ${inMegabytes(python.peakBytes)}`,
    );
  }
} finally {
  await rm(folder, { recursive: true });
}

function outputOf(command: string, args: readonly string[]): unknown {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
