import type * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wholeDepth } from "../../../src/models/dropout.ts";
import { biasTableFitting } from "../../../src/models/exchange/bias-table-fitting.ts";
import { importWeights, type ImportOptions } from "../../../src/models/exchange/import-weights.ts";
import { layoutNamed } from "../../../src/models/exchange/layouts.ts";
import { tensor4 } from "../../../src/models/ranks.ts";
import { resNetBuffers, resNetSpecs } from "../../../src/models/resnet/config.ts";
import { resNetEvaluation, resNetForward } from "../../../src/models/resnet/resnet.ts";
import { resizedBiasTable } from "../../../src/models/swin/bias-tables.ts";
import type { SwinConfig } from "../../../src/models/swin/config.ts";
import { swinSpecs } from "../../../src/models/swin/specs.ts";
import { swinForward } from "../../../src/models/swin/swin.ts";
import { uniformTensor } from "../parity-fixture.ts";
import { drawn, importedTensors, openPublished, type Published } from "./published-files.ts";

// References: transformers 5.23.0 and timm 1.0.31 on torch 2.13.0, float64 (fixtures/make_fixtures.py).

const swin: SwinConfig = {
  imageSize: 24,
  patchSize: 4,
  embedDim: 12,
  depths: [2, 2],
  heads: [2, 4],
  windowSize: 3,
  mlpRatio: 2,
  stochasticDepth: 0,
  recompute: false,
};

let files: Published;
beforeAll(async () => {
  files = await openPublished();
});
afterAll(() => files[Symbol.asyncDispose]());

describe("a Swin's file", () => {
  const prefix = "visual.";
  const specs = swinSpecs(swin).map((spec) => ({ ...spec, name: prefix + spec.name }));

  async function tokensOf(path: string, options: ImportOptions): Promise<tf.Tensor> {
    await using imported = await importWeights(path, { ...options, prefix, specs });
    const pixels = tensor4(uniformTensor(files.fixture.seed, "pixels", [2, 24, 24, 3]));
    return swinForward(await importedTensors(imported, prefix), swin, { pixels, depth: wholeDepth })
      .tokens;
  }

  it.each(["transformers-swin", "timm-swin"])(
    "S-8: of %s gives our model their tokens",
    async (program) => {
      const path = await files.fileOf(await files.tensorsOf(program));
      const tokens = await tokensOf(path, { layout: layoutNamed(program) });
      files.expectClose(tokens, `${program}/tokens`, 2e-4);
      expect(tokens.shape).toEqual([2, 9, 24]);
    },
  );

  it("tells which tensors are indices and which are a classifier", async () => {
    const tensors = await files.tensorsOf("timm-swin");
    const index = "layers.0.blocks.0.attn.relative_position_index";
    const file = await files.fileOf([
      ...tensors,
      { name: index, dtype: "I32", shape: [2], load: () => Promise.resolve(new Int32Array(2)) },
    ]);
    const layout = layoutNamed("timm-swin");
    await using imported = await importWeights(file, { layout, prefix, specs });
    expect(imported.report.derived).toEqual([index]);
    expect(imported.report.unused).toEqual(["head.fc.bias", "head.fc.weight"]);
  });

  it("without one of query, key and value lacks the weight", async () => {
    const tensors = await files.tensorsOf("transformers-swin");
    const some = tensors.filter(
      ({ name }) => !name.endsWith("layers.0.blocks.0.attention.self.key.bias"),
    );
    const layout = layoutNamed("transformers-swin");
    await using imported = await importWeights(await files.fileOf(some), { layout, prefix, specs });
    expect(imported.report.missing).toEqual(["visual.layers.0.blocks.0.attn.qkv.bias"]);
    expect(imported.report.unused).toContain(
      "swin.encoder.layers.0.blocks.0.attention.self.query.bias",
    );
  });

  it("S-11: gives its bias tables to a model of other windows where that is asked for", async () => {
    const layout = layoutNamed("timm-swin");
    const wider = swinSpecs({ ...swin, imageSize: 48, windowSize: 6 });
    const tensors = await files.tensorsOf("timm-swin");
    const path = await files.fileOf(tensors);
    await expect(importWeights(path, { layout, specs: wider })).rejects.toThrow("4 shapes");
    const options = { layout, specs: wider, fitting: biasTableFitting };
    await using imported = await importWeights(path, options);
    expect(imported.report.fitted).toHaveLength(4);
    const name = "layers.1.blocks.0.attn.relative_position_bias_table";
    const table = drawn(files.fixture.seed, name, [25, 4]);
    const resized = resizedBiasTable(table, { heads: 4, from: 3, to: 6 });
    expect((await importedTensors(imported))[name]?.dataSync()).toEqual(resized);
  });

  it("of another number of heads is refused all the same", async () => {
    const path = await files.fileOf(await files.tensorsOf("timm-swin"));
    const fewer = swinSpecs({ ...swin, imageSize: 48, windowSize: 6, heads: [2, 2] });
    const options = { layout: layoutNamed("timm-swin"), specs: fewer, fitting: biasTableFitting };
    await expect(importWeights(path, options)).rejects.toThrow("2 shapes");
  });
});

describe("a ResNet's file", () => {
  it.each([
    ["basic", "transformers-resnet", 8],
    ["bottleneck", "transformers-resnet-bottleneck", 8],
  ] as const)(
    "R-1: of transformers, %s blocks, gives our network their grid",
    async (block, program, width) => {
      const config = { block, depths: [1, 1, 1, 1], width };
      const specs = [...resNetSpecs(config), ...resNetBuffers(config)];
      const layout = layoutNamed("transformers-resnet");
      await using imported = await importWeights(
        await files.fileOf(await files.tensorsOf(program)),
        {
          layout,
          specs,
        },
      );
      expect(imported.report).toMatchObject({
        missing: [],
        outside: [],
        unused: ["classifier.1.bias", "classifier.1.weight"],
      });
      const pixels = tensor4(uniformTensor(files.fixture.seed, "pixels", [1, 64, 64, 3]));
      const input = { pixels, run: resNetEvaluation };
      const grid = resNetForward(await importedTensors(imported), config, input);
      files.expectClose(grid, `${program}/grid`, 1e-4);
    },
  );
});

describe("a file whose program is not known to a model", () => {
  it("gives what it has under our names", async () => {
    const path = await files.fileOf(await files.tensorsOf("transformers-swin"));
    await using imported = await importWeights(path, { layout: layoutNamed("transformers-swin") });
    const names = imported.mapped.map(({ name }) => name).toSorted();
    expect(names).toEqual(
      swinSpecs(swin)
        .map(({ name }) => name)
        .toSorted(),
    );
    const qkv = imported.mapped.find(({ name }) => name === "layers.0.blocks.0.attn.qkv.bias");
    expect(qkv?.shape).toEqual([36]);
  });

  it("that holds integers for weights is refused when they are read", async () => {
    const data = new Int32Array(24);
    const shape = [24];
    const path = await files.fileOf([
      { name: "norm.weight", dtype: "I32", shape, load: () => Promise.resolve(data) },
      {
        name: "norm.bias",
        dtype: "F32",
        shape,
        load: () => Promise.resolve(drawn(1, "norm.bias", shape)),
      },
    ]);
    await using imported = await importWeights(path, { layout: layoutNamed("official-swin") });
    await expect(importedTensors(imported)).rejects.toThrow("norm.weight has integers");
  });
});
