// How fast official annotation files of the true size are accounted for, and in how much memory:
//   node bench/full-size/main.ts [coco|vqa2|visual-genome|visual-genome-1.7GB …]
// Writes up to 4 GB to TMPDIR and removes them. Each file set is read at 1/4, 1/2 and full size by
// `crossweave prepare --annotations-only` on one core; Python's json.load reads the full one.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realData } from "../../test/real-data.ts";
import { type FileOrder, writeCoco } from "./coco.ts";
import { measureCrossweave, measurePython, type Usage } from "./measured-program.ts";
import { writeVisualGenome } from "./visual-genome.ts";
import { writeVqa2 } from "./vqa2.ts";

interface FileSet {
  readonly dataset: string;
  readonly from: readonly string[] | "everything";
  readonly write: (order: FileOrder) => readonly string[];
}

const karpathyLists = ["train.txt.gz", "restval.txt", "val.txt", "test.txt"];

const fileSets: Readonly<Record<string, FileSet>> = {
  coco: {
    dataset: "coco",
    from: ["train", "restval", "val", "test"],
    write: (order) => {
      mkdirSync(join(order.folder, "karpathy"));
      for (const list of karpathyLists) {
        const path = `karpathy/coco_${list}`;
        copyFileSync(realData(path), join(order.folder, path));
      }
      return writeCoco(order);
    },
  },
  vqa2: { dataset: "vqa2", from: ["train"], write: writeVqa2 },
  "visual-genome": {
    dataset: "visual-genome",
    from: "everything",
    write: (order) => writeVisualGenome(order, "official"),
  },
  "visual-genome-1.7GB": {
    dataset: "visual-genome",
    from: "everything",
    write: (order) => writeVisualGenome(order, "with synsets"),
  },
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(fileSets);
const startUp = await measureCrossweave(["prepare", "--help"]);
console.log(
  `starting crossweave takes ${startUp.cpuSeconds.toFixed(2)} s of CPU time, which is in all figures`,
);
for (const name of names) {
  for (const share of [0.25, 0.5, 1]) await compare(name, share);
}

async function compare(name: string, share: number): Promise<void> {
  const set = fileSets[name];
  if (set === undefined) throw new Error(`there is no ${name}`);
  const scratch = mkdtempSync(join(tmpdir(), "crossweave-full-size-"));
  try {
    const folder = join(scratch, "source");
    mkdirSync(folder);
    const paths = set.write({ folder, share, seed: 1 }).map((path) => join(folder, path));
    const sizeBytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
    console.log(`${name}, ${share} of the pictures: ${(sizeBytes / 1e6).toFixed(0)} MB`);
    const ours = await prepare(set, { folder, scratch });
    print("crossweave prepare --annotations-only", ours, sizeBytes);
    if (share < 1) return;
    const python = await measurePython(paths);
    print("Python's json.load", python, sizeBytes);
    const [time, memory] = [python.cpuSeconds / ours.cpuSeconds, python.peakBytes / ours.peakBytes];
    console.log(
      `  Python's time is ${time.toFixed(2)} of ours, its memory ${memory.toFixed(1)} of ours`,
    );
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function prepare(
  { dataset, from }: FileSet,
  { folder, scratch }: { folder: string; scratch: string },
): Promise<Usage> {
  const recipe = {
    name: "full-size",
    summary: "Everything in one split.",
    datasets: [{ name: dataset }],
    splits: [{ name: "train", role: "train", from: { [dataset]: from } }],
    policy: "none",
    pictures: { shorterSide: 640, jpegQuality: 95, maxPixels: 5e7 },
    shards: { targetBatchBytes: 2 ** 25, maxScenesPerBatch: 128, targetShardBytes: 2 ** 28 },
    quarantineLimit: { share: 0.01, records: 50 },
  };
  const path = join(scratch, "recipe.json");
  writeFileSync(path, JSON.stringify(recipe));
  const flags = ["--annotations-only", "--accept-unknown-release", "--allow-missing"];
  const folders = ["--source", folder, "--out", join(scratch, "set")];
  return measureCrossweave(["prepare", path, ...folders, ...flags]);
}

function print(
  name: string,
  { wallSeconds, cpuSeconds, peakBytes }: Usage,
  sizeBytes: number,
): void {
  const speed = (seconds: number): string => `${(sizeBytes / 1e6 / seconds).toFixed(0)} MB/s`;
  const times = `${cpuSeconds.toFixed(1)} s of CPU time (${speed(cpuSeconds)}), ${wallSeconds.toFixed(1)} s in all (${speed(wallSeconds)})`;
  console.log(`  ${name}: ${times}, peak RSS ${(peakBytes / 1e6).toFixed(0)} MB`);
}
