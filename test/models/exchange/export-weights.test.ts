import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import { exportWeights, type WeightSource } from "../../../src/models/exchange/export-weights.ts";
import {
  importWeights,
  type ImportedWeights,
} from "../../../src/models/exchange/import-weights.ts";
import { layoutNamed, nameLayouts } from "../../../src/models/exchange/layouts.ts";
import { partOf, theirNames } from "../../../src/models/exchange/name-layout.ts";
import { readSafetensors } from "../../../src/tensor/safetensors.ts";
import { writeTensors } from "../../../src/tensor/weight-files/tensor-writer.ts";
import { publishedShapes, publishedTensors } from "./published-files.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-export-"));
});
afterAll(() => rm(folder, { recursive: true }));

const SEED = 3;
const inFolder = (name: string): string => join(folder, name);

async function importPublished(program: string, prefix = ""): Promise<ImportedWeights> {
  const path = inFolder(`${program}.safetensors`);
  await writeTensors(path, publishedTensors(await publishedShapes(program), SEED));
  return await importWeights(path, {
    layout: layoutNamed(program.replace("-bottleneck", "")),
    prefix,
  });
}

function sourcesOf(imported: ImportedWeights): WeightSource[] {
  return imported.mapped.map((weight) => ({
    name: weight.name,
    shape: weight.shape,
    load: async () => (await imported.read(weight)).values,
  }));
}

/** Heads for classes, and what follows from the rest. */
const LEFT_BEHIND = /classifier|^head\.|seq_relationship|num_batches_tracked/;

describe("weights that came from a published file", () => {
  it.each([
    "transformers-bert",
    "transformers-swin",
    "timm-swin",
    "transformers-resnet",
    "transformers-resnet-bottleneck",
  ])("go back to %s's with its names, shapes and values", async (program) => {
    const shapes = await publishedShapes(program);
    await using imported = await importPublished(program, "visual.");
    const layout = layoutNamed(program.replace("-bottleneck", ""));
    const path = inFolder("back.safetensors");
    const report = await exportWeights(path, sourcesOf(imported), { layout, prefix: "visual." });
    expect(report.left).toEqual([]);
    const original = await readSafetensors(inFolder(`${program}.safetensors`));
    const back = await readSafetensors(path);
    const kept = Object.keys(shapes).filter((name) => !LEFT_BEHIND.test(name));
    expect([...back.keys()].toSorted()).toEqual(kept.toSorted());
    for (const [name, tensor] of back) expect(tensor).toEqual(original.get(name));
  });

  it("go from one program's names to another's", async () => {
    await using imported = await importPublished("transformers-swin");
    const path = inFolder("timm.safetensors");
    await exportWeights(path, sourcesOf(imported), { layout: layoutNamed("timm-swin") });
    const shapes = await publishedShapes("timm-swin");
    for (const [name, { shape }] of await readSafetensors(path)) {
      expect([name, shape]).toEqual([name, shapes[name]]);
    }
  });

  it("are written to several files where an index is asked for", async () => {
    await using imported = await importPublished("transformers-swin");
    const path = inFolder("model.safetensors.index.json");
    await exportWeights(path, sourcesOf(imported), { maxFileBytes: 4000 });
    await using again = await importWeights(path, { layout: layoutNamed("official-swin") });
    expect(again.mapped.map(({ name, shape }) => [name, shape])).toEqual(
      imported.mapped.map(({ name, shape }) => [name, shape]),
    );
  });
});

describe("a model without token types", () => {
  it("is written for transformers with a table of zeros", async () => {
    const table = new Float32Array(6).fill(0.5);
    const name = "embeddings.position_embeddings.weight";
    const path = inFolder("bert.safetensors");
    const weights = [{ name, shape: [3, 2], load: () => Promise.resolve(table) }];
    await exportWeights(path, weights, { layout: layoutNamed("transformers-bert") });
    const types = (await readSafetensors(path)).get("bert.embeddings.token_type_embeddings.weight");
    expect([types?.shape, types?.data]).toEqual([[2, 2], new Float32Array(4)]);
  });

  it("tells what another program has no place for, and refuses to write nothing", async () => {
    const weights = ["itm_head.bias", "pooler.dense.bias"].map((name) => ({
      name,
      shape: [2],
      load: () => Promise.resolve(new Float32Array(2)),
    }));
    const layout = layoutNamed("transformers-bert");
    const path = inFolder("some.safetensors");
    expect((await exportWeights(path, weights, { layout })).left).toEqual(["itm_head.bias"]);
    const nothing = exportWeights(path, weights.slice(0, 1), { layout });
    await expect(nothing).rejects.toBeInstanceOf(ConfigError);
  });
});

describe("a layout", () => {
  it.each(nameLayouts)("$name has no two rules for one name, on either side", ({ rules }) => {
    for (const side of [rules.map(({ ours }) => ours), rules.flatMap(({ theirs }) => theirs)]) {
      expect(new Set(side).size).toBe(side.length);
    }
  });

  it.each(nameLayouts)("$name leads from our names to theirs and back", (layout) => {
    const ours = layout.rules.map((rule) =>
      rule.ours.replaceAll("#+1", "4").replaceAll("#", "2").replace("*", "dense.weight"),
    );
    for (const name of ours) {
      const theirs = theirNames(layout, name) ?? [];
      expect(theirs.map((part) => partOf(layout, layout.present(part))?.ours)).toEqual(
        theirs.map(() => name),
      );
      expect(theirs.length).toBeGreaterThan(0);
    }
  });

  it("of an unknown name is refused with those there are", () => {
    expect(() => layoutNamed("torch")).toThrow('there is no layout "torch"');
  });
});
