import { copyFile, link, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { RunningProgram } from "../../cli/running-program.ts";
import { realData, realPhotographs } from "../../real-data.ts";
import {
  cocoCaption,
  cocoImage,
  cocoName,
  writeCocoFolder,
  writeFileBelow,
} from "../coco-folder.ts";

const crossweave = join(import.meta.dirname, "../../../bin/crossweave.mjs");
const MAX_MIB = 500;
const WATCH_INTERVAL_MS = 50;

/** A COCO download of this many images; the pictures are the 51 photographs again and again. */
async function manyPhotographs(count: number): Promise<string> {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const images = ids.map((id) => cocoImage(id));
  const annotations = ids.map((id) => cocoCaption(id, id));
  const source = await writeCocoFolder({ files: { train2017: { images, annotations } } });
  await mkdir(join(source, "coco/train2017"));
  const originals = await Promise.all(
    (await realPhotographs()).map(async (path) => {
      const copy = join(source, basename(path));
      await copyFile(realData("images/coco", path), copy);
      return copy;
    }),
  );
  for (const id of ids) {
    const original = originals[id % originals.length] ?? "";
    await link(original, join(source, "coco/train2017", cocoName(id)));
  }
  await writeFileBelow(source, "recipe.json", JSON.stringify(recipe));
  return source;
}

const recipe = {
  name: "many",
  summary: "Every picture, reduced.",
  datasets: [{ name: "coco" }],
  splits: [{ name: "train", role: "train", from: { coco: "everything" } }],
  policy: "none",
  pictures: { shorterSide: 384, jpegQuality: 95, maxPixels: 50_000_000 },
  shards: {
    targetBatchBytes: 33_554_432,
    maxScenesPerBatch: 128,
    targetShardBytes: 268_435_456,
  },
  quarantineLimit: { share: 0.01, records: 50 },
};

/** Resident memory of a process and its children now, in MiB; pages that they share are counted in each. */
async function familyMiB(pid: number | undefined): Promise<number> {
  const sizes = await Promise.all(
    (await family(String(pid))).map(async (member) => {
      const status = await readFile(`/proc/${member}/status`, "latin1").catch(() => "");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function family(pid: string): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const children = await Promise.all(
    threads.map((thread) =>
      readFile(`/proc/${pid}/task/${thread}/children`, "latin1").catch(() => ""),
    ),
  );
  const pids = children.flatMap((text) => text.split(" ")).filter((child) => child !== "");
  return [pid, ...(await Promise.all(pids.map(family))).flat()];
}

/** The most that preparing so many pictures holds, in all its processes together. */
async function peakOf(count: number): Promise<number> {
  const source = await manyPhotographs(count);
  const out = await mkdtemp(join(tmpdir(), "crossweave-many-"));
  try {
    const recipeFile = join(source, "recipe.json");
    const folders = ["--source", source, "--out", join(out, "set")];
    const operands = ["prepare", recipeFile, ...folders, "--workers", "2"];
    const program = new RunningProgram(crossweave, operands);
    const samples: Promise<number>[] = [];
    const watch = setInterval(() => samples.push(familyMiB(program.child.pid)), WATCH_INTERVAL_MS);
    const { exitCode } = await program.ended;
    clearInterval(watch);
    expect(exitCode).toBe(0);
    return Math.max(...(await Promise.all(samples)));
  } finally {
    await Promise.all([source, out].map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

describe.runIf(process.platform === "linux")("Preparing many pictures", () => {
  it("holds no more than 500 MiB in all its processes, and no more for 6,000 than for 1,500", async () => {
    const few = await peakOf(1500);
    const many = await peakOf(6000);
    expect(Math.max(few, many)).toBeLessThan(MAX_MIB);
    expect(many).toBeLessThan(few * 1.2);
  });
});
