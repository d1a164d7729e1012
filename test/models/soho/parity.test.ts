import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensor4 } from "../../../src/models/ranks.ts";
import { validCells } from "../../../src/models/resnet/grid-features.ts";
import { sohoBuffers, sohoSpecs, type SohoConfig } from "../../../src/models/soho/config.ts";
import { projectGrid, type SohoRun } from "../../../src/models/soho/grid-encoder.ts";
import { nextSohoBuffers, stepStatistics } from "../../../src/models/soho/statistics.ts";
import { lookUp, placeTokens } from "../../../src/models/soho/visual-tokens.ts";
import { initialiseWeights, type Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  fixtureWeights,
  largestDifference,
  readFixture,
  relativeL2,
  uniformTensor,
} from "../parity-fixture.ts";
import { presets, tinySoho } from "./soho-fixture.ts";

// References: PyTorch 2.13.0 in float64 (fixtures/make-fixtures.py).

beforeAll(loadTensorFlow);

/** A network with six channels at its end. */
function configOf(switches: SohoConfig["switches"]): SohoConfig {
  const tiny = tinySoho(switches);
  return {
    ...tiny,
    resnet: { block: "basic", depths: [1], width: 6 },
    dictionary: { codes: 10, momentum: 0.4, restartAfterSteps: 0 },
    transformer: { ...tiny.transformer, hiddenSize: 8 },
  };
}

interface Outcome {
  readonly tokens: Float32Array;
  readonly indices: Float32Array;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly buffers: Weights;
}

function outcomeOf(config: SohoConfig, seed: number): Outcome {
  const specs = sohoSpecs(config).filter(({ name }) => name.startsWith("neck."));
  const own = fixtureWeights(specs, seed);
  const codes = sohoBuffers(config).filter(({ name }) => name === "neck.vq.embed");
  const buffers: Weights = {
    ...initialiseWeights(sohoBuffers(config), { seed, scale: "published" }),
    ...fixtureWeights(codes, seed),
  };
  const picture = { height: 160, width: 192 };
  const valid = validCells(
    { heights: tf.tensor1d([160, 70], "int32"), widths: tf.tensor1d([192, 100], "int32") },
    picture,
    { height: 2, width: 3 },
  );
  const collected = new Map<string, tf.Tensor>();
  const run: SohoRun = {
    mode: "train",
    freezesBackbone: true,
    collect: (name, statistic) => collected.set(name, tf.keep(statistic)),
  };
  const found = new Map<string, Float32Array>();
  const names = Object.keys(own);
  const gradients = tf.grads((...values: tf.Tensor[]) => {
    const [backbone = tf.scalar(0), ...tensors] = values;
    const named = Object.fromEntries(tensors.map((tensor, place) => [names[place] ?? "", tensor]));
    const weights = { ...buffers, ...named };
    const features = projectGrid(weights, config, { backbone: tensor4(backbone), run });
    const grid = { features, valid };
    const { indices, mask, tokens } = lookUp(weights, config, { grid, run });
    const placed = tf.mul(placeTokens(weights, tokens, grid), tf.expandDims(mask, 2));
    found.set("tokens", Float32Array.from(placed.dataSync()));
    found.set("indices", Float32Array.from(indices.dataSync()));
    // The mask vector stands nowhere here.
    const untouched = tf.mul(tf.sum(named["neck.mask_emb.weight"] ?? tf.scalar(0)), 0);
    return tf.add(tf.sum(tf.mul(placed, uniformTensor(seed, "probe", placed.shape))), untouched);
  })([uniformTensor(seed, "backbone", [2, 5, 6, 6]), ...Object.values(own)]);
  const empty = new Float32Array();
  return {
    tokens: found.get("tokens") ?? empty,
    indices: found.get("indices") ?? empty,
    gradients: new Map(
      gradients.map((gradient, place) => [
        place === 0 ? "backbone" : (names[place - 1] ?? ""),
        Float32Array.from(gradient.dataSync()),
      ]),
    ),
    buffers: nextSohoBuffers(buffers, config, stepStatistics(config, collected)),
  };
}

describe.each(presets)("SOHO's neck with the %s preset", (preset, switches) => {
  it("gives the tokens, the gradients and the next dictionary of plain PyTorch", async () => {
    const reference = await readFixture(`models/soho/fixtures/${preset}.safetensors`);
    const { buffers, gradients, indices, tokens } = outcomeOf(configOf(switches), reference.seed);
    expect([...indices]).toEqual([...reference.values("indices")]);
    expect(largestDifference(tokens, reference.values("tokens"))).toBeLessThan(1e-5);
    const told = reference.names.filter((name) => name.startsWith("gradient/"));
    expect(told.length).toBeGreaterThan(4);
    for (const name of told) {
      const found = gradients.get(name.slice("gradient/".length)) ?? [];
      expect([name, relativeL2(found, reference.values(name)) < 1e-4]).toEqual([name, true]);
    }
    const kept = reference.names.filter((name) => name.startsWith("neck."));
    expect(kept).toContain("neck.vq.embed");
    for (const name of kept) {
      const found = buffers[name]?.dataSync() ?? [];
      expect([name, largestDifference(found, reference.values(name)) < 1e-5]).toEqual([name, true]);
    }
  });
});
