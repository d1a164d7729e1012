import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { photographScenes, temporaryFolder, writeSet } from "../loader/shard-set-fixture.ts";
import { SetServer } from "../shards/remote/set-server.ts";
import { type EndedProgram, RunningProgram } from "./running-program.ts";

const main = join(import.meta.dirname, "../../src/cli/main.ts");
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let set = "";

beforeAll(async () => {
  folder = await temporaryFolder();
  set = join(folder.path, "photographs");
  await writeSet(set, await photographScenes());
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Temporary files of the program go to a folder of the test's own. */
const environment = (): NodeJS.ProcessEnv => ({ TMPDIR: folder.path });
// Too short for good numbers, long enough for all of them.
const quick = ["--seconds", "0.3", "--size", "96", "--batch", "8", "--workers", "1"];

function bench(...args: readonly string[]): Promise<EndedProgram> {
  return new RunningProgram(main, ["bench-loader", ...args], environment()).ended;
}

const rate = z.number().positive();
const times = z.strictObject({ p50Ms: z.number(), p99Ms: z.number(), longestMs: z.number() });
const reading = z.strictObject({
  numPictures: z.int(),
  sizeBytes: z.int(),
  bytesPerSecond: rate,
  picturesPerSecond: rate,
  p50Ms: rate,
  p99Ms: rate,
});
const document = z.strictObject({
  sets: z.array(z.strictObject({ folder: z.string(), splits: z.array(z.string()) })),
  settings: z.strictObject({
    picturesPerBatch: z.int(),
    textsPerPicture: z.int(),
    pictures: z.unknown(),
    crop: z.boolean(),
    seed: z.int(),
    vocabulary: z.string().nullable(),
    secondsPerMeasurement: z.number(),
  }),
  numCores: z.int(),
  numSamples: z.int(),
  reading: z.strictObject({ first: reading, again: reading }),
  floor: z.strictObject({
    oneThread: rate,
    allCores: rate,
    unit: z.literal("pictures/s"),
    shareOfCores: rate,
  }),
  loaders: z.array(
    z.strictObject({
      numWorkers: z.int(),
      prefetchBatches: z.int(),
      picturesPerSecond: rate,
      batchMs: rate,
      floorPicturesPerSecond: rate,
      shareOfFloor: rate,
      cpuShareOfFloor: rate,
      mainThread: times,
      firstBatchMs: rate,
      steps: z.array(
        z.strictObject({
          stepMs: z.int(),
          numSteps: z.int(),
          stallShare: z.number().min(0).max(1),
          longestWaitMs: z.number(),
        }),
      ),
      eventLoopDelay: times,
      residentBytes: z.int(),
    }),
  ),
  advice: z.strictObject({ numWorkers: z.int(), batchMs: rate, shortestStepMs: z.int() }),
});

describe("crossweave bench-loader", () => {
  it("measures photographs and prints tables with numbers under their headings", async () => {
    const { exitCode, stderr, stdout } = await bench(set, ...quick);
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("bench-loader")]);
    expect(stdout).toContain(
      "photographs (train): 51 pictures; batches of 8, whole pictures at 96 x 96 px, 4 texts each",
    );
    for (const [heading, row] of [
      ["reading, 1 thread", "the first time"],
      ["decoding from memory", "1 thread"],
      ["loading", "1 worker"],
      ["feeding steps", "1 worker"],
    ] as const) {
      const lines = stdout.split("\n");
      const place = lines.findIndex((line) => line.startsWith(heading));
      const below = lines.slice(place).find((line) => line.startsWith(row));
      expect(below).toHaveLength(lines[place]?.length ?? -1);
    }
    expect(stdout).toMatch(
      /\n1 worker: a batch of 8 every [\d.]+ ms, for steps of \d+ ms and longer/,
    );
    expect((await readdir(folder.path)).filter((name) => name.startsWith("crossweave-"))).toEqual(
      [],
    );
  });

  it("prints one document with --json, of crops, sizes and steps as asked for", async () => {
    const { exitCode, stdout } = await bench(
      set,
      ...quick,
      "--crop",
      "--keep-ratio=60,100",
      "--step-ms",
      "20,40",
      "--json",
    );
    expect(exitCode).toBe(0);
    const result = document.parse(JSON.parse(stdout));
    expect(result).toMatchObject({
      sets: [{ folder: set, splits: ["train"] }],
      settings: {
        crop: true,
        picturesPerBatch: 8,
        pictures: { kind: "keep-ratio", shorter: 60, longer: 100 },
      },
      numSamples: 51,
      reading: { first: { numPictures: 51 } },
      loaders: [{ numWorkers: 1, prefetchBatches: 2, steps: [{ stepMs: 20 }, { stepMs: 40 }] }],
    });
    // Steps that a loader of this rate cannot pass take at least their own time.
    for (const { numSteps } of result.loaders[0]?.steps ?? []) expect(numSteps).toBeGreaterThan(7);
  });

  it("measures a set on a server, and keeps it where --cache says", async () => {
    await using server = await SetServer.serve(set);
    const cache = join(folder.path, "cache");
    const { exitCode, stdout } = await bench(server.url, ...quick, "--cache", cache, "--json");
    expect(exitCode).toBe(0);
    expect(document.parse(JSON.parse(stdout))).toMatchObject({ numSamples: 51 });
    expect(await readdir(cache)).not.toEqual([]);
  });

  it.each([
    { args: ["--batch", "52"], exitCode: 2, words: "add --batch 51" },
    { args: ["--batch", "0"], exitCode: 2, words: "at least 1" },
    { args: ["--keep-ratio", "100,60"], exitCode: 2, words: "the shorter one first" },
    { args: ["--seconds", "0"], exitCode: 2, words: "above 0" },
    { args: ["--step-ms", "a lot"], exitCode: 2, words: "whole number" },
    { args: ["--split", "test"], exitCode: 2, words: 'no split "test"' },
    { args: ["--vocabulary", "nowhere.txt"], exitCode: 23, words: "nowhere.txt" },
  ])("ends with $exitCode for $args", async ({ args, exitCode, words }) => {
    const ended = await bench(set, ...quick, ...args);
    expect([ended.exitCode, ended.stdout]).toEqual([exitCode, ""]);
    expect(ended.stderr).toContain(words);
  });

  it("says that there is no set, and what to do", async () => {
    const { exitCode, stderr } = await bench(join(folder.path, "nowhere"));
    expect(exitCode).toBe(23);
    expect(stderr).toContain("crossweave prepare");
  });

  it("stops at Ctrl-C with 130 and leaves nothing behind", async () => {
    const program = new RunningProgram(
      main,
      ["bench-loader", set, "--seconds", "30", "--batch", "8"],
      environment(),
    );
    await program.says("measuring with");
    setTimeout(() => program.child.kill("SIGINT"), 1500);
    const startMs = performance.now();
    const { exitCode, stdout } = await program.ended;
    expect([exitCode, stdout]).toEqual([130, ""]);
    expect(performance.now() - startMs).toBeLessThan(15_000); // one measurement takes 30 s
    expect((await readdir(folder.path)).filter((name) => name.startsWith("crossweave-"))).toEqual(
      [],
    );
  });
});
