import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import {
  clusterConfigText,
  parseClusterConfig,
} from "../../../src/tensor/cluster/cluster-config.ts";

const workers = ["a.example:2222", "10.0.0.7:80", "[::1]:65535"];

function textOf(cluster: unknown, task: unknown = { type: "worker", index: 0 }): string {
  return JSON.stringify({ cluster, task });
}

describe("TF_CONFIG", () => {
  it("names the ranks in the order of the workers", () => {
    const text = textOf({ worker: workers }, { type: "worker", index: 2 });
    expect(parseClusterConfig(text)).toEqual({ rank: 2, addresses: workers });
  });

  it("has its chief as rank 0", () => {
    const cluster = { worker: workers.slice(1), chief: workers.slice(0, 1) };
    expect(parseClusterConfig(textOf(cluster, { type: "chief", index: 0 }))?.rank).toBe(0);
    expect(parseClusterConfig(textOf(cluster, { type: "worker", index: 1 }))).toEqual({
      rank: 2,
      addresses: workers,
    });
  });

  it.each([undefined, "", " ", "{}", '{"task": {"type": "worker", "index": 0}}'])(
    "may be missing or empty: %j",
    (text) => expect(parseClusterConfig(text)).toBeUndefined(),
  );

  it("is read as it is written", () => {
    const config = { rank: 1, addresses: workers };
    expect(parseClusterConfig(clusterConfigText(config))).toEqual(config);
  });

  it.each([
    ["{", "JSON"],
    ["[]", "expected object"],
    [textOf({ worker: ["host"] }), "host:port is expected"],
    [textOf({ worker: ["host:0"] }), "the port is no number from 1 to 65535"],
    [textOf({ worker: ["host:65536"] }), "the port is no number from 1 to 65535"],
    [textOf({ worker: ['a" } }:1'] }), "host:port is expected"],
    [textOf({ worker: ["a:1", "a:1"] }), "a:1 stands twice in the cluster"],
    [
      textOf({ worker: ["a:1"] }, { type: "worker", index: 1 }),
      "task is worker 1, but the cluster has 1",
    ],
    [
      textOf({ worker: ["a:1"] }, { type: "chief", index: 0 }),
      "task is chief 0, but the cluster has 0",
    ],
    [textOf({ worker: ["a:1"] }, { type: "ps", index: 0 }), "task.type"],
    [textOf({ worker: ["a:1"] }, { type: "worker", index: -1 }), "task.index"],
    [textOf({ worker: ["a:1"], ps: ["b:1"] }), "there is no parameter server"],
    [textOf({ chief: ["a:1", "b:1"] }), "cluster.chief"],
    [JSON.stringify({ cluster: { worker: ["a:1"] } }), "task"],
  ])("is refused where it is wrong: %s", (text, fault) => {
    const attempt = (): unknown => parseClusterConfig(text);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(fault);
    expect(attempt).toThrow("TF_CONFIG");
  });
});
