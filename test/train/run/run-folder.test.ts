import { appendFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RefusedError, SourceError, StateError } from "../../../src/core/errors.ts";
import {
  readMetrics,
  readRunRecord,
  readRunSummary,
  RunFolder,
  type MetricsLine,
} from "../../../src/train/run/run-folder.ts";
import { runRecord, type RunInputs } from "../../../src/train/run/run-record.ts";
import { temporaryFolder } from "../../loader/shard-set-fixture.ts";
import { tinyRecipe } from "../tiny-run.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
let path = "";
let numFolders = 0;

beforeAll(async () => {
  temporary = await temporaryFolder();
});
beforeEach(() => {
  numFolders += 1;
  path = join(temporary?.path ?? "", String(numFolders));
});
afterAll(async () => await temporary?.[Symbol.asyncDispose]());

const inputs: RunInputs = {
  recipe: tinyRecipe,
  vocabularySha256: "digest of the vocabulary",
  setDigests: ["digest of the set"],
  audit: { digest: "digest of the audit", clean: true },
};

const open = (changes: Partial<RunInputs> = {}, fresh = false): Promise<RunFolder> =>
  RunFolder.open(path, { ...inputs, ...changes }, { fresh, vocabulary: "[PAD]\nword\n" });

const line = (step: number): MetricsLine => ({
  step,
  epoch: 0,
  learningRateFactor: step / 3,
  loss: 1 / step,
  gradientNorm: 123.456,
  parts: { mlm: 0.1, itm: 0.2, mfr: 1e-30, itmAccuracy: 0.5 },
});

const metricsText = (): Promise<string> => readFile(join(path, "metrics.jsonl"), "utf8");

describe("a run's folder", () => {
  it("holds the record of its inputs and the vocabulary", async () => {
    using run = await open();
    expect(run.record).toEqual(runRecord(inputs));
    expect(await readRunRecord(path)).toEqual(run.record);
    expect(await readFile(join(path, "vocab.txt"), "utf8")).toBe("[PAD]\nword\n");
  });

  it("is opened again with the same inputs, with other workers and from another vocabulary file", async () => {
    const first = await open();
    first[Symbol.dispose]();
    const data = { ...tinyRecipe.data, numWorkers: 7, prefetchBatches: 9, vocabulary: "elsewhere" };
    using again = await open({ recipe: { ...tinyRecipe, data } });
    expect(again.record.digest).toBe(first.record.digest);
  });

  it("is refused to a second holder until the first one is done", async () => {
    const first = await open();
    await expect(open()).rejects.toBeInstanceOf(RefusedError);
    first[Symbol.dispose]();
    using again = await open();
    expect(again.path).toBe(path);
  });

  it.each([
    ["recipe", { recipe: { ...tinyRecipe, seed: 2 } }],
    ["vocabulary", { vocabularySha256: "another" }],
    ["shard set", { setDigests: ["another"] }],
    ["order of sets", { setDigests: ["digest of the set", "another"] }],
    ["audit", { audit: { digest: "another", clean: false } }],
    ["proof", { proofs: ["digest of a proof"] }],
  ])("is refused for another %s, and not held then", async (_name, changes) => {
    const first = await open();
    first[Symbol.dispose]();
    await expect(open(changes)).rejects.toBeInstanceOf(StateError);
    expect(await readRunRecord(path)).toEqual(first.record);
    using again = await open();
    expect(again.record).toEqual(first.record);
  });

  it("tells what differs, and nothing of what has no effect", async () => {
    (await open())[Symbol.dispose]();
    const data = { ...tinyRecipe.data, picturesPerBatch: 8, numWorkers: 7 };
    const changes = { recipe: { ...tinyRecipe, data }, setDigests: ["another"] };
    await expect(open(changes)).rejects.toThrow(
      [
        "other inputs, which differ in:",
        "  data.picturesPerBatch: 4 there, 8 now",
        "  the shard sets: digest of th there, another now",
      ].join("\n"),
    );
  });

  it("keeps the proofs of its sets, and names those that differ", async () => {
    const proofs = ["digest of a proof", null];
    const first = await open({ proofs });
    first[Symbol.dispose]();
    expect((await readRunRecord(path)).proofs).toEqual(proofs);
    await expect(open({ proofs: ["digest of another", null] })).rejects.toThrow(
      "the proofs of the sets: digest of a , none there, digest of an, none now",
    );
    await expect(open()).rejects.toThrow("digest of a , none there, none now");
  });

  it("is refused where other things are, and left as it was, even to start over", async () => {
    await mkdir(path);
    await writeFile(join(path, "thesis.tex"), "years of work");
    for (const fresh of [false, true]) {
      await expect(open({}, fresh)).rejects.toBeInstanceOf(RefusedError);
    }
    expect(await readdir(path)).toEqual(["thesis.tex"]);
  });

  it("starts over with other inputs when it is told to", async () => {
    const first = await open();
    await first.append(line(1));
    await mkdir(first.checkpoints);
    await first.writeSummary({
      totalSteps: 1,
      numWeights: 1,
      seconds: 1,
      picturesPerSecond: 1,
      dataWaitShare: 0,
      longestWaitMs: 0,
      firstBatchMs: 1,
      numSkipped: 0,
      isStoppedEarly: false,
    });
    first[Symbol.dispose]();
    using again = await open({ setDigests: ["another"] }, true);
    expect(again.record.setDigests).toEqual(["another"]);
    expect(await readMetrics(path)).toEqual([]);
    expect((await readdir(path)).filter((name) => !name.startsWith("."))).toEqual([
      "run.json",
      "vocab.txt",
    ]);
  });
});

describe("a run's record", () => {
  it("is missing where no run is", async () => {
    await mkdir(path, { recursive: true });
    await expect(readRunRecord(path)).rejects.toBeInstanceOf(SourceError);
  });

  it.each(["", "{", '{"format":"crossweave-run"}'])(
    "that is %j is damaged, and only starting over helps",
    async (text) => {
      (await open())[Symbol.dispose]();
      await writeFile(join(path, "run.json"), text);
      await expect(readRunRecord(path)).rejects.toBeInstanceOf(StateError);
      await expect(open()).rejects.toMatchObject({ remedy: expect.stringContaining("--fresh") });
      using again = await open({}, true);
      expect(await readRunRecord(path)).toEqual(again.record);
    },
  );
});

describe("a run's metrics", () => {
  it("are read back number by number, and rewound byte by byte", async () => {
    using run = await open();
    for (const step of [1, 2, 3]) await run.append(line(step));
    expect(await readMetrics(path)).toEqual([1, 2, 3].map(line));
    const all = await metricsText();
    await run.rewindMetrics(3);
    expect(await metricsText()).toBe(all);
    await run.rewindMetrics(2);
    await run.append(line(3));
    expect(await metricsText()).toBe(all);
    await run.rewindMetrics(0);
    expect(await metricsText()).toBe("");
  });

  it("are none at first", async () => {
    expect(await readMetrics(path)).toEqual([]);
  });

  it("lose a line that a kill has cut", async () => {
    using run = await open();
    await run.append(line(1));
    await appendFile(join(path, "metrics.jsonl"), '{"step":2,"epoch":0,"learn');
    expect(await readMetrics(path)).toEqual([line(1)]);
    await run.rewindMetrics(1);
    await run.append(line(2));
    expect(await readMetrics(path)).toEqual([line(1), line(2)]);
  });

  it("with any other damage are a StateError that names the line", async () => {
    using run = await open();
    await run.append(line(1));
    await appendFile(join(path, "metrics.jsonl"), '{"step":2}\n');
    await run.append(line(3));
    await expect(readMetrics(path)).rejects.toBeInstanceOf(StateError);
    await expect(readMetrics(path)).rejects.toMatchObject({ record: "line 2" });
  });
});

describe("a run's summary", () => {
  it("is there once the run is finished", async () => {
    using run = await open();
    expect(await readRunSummary(path)).toBeUndefined();
    const summary = {
      totalSteps: 6,
      numWeights: 5,
      seconds: 4.5,
      picturesPerSecond: 3,
      dataWaitShare: 0.1,
      longestWaitMs: 20.5,
      firstBatchMs: 310,
      numSkipped: 2,
      isStoppedEarly: true,
    };
    await run.writeSummary(summary);
    expect(await readRunSummary(path)).toEqual(summary);
    await writeFile(join(path, "summary.json"), "{}");
    await expect(readRunSummary(path)).rejects.toBeInstanceOf(StateError);
  });
});
