import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { writeSmallWorld } from "../../../src/ingest/small-world/small-world.ts";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { layOutRealCoco } from "../../real-data.ts";
import type { EndedProgram } from "../running-program.ts";
import { run, start } from "./tiny-world.ts";

/** A source, a recipe, and the set that `crossweave prepare` makes of them when nothing disturbs it. */
export interface Undisturbed extends AsyncDisposable {
  readonly digest: string;
  /** By path below the set's folder, the sha256 of each file. */
  readonly files: ReadonlyMap<string, string>;
  readonly prepare: (out: string, numWorkers: number) => readonly string[];
  /** Where programs leave what is temporary. */
  readonly temporary: string;
  readonly folder: string;
}

/** The real photographs of COCO with their captions, in shards so small that there are many. */
export function preparedPhotographs(): Promise<Undisturbed> {
  return prepareUndisturbed({ coco: "everything" }, layOutRealCoco);
}

/** All six datasets of the small world in one set. One of its files is packed, so that it is unpacked to TMPDIR. */
export function preparedSmallWorld(): Promise<Undisturbed> {
  const from = {
    coco: ["train", "restval", "val", "test"],
    "visual-genome": "everything",
    flickr30k: ["train", "val", "test"],
    vqa2: ["train", "val"],
    nlvr2: ["train", "dev", "test1"],
    "snli-ve": ["train", "dev", "test"],
  };
  return prepareUndisturbed(from, async (folder) => {
    const { signal } = new AbortController();
    await writeSmallWorld(folder, { seed: 1, scale: 0.1, progress: silentProgress, signal });
    const path = join(folder, "vg/region_descriptions.json");
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    await rm(path);
  });
}

async function prepareUndisturbed(
  from: Readonly<Record<string, unknown>>,
  layOut: (folder: string) => Promise<void>,
): Promise<Undisturbed> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-kills-"));
  const [source, recipe, temporary, set] = ["source", "recipe.json", "tmp", "undisturbed"].map(
    (name) => join(folder, name),
  );
  if (source === undefined || recipe === undefined || temporary === undefined || set === undefined)
    throw new Error("there are four names");
  await mkdir(temporary);
  await layOut(source);
  await writeFile(recipe, JSON.stringify(recipeOf(from)));
  const prepare = (out: string, numWorkers: number): readonly string[] => {
    const flags = ["--allow-missing", "--accept-unknown-release", "--workers", String(numWorkers)];
    return ["prepare", recipe, "--source", source, "--out", out, ...flags];
  };
  requireDone(await run(prepare(set, 2)));
  return {
    folder,
    temporary,
    prepare,
    digest: (await readIndex(set)).digest,
    files: await digestsIn(set),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

function recipeOf(from: Readonly<Record<string, unknown>>): object {
  return {
    name: "killed",
    summary: "Everything in one split.",
    datasets: Object.keys(from).map((name) => ({ name })),
    splits: [{ name: "train", role: "train", from }],
    policy: "none",
    pictures: { shorterSide: 320, jpegQuality: 95, maxPixels: 5e7 },
    shards: { targetBatchBytes: 200_000, maxScenesPerBatch: 8, targetShardBytes: 1_000_000 },
    quarantineLimit: { share: 0.01, records: 50 },
  };
}

/** What became of a preparation that was killed again and again. */
export interface Kills {
  /** Kills that met the program before it was done. */
  readonly numKills: number;
  /** Sets that were finished in spite of them. */
  readonly numSets: number;
  /** Kills after which something was finished already, such as a shard. */
  readonly numWithFiles: number;
}

/**
 * Kills `crossweave prepare` with SIGKILL at random moments and runs the same command again, until it
 * is done; then with the next folder, until there were `numKills` kills. Expects after each kill that
 * no name of a finished file holds anything but that file, and at the end the undisturbed set.
 */
export async function killAtRandomMoments(
  undisturbed: Undisturbed,
  { numKills, numWorkers, seed }: { numKills: number; numWorkers: number; seed: number },
): Promise<Kills> {
  const random = new RandomStream(seed, numWorkers);
  const durationMs = await durationOf(undisturbed, numWorkers);
  const kills = { numKills: 0, numSets: 0, numWithFiles: 0 };
  while (kills.numKills < numKills) {
    const out = await mkdtemp(join(undisturbed.folder, "out-"));
    const command = undisturbed.prepare(out, numWorkers);
    while (kills.numKills < numKills && !existsSync(join(out, "index.json"))) {
      const delayMs = random.nextFloat() * durationMs;
      const { exitCode } = await killAfter(command, { delayMs, undisturbed });
      if (exitCode !== null) break;
      kills.numKills += 1;
      const found = await digestsIn(out);
      expectOnlyWholeFiles(found, undisturbed.files);
      if (found.size > 0) kills.numWithFiles += 1;
    }
    requireDone(await run(command, { TMPDIR: undisturbed.temporary }));
    expect((await readIndex(out)).digest).toBe(undisturbed.digest);
    expect(await digestsIn(out, { everything: true })).toEqual(undisturbed.files);
    expect(await readdir(undisturbed.temporary)).toEqual([]);
    await rm(out, { recursive: true });
    kills.numSets += 1;
  }
  return kills;
}

/** How long it takes, on a machine that may have become slower. */
async function durationOf({ folder, prepare }: Undisturbed, numWorkers: number): Promise<number> {
  const out = await mkdtemp(join(folder, "timed-"));
  const began = performance.now();
  requireDone(await run(prepare(out, numWorkers)));
  const durationMs = performance.now() - began;
  await rm(out, { recursive: true });
  return durationMs;
}

async function killAfter(
  command: readonly string[],
  { delayMs, undisturbed }: { delayMs: number; undisturbed: Undisturbed },
): Promise<EndedProgram> {
  const program = start(command, { TMPDIR: undisturbed.temporary });
  await Promise.race([sleep(delayMs), program.ended]);
  program.child.kill("SIGKILL");
  return program.ended;
}

function requireDone({ exitCode, stderr }: EndedProgram): void {
  if (exitCode !== 0) throw new Error(stderr);
}

function expectOnlyWholeFiles(
  found: ReadonlyMap<string, string>,
  whole: ReadonlyMap<string, string>,
): void {
  for (const [path, digest] of found) expect([path, digest]).toEqual([path, whole.get(path)]);
}

/** Digests of the files in a folder; without those that say of themselves that they are not finished, unless `everything` is wanted. */
async function digestsIn(
  folder: string,
  { everything = false }: { readonly everything?: boolean } = {},
): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const digests = new Map<string, string>();
  for (const path of paths) {
    const name = relative(folder, path);
    const isUnfinished = name.startsWith(".unfinished") || name.endsWith(".part");
    if (isUnfinished && !everything) continue;
    digests.set(
      name,
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    );
  }
  return digests;
}
