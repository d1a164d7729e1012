import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noDropout, wholeDepth } from "../../../src/models/dropout.ts";
import type { NamedTensors } from "../../../src/models/pair-model.ts";
import { vector } from "../../../src/models/ranks.ts";
import { partNames } from "../../../src/models/resnet/config.ts";
import { BACKBONE_PREFIX } from "../../../src/models/soho/config.ts";
import { sohoPaper, sohoReleased, type SohoSwitches } from "../../../src/models/soho/switches.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import type { Weights } from "../../../src/models/weights.ts";
import {
  flatLayout,
  flatten,
  perWeight,
  unflatten,
  type FlatLayout,
} from "../../../src/train/step/flat-weights.ts";
import type { SohoObjectives, SohoRecipe } from "../../../src/train/recipes/soho-recipe.ts";
import { sohoReadings } from "../../../src/train/soho/losses.ts";
import { sohoConfig, sohoSystem } from "../../../src/train/systems/soho.ts";
import {
  decaysByShape,
  type System,
  type SystemLosses,
} from "../../../src/train/systems/system.ts";
import { freshSoho } from "../../models/soho/soho-fixture.ts";
import { tinySohoBatch, tinySohoRecipe, VOCABULARY_SIZE } from "./tiny-soho.ts";

beforeAll(loadTensorFlow);

interface Setting {
  readonly switches?: SohoSwitches;
  readonly objectives?: Partial<SohoObjectives>;
  readonly variant?: string;
  readonly changes?: NamedTensors;
  readonly dictionary?: Partial<SohoRecipe["model"]["dictionary"]>;
  /** In the place of fresh weights and buffers. */
  readonly fresh?: Weights;
}

const numberOf = (loss: tf.Tensor | undefined): number => loss?.dataSync()[0] ?? Number.NaN;

function recipeOf({ dictionary, objectives = {}, switches = sohoPaper }: Setting): SohoRecipe {
  const { model } = tinySohoRecipe;
  return {
    ...tinySohoRecipe,
    model: { ...model, dictionary: { ...model.dictionary, ...dictionary } },
    switches,
    objectives: { ...tinySohoRecipe.objectives, ...objectives },
  };
}

/** A system and its losses at fresh weights. */
class Probe {
  readonly system: System;
  readonly layout: FlatLayout;
  readonly start: tf.Tensor1D;
  readonly buffers: Weights;
  readonly #setting: Setting;

  constructor(setting: Setting) {
    const recipe = recipeOf(setting);
    this.#setting = setting;
    this.system = sohoSystem(recipe, VOCABULARY_SIZE);
    const { buffers, specs } = this.system.model;
    const fresh = { ...freshSoho(sohoConfig(recipe, VOCABULARY_SIZE)), ...setting.fresh };
    this.layout = flatLayout(specs);
    this.start = flatten(this.layout, fresh);
    this.buffers = Object.fromEntries(
      buffers.map(({ name }) => [name, fresh[name] ?? tf.scalar(Number.NaN)]),
    );
  }

  losses(flat: tf.Tensor = this.start): SystemLosses {
    const { changes, variant = "all-parts" } = this.#setting;
    return this.system.losses({
      variant,
      weights: unflatten(this.layout, vector(flat)),
      buffers: this.buffers,
      batch: tinySohoBatch(changes),
      dropout: noDropout,
      depth: wholeDepth,
    });
  }

  next(statistics: tf.Tensor1D = tf.zeros([0])): Weights {
    return this.system.nextBuffers?.(this.buffers, statistics) ?? {};
  }

  reading(name: (typeof sohoReadings)[number]): number {
    return numberOf(this.losses().readings[sohoReadings.indexOf(name)]);
  }

  flatGradient(): tf.Tensor {
    return tf.grad((flat: tf.Tensor) => this.losses(flat).total)(this.start);
  }

  gradient(): ReadonlyMap<string, Float32Array> {
    const named = unflatten(this.layout, vector(this.flatGradient()));
    return new Map(
      Object.entries(named).map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())]),
    );
  }
}

const noObjectives: SohoObjectives = {
  mlmWeight: 0,
  itmWeight: 0,
  mvmWeight: 0,
  mvmProbability: 0,
};

const movesFeatures = (name: string): boolean =>
  name.startsWith(BACKBONE_PREFIX) || name.startsWith("neck.conv");

const isNetwork = (name: string): boolean => name.startsWith(BACKBONE_PREFIX);

/** How far the loss's central difference along its own gradient is from the gradient's norm, relatively. */
function slopeError(probe: Probe, isMoved: (name: string) => boolean): number {
  const step = 1e-3;
  const marks = perWeight(probe.layout, ({ name }) => Number(isMoved(name)));
  const gradient = tf.mul(probe.flatGradient(), marks);
  const norm = numberOf(tf.norm(gradient));
  const direction = tf.div(gradient, norm);
  const [ahead = 0, behind = 0] = [step, -step].map((distance) =>
    numberOf(probe.losses(tf.add(probe.start, tf.mul(direction, distance))).total),
  );
  return Math.abs((ahead - behind) / (2 * step) / norm - 1);
}

const isZero = (values: Float32Array | undefined): boolean =>
  values?.every((value) => value === 0) ?? false;

const presets: readonly (readonly [string, SohoSwitches])[] = [
  ["paper", sohoPaper],
  ["released", sohoReleased],
];

describe.each(presets)("SOHO's loss with the %s preset", (_, switches) => {
  it("T-8: is the weighted sum of its three parts, I-6: each truly weighted", () => {
    const objectives = { mlmWeight: 0.5, itmWeight: 2, mvmWeight: 0.1, mvmProbability: 1 };
    const { readings, total } = new Probe({ switches, objectives }).losses();
    const [mlm, itm, mvm] = readings.map(numberOf);
    const expected = 0.5 * (mlm ?? 0) + 2 * (itm ?? 0) + 0.1 * (mvm ?? 0);
    expect(numberOf(total)).toBeCloseTo(expected, 5);
    expect(mvm).toBeGreaterThan(0.1);
  });

  it.each(["mlmWeight", "itmWeight"] as const)(
    "T-15: has the gradient of the objective with %s, as its difference along a direction tells",
    (part) => {
      // Codes and masks jump where a feature comes nearer to another code.
      const steady: SohoSwitches = {
        ...switches,
        visualInput: "features",
        mvmChoice: "batch-location",
      };
      const objectives = { ...noObjectives, mvmProbability: 0, [part]: 1 };
      const probe = new Probe({ switches: steady, objectives });
      expect(slopeError(probe, () => true)).toBeLessThan(1e-2);
    },
  );

  it("T-15: has the gradient of MVM for all that moves no feature to another code", () => {
    const objectives = { ...noObjectives, mvmProbability: 1, mvmWeight: 1 };
    const probe = new Probe({ switches, objectives });
    expect(slopeError(probe, (name) => !movesFeatures(name))).toBeLessThan(1e-2);
  });

  it("R-5: gives the network a gradient of exactly 0 while it is frozen, and only then", () => {
    const backbone = (variant: string): boolean[] =>
      [...new Probe({ switches, variant }).gradient()]
        .filter(([name]) => name.startsWith(BACKBONE_PREFIX))
        .map(([, values]) => isZero(values));
    expect(backbone("frozen-backbone").every(Boolean)).toBe(true);
    const frozenForEver = partNames(tinySohoRecipe.model.resnet)
      .slice(0, switches.frozenParts)
      .flat().length;
    expect(backbone("all-parts").filter(Boolean)).toHaveLength(frozenForEver);
  });

  it("R-5: leaves the running statistics bit for bit while the network is frozen", () => {
    const after = (variant: string): ReadonlyMap<string, boolean> => {
      const probe = new Probe({ switches, variant });
      const { buffers } = probe;
      const next = probe.next(probe.losses().statistics);
      expect(Object.keys(next).toSorted()).toEqual(Object.keys(buffers).toSorted());
      return new Map(
        Object.entries(buffers).map(([name, old]) => [
          name,
          tf.all(tf.equal(old, next[name] ?? old)).dataSync()[0] === 1,
        ]),
      );
    };
    const kept = (variant: string): string[] =>
      [...after(variant)].filter(([, same]) => same).map(([name]) => name);
    const running = new Probe({ switches }).system.model.buffers.map(({ name }) => name);
    expect(kept("frozen-backbone")).toEqual(running.filter(isNetwork));
    const frozenForEver = switches.frozenParts === 0 ? [] : ["backbone.bn1", "backbone.layer1."];
    expect(kept("all-parts")).toEqual(
      running.filter((name) => frozenForEver.some((part) => name.startsWith(part))),
    );
  });

  it("V-6: two ranks' statistics add up to the buffers of one rank, but for the network's own norms", () => {
    const probe = new Probe({ switches: { ...switches, dictionaryPadding: "counted" } });
    const { statistics = tf.zeros<tf.Rank.R1>([0]) } = probe.losses();
    const once = probe.next(statistics);
    const twice = probe.next(vector(tf.mul(statistics, 2)));
    for (const [name, buffer] of Object.entries(once)) {
      const isCount = name.endsWith("cluster_size") || name.endsWith("embed_avg");
      const expected = isCount ? tf.mul(buffer, 2) : buffer;
      const apart = tf.max(tf.abs(tf.sub(expected, twice[name] ?? expected)));
      expect(numberOf(apart) / Math.max(1, numberOf(tf.max(tf.abs(buffer))))).toBeLessThan(1e-4);
    }
  });

  it("has losses that stay finite when nothing is matched or predicted", () => {
    const probe = new Probe({
      switches,
      changes: { matched: tf.tensor1d([0, 0, 0, -1], "int32"), maskedWeights: tf.zeros([3]) },
    });
    expect(Number.isFinite(numberOf(probe.losses().total))).toBe(true);
    expect(probe.reading("mlm")).toBeCloseTo(0, 20);
  });
});

const gradientOnUnmatched = (switches: SohoSwitches): boolean => {
  const objectives = { mlmWeight: 0, itmWeight: 0, mvmWeight: 1, mvmProbability: 1 };
  const matched = tf.tensor1d([0, 0, 0, 0], "int32");
  const gradient = new Probe({ switches, objectives, changes: { matched } }).gradient();
  return [...gradient.values()].every(isZero);
};

describe("unmatched pairs", () => {
  it("I-5: have no MVM in the paper, and MVM in the released code", () => {
    expect(gradientOnUnmatched(sohoPaper)).toBe(true);
    expect(gradientOnUnmatched(sohoReleased)).toBe(false);
  });

  it("I-5: ask the loader for words of matched pairs, or of all", () => {
    const asked = [sohoPaper, sohoReleased].map(
      (switches) => new Probe({ switches }).system.batches.predictedPairs,
    );
    expect(asked).toEqual(["matched", "all"]);
  });
});

describe("masked visual tokens", () => {
  it("X-1: say nothing of what they hide: the hidden feature has no gradient", () => {
    const probe = new Probe({
      objectives: { ...noObjectives, itmWeight: 1 },
      // All features are nearest to the first code, so that all of a picture is hidden.
      fresh: { "neck.vq.embed": tf.concat([tf.zeros([1, 16]), tf.mul(tf.ones([11, 16]), 1e3)]) },
    });
    const gradient = probe.gradient();
    expect(probe.reading("mvmRate")).toBeCloseTo(1, 6);
    expect([...gradient].filter(([name]) => isNetwork(name)).every(([, of]) => isZero(of))).toBe(
      true,
    );
    expect(isZero(gradient.get("neck.mask_emb.weight"))).toBe(false);
  });

  it("X-4: are told with their share of all tokens, and how many codes are used", () => {
    const probe = new Probe({});
    expect(probe.reading("mvmRate")).toBeGreaterThan(0);
    expect(probe.reading("mvmRate")).toBeLessThanOrEqual(1);
    expect(probe.reading("codesUsed")).toBeGreaterThanOrEqual(1);
    expect(probe.reading("codePerplexity")).toBeLessThanOrEqual(probe.reading("codesUsed") + 1e-3);
  });
});

const restarting = (restartAfterSteps: number): Probe =>
  new Probe({
    dictionary: { restartAfterSteps },
    changes: {
      restartPlaces: tf.tensor1d(
        Array.from({ length: 12 }, () => 3),
        "int32",
      ),
      restartIsOwn: tf.ones([12]),
    },
  });
const idleCodes = (buffers: Weights): number[] =>
  [...(buffers["neck.vq.idle_steps"]?.dataSync() ?? [])].filter((steps) => steps > 0);

describe("the restart of idle codes", () => {
  it("V-8: is off unless asked for, and then told of", () => {
    expect(new Probe({}).reading("codeRestarts")).toBe(0);
    const probe = restarting(1);
    const numIdle = 12 - probe.reading("codesUsed");
    expect(numIdle).toBeGreaterThan(0);
    expect(probe.reading("codeRestarts")).toBe(numIdle);
    expect(idleCodes(probe.next(probe.losses().statistics))).toEqual([]);
    const patient = restarting(2);
    expect(patient.reading("codeRestarts")).toBe(0);
    expect(idleCodes(patient.next(patient.losses().statistics))).toHaveLength(numIdle);
  });
});

const noticesOf = (switches: SohoSwitches, fresh: Weights = {}): readonly string[] => {
  const { buffers, system } = new Probe({ switches, fresh });
  return system.notices?.(buffers) ?? [];
};

describe("what is said of a run", () => {
  it("V-4: is how many codes are 0, X-3: and the floor of cosines", () => {
    const zeroed = { "neck.vq.embed": tf.zeros([12, 16]) };
    expect(noticesOf(sohoPaper)).toEqual([expect.stringContaining("12 of 12 codes used")]);
    expect(noticesOf(sohoReleased, zeroed)).toEqual([
      expect.stringContaining("warning: 12 codes are exactly 0"),
      "mvm by cosine, which has no temperature, cannot fall below 0.912",
    ]);
  });
});

describe("weight decay", () => {
  it("T-2: pulls at kernels in the paper's preset, at all that is trained in the released one", () => {
    const [paper, released] = [sohoPaper, sohoReleased].map((switches) => {
      const { decays, model } = new Probe({ switches }).system;
      return { names: model.specs.filter(decays).map(({ name }) => name), specs: model.specs };
    });
    expect(paper?.names).toEqual(paper?.specs.filter(decaysByShape).map(({ name }) => name));
    const stemAndStage = partNames(tinySohoRecipe.model.resnet).slice(0, 2).flat();
    const frozen = new Set(stemAndStage.map((name) => BACKBONE_PREFIX + name));
    expect(released?.names).toEqual(
      released?.specs.map(({ name }) => name).filter((name) => !frozen.has(name)),
    );
  });

  it("R-6: the network and the rest are all weights, and have none in common", () => {
    const { model, visualPrefix } = new Probe({}).system;
    const names = model.specs.map(({ name }) => name);
    const visual = names.filter((name) => name.startsWith(visualPrefix));
    const network = partNames(tinySohoRecipe.model.resnet).flat();
    expect(visual.toSorted()).toEqual(network.map((name) => visualPrefix + name).toSorted());
    expect(new Set(names).size).toBe(names.length);
  });
});
