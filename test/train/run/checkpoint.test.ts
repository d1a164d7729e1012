import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sha256, sha256OfFile } from "../../../src/core/digest.ts";
import { StateError } from "../../../src/core/errors.ts";
import type { LoaderState } from "../../../src/loader/batching/loader-state.ts";
import type { WeightSpec } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { readSafetensors, writeSafetensors } from "../../../src/tensor/safetensors.ts";
import type { TrainingState } from "../../../src/train/step/training-state.ts";
import { flatLayout } from "../../../src/train/step/flat-weights.ts";
import {
  latestCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
  verifyCheckpoint,
} from "../../../src/train/run/checkpoint.ts";
import { temporaryFolder } from "../../loader/shard-set-fixture.ts";

const specs: readonly WeightSpec[] = [
  { name: "layer.weight", shape: [2, 3], initialisation: "zeros" },
  { name: "layer.bias", shape: [2], initialisation: "zeros" },
];
const bufferSpecs: readonly WeightSpec[] = [
  { name: "norm.running_mean", shape: [2], initialisation: "zeros" },
];
const layouts = { layout: flatLayout(specs), bufferLayout: flatLayout(bufferSpecs) };
const RUN = "digest of the run";
const STEP = "step-00000003";

let temporary: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
let folder = "";
let numFolders = 0;

beforeAll(async () => {
  await loadTensorFlow();
  temporary = await temporaryFolder();
});
beforeEach(() => {
  numFolders += 1;
  folder = join(temporary?.path ?? "", String(numFolders));
});
afterAll(async () => await temporary?.[Symbol.asyncDispose]());

/** Vectors whose bits no rounding survives. */
function stateOf(seed: number): TrainingState {
  const vectorOf = (offset: number, length: number): tf.Tensor1D =>
    tf.tensor1d(Array.from({ length }, (_, index) => Math.sin(index + offset + seed) / 3));
  const [weights, firstMoment, secondMoment] = [0, 100, 200].map((offset) => vectorOf(offset, 8));
  if (!weights || !firstMoment || !secondMoment)
    throw new RangeError("three vectors were asked for");
  const rest = { buffers: vectorOf(300, 2), average: vectorOf(400, 8) };
  return { weights, firstMoment, secondMoment, ...rest };
}

const bitsOf = (state: TrainingState): string[] =>
  [state.weights, state.firstMoment, state.secondMoment, state.buffers, state.average].map(
    (vector) => Buffer.from(Float32Array.from(vector.dataSync()).buffer).toString("hex"),
  );

const loader: LoaderState = {
  version: 1,
  seed: 7,
  epoch: 2,
  step: 5,
  setDigests: [sha256("a set")],
};

const save = (step: number, seed = step): Promise<void> =>
  saveCheckpoint(folder, { step, runDigest: RUN, state: stateOf(seed), loader }, layouts);

/** What loading step 3 throws after `damage` was done to a file of it. */
async function faultAfter(damage: (checkpoint: string) => Promise<void>): Promise<unknown> {
  await save(3);
  const checkpoint = join(folder, STEP);
  await damage(checkpoint);
  return loadCheckpoint(checkpoint, { runDigest: RUN, ...layouts }).catch(
    (error: unknown) => error,
  );
}

/** The files of step 3. */
const storedBytes = async (): Promise<string[]> => {
  const files = [
    "model.safetensors",
    "optimizer.safetensors",
    "average.safetensors",
    "loader.json",
    "state.json",
  ];
  return Promise.all(files.map((file) => readFile(join(folder, STEP, file), "hex")));
};

describe("a checkpoint", () => {
  it("gives back every bit of the state", async () => {
    await save(3);
    const latest = await latestCheckpoint(folder);
    expect(latest).toEqual({ folder: join(folder, STEP), step: 3 });
    const loaded = await loadCheckpoint(join(folder, STEP), { runDigest: RUN, ...layouts });
    expect(loaded).toMatchObject({ step: 3, runDigest: RUN, loader });
    expect(bitsOf(loaded.state)).toEqual(bitsOf(stateOf(3)));
  });

  it("holds the model by its weights' names and shapes", async () => {
    await save(3);
    const model = await readSafetensors(join(folder, STEP, "model.safetensors"));
    expect([...model.values()].map(({ name, shape }) => ({ name, shape }))).toEqual(
      [...specs, ...bufferSpecs].map(({ name, shape }) => ({ name, shape })),
    );
  });

  it("names the proofs of the sets that it was trained on", async () => {
    const proofs = [sha256("a proof"), null];
    const content = { step: 3, runDigest: RUN, proofs, state: stateOf(3), loader };
    await saveCheckpoint(folder, content, layouts);
    const state: unknown = JSON.parse(await readFile(join(folder, STEP, "state.json"), "utf8"));
    expect(state).toMatchObject({ runDigest: RUN, proofs });
    expect((await loadCheckpoint(join(folder, STEP), { runDigest: RUN, ...layouts })).step).toBe(3);
  });

  it("has the same bytes for the same state", async () => {
    await save(3);
    const first = await storedBytes();
    await save(3);
    expect(await storedBytes()).toEqual(first);
  });

  it("takes no tensor with it", async () => {
    const state = stateOf(1);
    const before = tf.memory().numTensors;
    await saveCheckpoint(folder, { step: 1, runDigest: RUN, state, loader }, layouts);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("a run's checkpoints", () => {
  it("are none at first", async () => {
    expect(await latestCheckpoint(folder)).toBeUndefined();
  });

  it("are the two newest", async () => {
    for (const step of [2, 10, 100]) await save(step);
    expect(await readdir(folder)).toEqual(["step-00000010", "step-00000100"]);
    expect(await latestCheckpoint(folder)).toMatchObject({ step: 100 });
  });

  it("are whole: a half-written one is never taken, and goes with the next one (T-10)", async () => {
    await save(3);
    await cp(join(folder, STEP), join(folder, "step-00000005.part"), { recursive: true });
    expect(await latestCheckpoint(folder)).toMatchObject({ step: 3 });
    await save(4);
    expect(await readdir(folder)).toEqual([STEP, "step-00000004"]);
  });

  it("are written over what a kill has left of the same step", async () => {
    await mkdir(join(folder, `${STEP}.part`), { recursive: true });
    await writeFile(join(folder, `${STEP}.part`, "model.safetensors"), "half");
    await save(3);
    expect(await verifyCheckpoint(join(folder, STEP), RUN)).toEqual({ step: 3, hasAverage: true });
  });
});

describe("a checkpoint is refused", () => {
  it("by another run", async () => {
    await save(3);
    const load = loadCheckpoint(join(folder, STEP), { runDigest: "another", ...layouts });
    await expect(load).rejects.toBeInstanceOf(StateError);
    await expect(verifyCheckpoint(join(folder, STEP), "another")).rejects.toThrow("another run");
  });

  it.each(["model.safetensors", "optimizer.safetensors", "average.safetensors", "loader.json"])(
    "when a byte of %s has changed",
    async (file) => {
      const fault = await faultAfter(async (checkpoint) => {
        const bytes = await readFile(join(checkpoint, file));
        bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) ^ 1;
        await writeFile(join(checkpoint, file), bytes);
      });
      expect(fault).toBeInstanceOf(StateError);
      expect(fault).toMatchObject({
        message: expect.stringMatching(/damaged: sha256 .*, recorded/),
        remedy: expect.stringContaining("the one before it"),
      });
    },
  );

  it.each([
    "model.safetensors",
    "optimizer.safetensors",
    "average.safetensors",
    "loader.json",
    "state.json",
  ])("when %s is missing", async (file) => {
    const fault = await faultAfter((checkpoint) => rm(join(checkpoint, file)));
    expect(fault).toBeInstanceOf(StateError);
    expect(String(fault)).toContain("the file is missing");
  });

  it.each([
    ["cut off", '{"format": "crossweave-check'],
    ["of another form", '{"format": "crossweave-checkpoint", "version": 2}'],
    ["empty", ""],
  ])("when its state file is %s", async (_name, text) => {
    const fault = await faultAfter((checkpoint) => writeFile(join(checkpoint, "state.json"), text));
    expect(fault).toBeInstanceOf(StateError);
    expect(String(fault)).toContain("state.json");
  });

  it.each([
    { file: "model.safetensors", name: "layer.weight", length: 6, missed: "layer.bias" },
    { file: "model.safetensors", name: "layer.bias", length: 2, missed: "layer.weight" },
    { file: "optimizer.safetensors", name: "first_moment", length: 7, missed: "first_moment" },
  ])("when $file holds $name of $length values alone", async (found) => {
    const fault = await faultAfter(async (checkpoint) => {
      const path = join(checkpoint, found.file);
      const data = new Float32Array(found.length);
      await writeSafetensors(path, [
        { name: found.name, dtype: "F32", shape: [found.length], data },
      ]);
      const statePath = join(checkpoint, "state.json");
      const recorded = new RegExp(`("file": "${found.file}",\\s*"sha256": ")[0-9a-f]+`);
      const state = await readFile(statePath, "utf8");
      await writeFile(statePath, state.replace(recorded, `$1${await sha256OfFile(path)}`));
    });
    expect(fault).toBeInstanceOf(StateError);
    expect(String(fault)).toContain(`${found.missed} should have`);
  });
});
