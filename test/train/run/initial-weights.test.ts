import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256OfFile } from "../../../src/core/digest.ts";
import { ConfigError, StateError } from "../../../src/core/errors.ts";
import { exportWeights } from "../../../src/models/exchange/export-weights.ts";
import { layoutNamed } from "../../../src/models/exchange/layouts.ts";
import { VISUAL_PREFIX } from "../../../src/models/visual-parsing/visual-parsing.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { unflatten } from "../../../src/train/step/flat-weights.ts";
import { initialSource, importSummary, startFrom } from "../../../src/train/run/initial-weights.ts";
import { StepProgram } from "../../../src/train/step/step-program.ts";
import { disposeState } from "../../../src/train/step/training-state.ts";
import { temporaryFolder } from "../../loader/shard-set-fixture.ts";
import { tinyRecipe, tinySystem } from "../tiny-run.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
let swin = "";
let bert = "";

beforeAll(async () => {
  await loadTensorFlow();
  temporary = await temporaryFolder();
  [swin, bert] = [
    join(temporary.path, "swin.safetensors"),
    join(temporary.path, "bert.safetensors"),
  ];
  // Every weight of the published files is its own number.
  const weights = tinySystem().model.specs.map(({ name, shape }, place) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return { name, shape, load: () => Promise.resolve(new Float32Array(size).fill(place)) };
  });
  await exportWeights(swin, weights, {
    layout: layoutNamed("official-swin"),
    prefix: VISUAL_PREFIX,
  });
  await exportWeights(bert, weights, { layout: layoutNamed("transformers-bert") });
});
afterAll(async () => await temporary?.[Symbol.asyncDispose]());

/** The weights that a run starts with by name, and what was told of the files. */
async function started(
  given: readonly string[],
): Promise<{ readonly values: ReadonlyMap<string, number[]>; readonly told: string[] }> {
  using program = new StepProgram(tinyRecipe, tinySystem());
  const sources = await Promise.all(given.map((source) => initialSource(source)));
  const { reports, state } = await startFrom(program.initialState(), sources, program);
  const named = Object.entries(unflatten(program.layout, state.weights));
  const values = new Map(named.map(([name, tensor]) => [name, [...tensor.dataSync()]]));
  disposeState(state);
  tf.dispose(named.map(([, tensor]) => tensor));
  return { values, told: reports.map(importSummary) };
}

describe("a run that starts from published weights", () => {
  it("has those of the picture encoder and of BERT, and drew the rest", async () => {
    const { told, values } = await started([`official-swin=${swin}`, `transformers-bert=${bert}`]);
    const drawn = (await started([])).values;
    for (const [place, { name }] of tinySystem().model.specs.entries()) {
      const isTaken = new Set(values.get(name)).size === 1 && values.get(name)?.[0] === place;
      const isDrawn = values.get(name)?.join() === drawn.get(name)?.join();
      expect([name, isTaken !== isDrawn]).toEqual([name, true]);
      // The decoder's bias is in BERT's file too, and of one value everywhere.
      const isPublished = /^(visual|embeddings|encoder)\./.test(name) || name === "mlm_head.bias";
      expect([name, isTaken || name === "mlm_head.bias"]).toEqual([name, isPublished]);
    }
    expect(told[0]).toMatch(
      /^official-swin=.*swin\.safetensors: \d+ weights taken, 0 of the model/,
    );
    expect(told[1]).toContain("transformers-bert=");
  });

  it("names the files by their content", async () => {
    expect(await initialSource(`official-swin=${swin}`)).toEqual({
      layout: "official-swin",
      path: swin,
      sha256: await sha256OfFile(swin),
    });
  });

  it("is refused without a layout, or with one that there is not", async () => {
    await expect(initialSource(swin)).rejects.toBeInstanceOf(ConfigError);
    await expect(initialSource(`swin=${swin}`)).rejects.toThrow("there is no layout");
  });

  it("is refused with a file of another model", async () => {
    await expect(started([`torchvision-resnet=${swin}`])).rejects.toBeInstanceOf(StateError);
    const broken = join(temporary?.path ?? "", "broken.safetensors");
    await writeFile(broken, "no weights");
    await expect(started([`official-swin=${broken}`])).rejects.toBeInstanceOf(StateError);
  });
});
