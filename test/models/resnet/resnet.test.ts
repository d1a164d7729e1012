import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensor4 } from "../../../src/models/ranks.ts";
import { followStatistics, runningNames } from "../../../src/models/resnet/batch-norm.ts";
import {
  partNames,
  partsOf,
  resNet101,
  resNet18,
  resNet50,
  resNetBuffers,
  resNetSpecs,
  type ResNetConfig,
} from "../../../src/models/resnet/config.ts";
import { resNetForward, type ResNetRun } from "../../../src/models/resnet/resnet.ts";
import { initialiseWeights, type Weights } from "../../../src/models/weights.ts";
import { compile } from "../../../src/tensor/compiled/compiled-step.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  largestDifference,
  readFixture,
  relativeL2,
  uniform,
  uniformTensor,
  type Fixture,
} from "../parity-fixture.ts";

// References: transformers 5.23.0 and PyTorch 2.13.0 in float64 (fixtures/make-fixtures.py).

const tiny = {
  basic: { block: "basic", depths: [2, 1, 1, 1], width: 4 },
  bottleneck: { block: "bottleneck", depths: [1, 2, 1, 1], width: 4 },
} as const satisfies Record<string, ResNetConfig>;

const blocks = ["basic", "bottleneck"] as const;
type Block = (typeof blocks)[number];

const references = new Map<Block, Fixture>();

beforeAll(async () => {
  await loadTensorFlow();
  for (const block of blocks) {
    references.set(block, await readFixture(`models/resnet/fixtures/${block}.safetensors`));
  }
});

function referenceOf(block: Block): Fixture {
  const reference = references.get(block);
  if (reference === undefined) throw new RangeError("no fixture");
  return reference;
}

/** As `value_of` of make-fixtures.py draws them. */
function tensorsOf(config: ResNetConfig, seed: number): Weights {
  const lastNorms = `.bn${config.block === "basic" ? 2 : 3}.weight`;
  const specs = [...resNetSpecs(config), ...resNetBuffers(config)];
  return Object.fromEntries(
    specs.map(({ name, shape }) => {
      const small = Math.fround(0.3);
      const scale = Math.fround(name.endsWith(lastNorms) ? 0.2 : 1);
      const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
      const isScale = name.endsWith("running_var") || name.endsWith(".weight");
      const values = uniform(seed, name, shape).map((value) => {
        if (shape.length === 4) return Math.fround(Math.sqrt(6 / fanIn)) * value;
        return isScale ? scale * Math.fround(1 + Math.fround(small * value)) : small * value;
      });
      return [name, tf.tensor(values, [...shape])];
    }),
  );
}

const pixelsOf = (seed: number, shape: readonly number[]): tf.Tensor4D =>
  tensor4(uniformTensor(seed, `pixels ${shape[1]}`, shape));

interface Run {
  readonly features: Float32Array;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly statistics: ReadonlyMap<string, Float32Array>;
}

/** Features and all gradients of their probed sum. */
function runOf(block: Block, options: Partial<ResNetRun>): Run {
  const config = tiny[block];
  const { seed } = referenceOf(block);
  const tensors = tensorsOf(config, seed);
  const names = resNetSpecs(config).map(({ name }) => name);
  const statistics = new Map<string, Float32Array>();
  const pixels = pixelsOf(seed, [2, 64, 64, 3]);
  const features: Float32Array[] = [];
  const gradients = tf.grads((...values: tf.Tensor[]) => {
    const named = Object.fromEntries(names.map((name, place) => [name, values[place]]));
    const output = resNetForward({ ...tensors, ...withoutHoles(named) }, config, {
      pixels,
      run: {
        mode: "eval",
        frozenParts: 0,
        collect: (name, statistic) => statistics.set(name, Float32Array.from(statistic.dataSync())),
        ...options,
      },
    });
    features.push(Float32Array.from(output.dataSync()));
    return tf.add(
      tf.sum(tf.mul(output, uniformTensor(seed, "probe", output.shape))),
      reached(values),
    );
  })(names.map((name) => tensors[name] ?? tf.scalar(Number.NaN)));
  return {
    features: features[0] ?? new Float32Array(),
    gradients: new Map(
      gradients.map((gradient, place) => [
        names[place] ?? "",
        Float32Array.from(gradient.dataSync()),
      ]),
    ),
    statistics,
  };
}

/** 0, which tfjs takes for a function of `values`: it refuses gradients of what is not reached. */
function reached(values: readonly tf.Tensor[]): tf.Scalar {
  return tf.mul(tf.addN(values.map((value) => tf.sum(value))), 0);
}

function withoutHoles(named: Readonly<Record<string, tf.Tensor | undefined>>): Weights {
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, tensor]) =>
      tensor === undefined ? [] : [[name, tensor]],
    ),
  );
}

const worstGradient = (run: Run, reference: Fixture, mode: string): number =>
  Math.max(
    ...[...run.gradients].map(([name, gradient]) =>
      relativeL2(gradient, reference.values(`${mode}/gradient/${name}`)),
    ),
  );

const isZero = (values: Float32Array | undefined): boolean =>
  values?.every((value) => value === 0) ?? false;

describe("the residual network", () => {
  it.each([
    ["ResNet-18", resNet18, 11_176_512],
    ["ResNet-50", resNet50, 23_508_032],
    ["ResNet-101", resNet101, 42_500_160],
  ])("%s has the published number of weights", (_, config, expected) => {
    const sizes = resNetSpecs(config).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(expected);
  });

  it("starts from kernels of N(0, 2 / n), n the values that an input reaches", () => {
    const specs = resNetSpecs(resNet18).filter(({ name }) => name === "layer2.0.conv2.weight");
    const start = initialiseWeights(specs, { seed: 1, scale: "published" });
    const { mean, variance } = tf.moments(start["layer2.0.conv2.weight"] ?? tf.scalar(0));
    expect(Math.abs(mean.dataSync()[0] ?? 1)).toBeLessThan(1e-3);
    expect((variance.dataSync()[0] ?? 0) / (2 / (128 * 9))).toBeCloseTo(1, 1);
  });

  it.each(blocks)(
    "R-3: gives the features and gradients of transformers by running statistics (%s)",
    (block) => {
      const reference = referenceOf(block);
      const run = runOf(block, { mode: "eval" });
      expect(relativeL2(run.features, reference.values("eval/features"))).toBeLessThan(1e-4);
      expect(worstGradient(run, reference, "eval")).toBeLessThan(1e-3);
    },
  );

  it.each(blocks)(
    "R-3: gives the features and gradients of transformers by batch statistics (%s)",
    (block) => {
      const reference = referenceOf(block);
      const run = runOf(block, { mode: "train" });
      expect(relativeL2(run.features, reference.values("train/features"))).toBeLessThan(1e-4);
      expect(worstGradient(run, reference, "train")).toBeLessThan(1e-2);
    },
  );

  it.each(blocks)("R-3: moves the running statistics as PyTorch does (%s)", (block) => {
    const reference = referenceOf(block);
    const { statistics } = runOf(block, { mode: "train" });
    const tensors = tensorsOf(tiny[block], reference.seed);
    expect(statistics.size).toBe(resNetBuffers(tiny[block]).length);
    for (const [name, batch] of statistics) {
      const moved = followStatistics(tensors[name] ?? tf.scalar(0), tf.tensor1d(batch));
      expect(relativeL2(moved.dataSync(), reference.values(`train/${name}`))).toBeLessThan(1e-5);
    }
  });

  it("R-3: pads as PyTorch does where a side is odd", () => {
    for (const block of blocks) {
      const reference = referenceOf(block);
      const { seed } = reference;
      const features = resNetForward(tensorsOf(tiny[block], seed), tiny[block], {
        pixels: pixelsOf(seed, [1, 77, 45, 3]),
        run: { mode: "eval", frozenParts: 0, collect: () => undefined },
      });
      expect(features.shape.slice(1, 3)).toEqual([3, 2]);
      expect(largestDifference(features.dataSync(), reference.values("eval/odd"))).toBeLessThan(
        1e-4,
      );
    }
  });

  it("synchronised over one rank is the fused normalisation", () => {
    const alone = runOf("basic", { mode: "train" });
    const together = runOf("basic", { mode: "train", sumOverRanks: (x) => tf.clone(x) });
    expect(relativeL2(together.features, alone.features)).toBeLessThan(1e-5);
    for (const [name, gradient] of together.gradients) {
      expect(relativeL2(gradient, alone.gradients.get(name) ?? [])).toBeLessThan(1e-3);
    }
    for (const [name, statistic] of together.statistics) {
      expect(relativeL2(statistic, alone.statistics.get(name) ?? [])).toBeLessThan(1e-4);
    }
  });

  it("compiled is what its operations are one by one", () => {
    const { seed } = referenceOf("basic");
    const tensors = tensorsOf(tiny.basic, seed);
    const names = Object.keys(tensors);
    const differences: (number | undefined)[] = [];
    using step = compile(
      ([pixels, ...values]) => {
        const weights = withoutHoles(
          Object.fromEntries(names.map((name, place) => [name, values[place]])),
        );
        const statistics: tf.Tensor[] = [];
        const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
          const run: ResNetRun = {
            mode: "train",
            frozenParts: 0,
            collect: (_, statistic) => statistics.push(tf.keep(statistic)),
          };
          return tf.sum(resNetForward(weights, tiny.basic, { pixels: tensor4(x), run }));
        })(pixels ?? tf.scalar(0));
        return [value, grad, ...statistics];
      },
      { tolerance: 1e-4, onTrace: ({ difference }) => differences.push(difference) },
    );
    const inputs = [pixelsOf(seed, [2, 64, 64, 3]), ...Object.values(tensors)];
    const outputs = step.run(inputs);
    expect(outputs).toHaveLength(2 + resNetBuffers(tiny.basic).length);
    expect(differences[0]).toBeLessThan(1e-4);
    tf.dispose([...inputs, ...outputs]);
  });
});

describe("freezing", () => {
  it("R-5: gives frozen parts a gradient of exactly 0 and leaves their statistics alone", () => {
    const parts = partNames(tiny.basic);
    const norms = partsOf(tiny.basic).map((part) =>
      part.map(({ norm }) => runningNames(norm).mean),
    );
    for (const frozenParts of [0, 1, 2, parts.length]) {
      const { gradients, statistics } = runOf("basic", { mode: "train", frozenParts });
      for (const [part, names] of parts.entries()) {
        const isFrozen = part < frozenParts;
        expect(names.map((name) => isZero(gradients.get(name)))).toEqual(names.map(() => isFrozen));
        expect(norms[part]?.map((name) => statistics.has(name))).toEqual(
          norms[part]?.map(() => !isFrozen),
        );
      }
    }
  });

  it.each(blocks)("R-6: the parts hold each weight exactly once (%s)", (block) => {
    const names = partNames(tiny[block]).flat();
    expect(names.toSorted()).toEqual(
      resNetSpecs(tiny[block])
        .map(({ name }) => name)
        .toSorted(),
    );
    expect(new Set(names).size).toBe(names.length);
  });
});
