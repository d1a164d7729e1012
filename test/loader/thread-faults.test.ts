import { describe, expect, it } from "vitest";

import { ConfigError, CrossweaveError, ShardError } from "../../src/core/errors.ts";
import { errorOf, faultOf } from "../../src/loader/workers/thread-faults.ts";

/** What arrives on the other thread. */
function acrossThreads(error: unknown): Error {
  return errorOf(structuredClone(faultOf(error)));
}

describe("an error that crosses threads", () => {
  it("keeps its class, its fields, its cause and its stack", () => {
    const cause = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    const error = new ShardError("train/00000.arrow, batch 3: cut off", {
      file: "train/00000.arrow",
      record: "batch 3",
      remedy: "rebuild it",
      cause,
    });
    const arrived = acrossThreads(error);
    expect(arrived).toBeInstanceOf(ShardError);
    expect(arrived).toMatchObject({
      name: "ShardError",
      message: error.message,
      code: "SHARD",
      exitCode: 21,
      file: "train/00000.arrow",
      record: "batch 3",
      remedy: "rebuild it",
      stack: error.stack,
      cause: { message: cause.message, code: "EACCES" },
    });
  });

  it("keeps the errno code of a system error", () => {
    const error = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
    expect(acrossThreads(error)).toMatchObject({ code: "ENOSPC", message: error.message });
  });

  it("has no fields that were not there", () => {
    const arrived = acrossThreads(new ConfigError("wrong"));
    expect(arrived).toBeInstanceOf(ConfigError);
    expect(arrived.cause).toBeUndefined();
    expect("cause" in arrived).toBe(false);
    expect(acrossThreads(new TypeError("odd"))).toMatchObject({ name: "TypeError" });
    expect(acrossThreads(new TypeError("odd"))).not.toBeInstanceOf(CrossweaveError);
    expect(acrossThreads("a text").message).toBe("a text");
  });
});
