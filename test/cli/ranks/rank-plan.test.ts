import { describe, expect, it } from "vitest";
import { rankPatience, rankPlan } from "../../../src/cli/ranks/rank-plan.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import { clusterConfigText } from "../../../src/tensor/cluster/cluster-config.ts";

const cluster = clusterConfigText({ rank: 1, addresses: ["a:1", "b:2"] });

describe("the part that a process takes", () => {
  it("is none of a cluster without TF_CONFIG", () => {
    expect(rankPlan({ ranks: 2 }, undefined)).toBeUndefined();
  });

  it("is TF_CONFIG's, which --ranks may confirm", () => {
    expect(rankPlan({}, cluster)?.config.rank).toBe(1);
    expect(rankPlan({ ranks: 2, rankTimeout: 7 }, cluster)?.patience.silenceMs).toBe(7000);
    expect(() => rankPlan({ ranks: 3 }, cluster)).toThrow(ConfigError);
  });

  it("waits a minute unless it is told how long, and never for no time", () => {
    expect(rankPatience({}).silenceMs).toBe(60_000);
    expect(() => rankPatience({ rankTimeout: 0 })).toThrow(ConfigError);
  });
});
