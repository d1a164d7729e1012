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
import type { CheckpointContent } from "../../../src/train/checkpoints/checkpoint-parts.ts";
import { checkpointParts } from "../../../src/train/checkpoints/checkpoint-parts.ts";
import {
  latestCheckpoint,
  loadCheckpoint,
  modelOf,
  verifyCheckpoint,
  verifyCheckpointOf,
} from "../../../src/train/checkpoints/read-checkpoint.ts";
import {
  writeCheckpoint,
  type WriteOptions,
} from "../../../src/train/checkpoints/write-checkpoint.ts";
import { runRecord, type RunRecord } from "../../../src/train/run/run-record.ts";
import { tinyRecipe } from "../tiny-run.ts";
import { temporaryFolder } from "../../loader/shard-set-fixture.ts";

const specs: readonly WeightSpec[] = [
  { name: "layer.weight", shape: [2, 3], initialisation: "zeros" },
  { name: "layer.bias", shape: [2], initialisation: "zeros" },
];
const bufferSpecs: readonly WeightSpec[] = [
  { name: "norm.running_mean", shape: [2], initialisation: "zeros" },
];
const layouts = { layout: flatLayout(specs), bufferLayout: flatLayout(bufferSpecs) };
const inputs = {
  recipe: tinyRecipe,
  vocabularySha256: sha256("the vocabulary"),
  setDigests: [sha256("a set")],
  audit: { digest: sha256("the verdict"), clean: true },
};
const record = runRecord(inputs, { codeVersion: "1.2.3" });
const otherRecord = runRecord({ ...inputs, recipe: { ...tinyRecipe, seed: 5 } });
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

/** Of what is left out, the usual. */
interface Saved {
  readonly state?: TrainingState;
  readonly record?: RunRecord;
  readonly options?: Partial<WriteOptions>;
}

async function save(step: number, saved: Saved = {}): Promise<void> {
  const content: CheckpointContent = {
    step,
    record: saved.record ?? record,
    state: saved.state ?? stateOf(step),
    loader,
  };
  const options = { keepLast: 2, ...saved.options };
  await writeCheckpoint(folder, await checkpointParts(content, layouts), options);
}

/** What loading step 3 throws after `damage` was done to a file of it. */
async function faultAfter(damage: (checkpoint: string) => Promise<void>): Promise<unknown> {
  await save(3);
  const checkpoint = join(folder, STEP);
  await damage(checkpoint);
  return loadCheckpoint(checkpoint, { record, ...layouts }).catch((error: unknown) => error);
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
    const loaded = await loadCheckpoint(join(folder, STEP), { record, ...layouts });
    expect(loaded).toMatchObject({ step: 3, record, loader });
    expect(bitsOf(loaded.state)).toEqual(bitsOf(stateOf(3)));
  });

  it("holds the model by its weights' names and shapes", async () => {
    await save(3);
    const model = await readSafetensors(join(folder, STEP, "model.safetensors"));
    expect([...model.values()].map(({ name, shape }) => ({ name, shape }))).toEqual(
      [...specs, ...bufferSpecs].map(({ name, shape }) => ({ name, shape })),
    );
  });

  it("T-11: says by itself what it was trained by and on: recipe, vocabulary, sets, audit, proofs, version, seed", async () => {
    const proofs = [sha256("a proof"), null];
    const proven = runRecord({ ...inputs, proofs }, { codeVersion: "1.2.3" });
    await save(3, { record: proven });
    const { record: found, step } = await verifyCheckpoint(join(folder, STEP));
    expect([found, step]).toEqual([proven, 3]);
    expect(found).toMatchObject({ ...inputs, proofs, codeVersion: "1.2.3" });
    expect(found.recipe.seed).toBe(tinyRecipe.seed);
  });

  it("is of several files where one would be too large, and gives back every bit", async () => {
    await save(3, { options: { maxFileBytes: 30 } }); // six weights have 24 bytes
    const names = await readdir(join(folder, STEP));
    expect(names).toContain("model.safetensors.index.json");
    expect(names).toContain("optimizer-00004-of-00004.safetensors");
    expect(names).not.toContain("model.safetensors");
    const loaded = await loadCheckpoint(join(folder, STEP), { record, ...layouts });
    expect(bitsOf(loaded.state)).toEqual(bitsOf(stateOf(3)));
    const model = await modelOf(join(folder, STEP), { hasAverage: true });
    expect([...model.keys()]).toEqual([...specs, ...bufferSpecs].map(({ name }) => name));
  });

  it("is a copy: the state may be disposed of before it is written", async () => {
    const state = stateOf(3);
    const bits = bitsOf(state);
    const parts = await checkpointParts({ step: 3, record, state, loader }, layouts);
    tf.dispose(Object.values(state));
    await writeCheckpoint(folder, parts, { keepLast: 1 });
    const loaded = await loadCheckpoint(join(folder, STEP), { record, ...layouts });
    expect(bitsOf(loaded.state)).toEqual(bits);
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
    await save(1, { state });
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

  it("are as many of the newest as the recipe says, and its best", async () => {
    for (const step of [1, 2, 3, 4, 5]) await save(step, { options: { keepLast: 2, keepStep: 2 } });
    expect(await readdir(folder)).toEqual(["step-00000002", "step-00000004", "step-00000005"]);
    await save(6, { options: { keepLast: 1, keepStep: 6 } });
    expect(await readdir(folder)).toEqual(["step-00000006"]);
  });

  it("T-10: a half-written one is never taken, and goes with the next one", async () => {
    await save(3);
    await cp(join(folder, STEP), join(folder, "step-00000005.part"), { recursive: true });
    expect(await latestCheckpoint(folder)).toMatchObject({ step: 3 });
    await save(4);
    expect(await readdir(folder)).toEqual([STEP, "step-00000004"]);
  });

  it("T-10: after a kill behind any byte of a write the one before is loaded", async () => {
    await save(3);
    await save(4);
    const written = join(folder, "step-00000004");
    const files = ["model", "optimizer", "average"].map((stem) => `${stem}.safetensors`);
    const order = [...files, "loader.json", "state.json"];
    const moments = order.flatMap((file, index) =>
      [0, 0.5, 1].map((share) => ({ whole: order.slice(0, index), file, share })),
    );
    for (const { file, share, whole } of moments) {
      const partial = join(folder, "step-00000009.part");
      await mkdir(partial);
      for (const name of whole) await cp(join(written, name), join(partial, name));
      const bytes = await readFile(join(written, file));
      await writeFile(join(partial, `${file}.part`), bytes.subarray(0, share * bytes.length));
      const latest = await latestCheckpoint(folder);
      expect(latest?.step).toBe(4);
      const loaded = await loadCheckpoint(latest?.folder ?? "", { record, ...layouts });
      expect(bitsOf(loaded.state)).toEqual(bitsOf(stateOf(4)));
      await rm(partial, { recursive: true });
    }
  });

  it("are written over what a kill has left of the same step", async () => {
    await mkdir(join(folder, `${STEP}.part`), { recursive: true });
    await writeFile(join(folder, `${STEP}.part`, "model.safetensors"), "half");
    await save(3);
    expect(await verifyCheckpoint(join(folder, STEP))).toEqual({
      step: 3,
      record,
      hasAverage: true,
    });
  });
});

describe("a checkpoint is refused", () => {
  it("T-11: by another run, which is told what differs", async () => {
    await save(3);
    const load = loadCheckpoint(join(folder, STEP), { record: otherRecord, ...layouts });
    await expect(load).rejects.toBeInstanceOf(StateError);
    await expect(verifyCheckpointOf(join(folder, STEP), otherRecord)).rejects.toThrow(
      /another run, which differs in:\n {2}seed: 1 there, 5 now$/,
    );
  });

  it("T-11: by no run that has accepted the change", async () => {
    await save(3);
    const changes = [{ from: record.digest, differences: ["seed: 1 there, 5 now"] }];
    const accepting = { ...otherRecord, changes };
    const loaded = await loadCheckpoint(join(folder, STEP), { record: accepting, ...layouts });
    expect(bitsOf(loaded.state)).toEqual(bitsOf(stateOf(3)));
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
    ["of another form", '{"format": "crossweave-checkpoint", "version": 1}'],
    ["empty", ""],
  ])("when its state file is %s", async (_name, text) => {
    const fault = await faultAfter((checkpoint) => writeFile(join(checkpoint, "state.json"), text));
    expect(fault).toBeInstanceOf(StateError);
    expect(String(fault)).toContain("state.json");
  });

  it.each([
    { file: "model.safetensors", name: "layer.weight", length: 6, missed: "layer.bias" },
    { file: "model.safetensors", name: "layer.bias", length: 2, missed: "layer.weight" },
    {
      file: "optimizer.safetensors",
      name: "first_moment.layer.weight",
      length: 5,
      missed: "first_moment.layer.weight",
    },
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
