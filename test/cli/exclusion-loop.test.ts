import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readIndex } from "../../src/shards/shard-set-index.ts";
import { layOutRealCoco } from "../real-data.ts";

const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-exclusion-"));
  await layOutRealCoco(join(folder, "source"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function crossweave(...args: readonly string[]): { status: number | null; stdout: string } {
  return spawnSync(process.execPath, [launcher, ...args], { cwd: folder, encoding: "utf8" });
}

function prepare(recipe: string, out: string, ...more: readonly string[]): number | null {
  const to = ["--source", "source", "--out", out, "--allow-missing", ...more];
  return crossweave("prepare", recipe, ...to).status;
}

async function numPicturesByRole(out: string): Promise<Record<string, number>> {
  const { splits } = await readIndex(join(folder, out));
  const numbers: Record<string, number> = { train: 0, eval: 0 };
  for (const { role, numPictures } of splits) numbers[role] = (numbers[role] ?? 0) + numPictures;
  return numbers;
}

it("finds real photographs that are trained on and evaluated on, and passes once they are left out", async () => {
  expect(prepare("coco", "karpathy")).toBe(0);
  expect(prepare("coco-fit", "everything")).toBe(0);
  const karpathy = await numPicturesByRole("karpathy");
  const everything = await numPicturesByRole("everything");
  expect(everything).toEqual({ train: 51, eval: 0 });
  expect(karpathy["eval"]).toBeGreaterThan(0);

  expect(crossweave("audit", "karpathy").status).toBe(0);
  const leaking = crossweave(
    "audit",
    "karpathy",
    "everything",
    "--exclusions",
    "out.json",
    "--json",
  );
  expect(leaking.status).toBe(20);
  const { count } = JSON.parse(leaking.stdout).verdict.exclusions;
  expect(count).toBe(karpathy["eval"]);

  expect(prepare("coco-fit", "fewer", "--exclude", "out.json")).toBe(0);
  expect(await numPicturesByRole("fewer")).toEqual({ train: 51 - count, eval: 0 });
  expect(crossweave("audit", "karpathy", "fewer").status).toBe(0);

  // The same file leaves an evaluation split as it was published.
  expect(prepare("coco", "karpathy-again", "--exclude", "out.arrow")).toBe(0);
  expect(await numPicturesByRole("karpathy-again")).toEqual(karpathy);
});
