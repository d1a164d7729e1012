import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { IncompleteError, RuntimeMissingError } from "../../src/core/errors.ts";
import { childFault, lastLines, runChild } from "../../src/tensor/runtime/child-process.ts";

const node = (program: string): readonly [string, ...string[]] => [process.execPath, "-e", program];

describe("a program that the set-up runs", () => {
  it("gives its exit code and what it wrote", async () => {
    const result = await runChild(
      node("console.log('out'); console.error('bad'); process.exit(3)"),
    );
    expect(result).toEqual({ exitCode: 3, stdout: "out\n", stderr: "bad\n" });
  });

  it("is ended together with what it has started when the signal fires", async () => {
    const controller = new AbortController();
    // A shell whose child would outlive it.
    const running = runChild(["sh", "-c", "sleep 300 & echo $! ; wait"], {
      signal: controller.signal,
    });
    const startedAt = performance.now();
    await sleep(300);
    const reason = new Error("Ctrl-C");
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  it("is not started when the signal has fired before", async () => {
    const reason = new Error("too late");
    await expect(runChild(["no-such-program"], { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });

  it("is a fault of code ENOENT when there is none", async () => {
    await expect(runChild(["crossweave-no-such-program"])).rejects.toMatchObject({
      code: "ENOENT",
    });
  });

  it("complains in its last lines, on whichever stream it used", () => {
    expect(lastLines({ exitCode: 1, stdout: "a\nb\nc\n", stderr: " \n" }, 2)).toBe("b\nc");
    expect(lastLines({ exitCode: 1, stdout: "a", stderr: "x\ny\n" }, 1)).toBe("y");
  });

  it("means an incomplete set-up, not a missing tool, when the disk was full", () => {
    const otherwise = new RuntimeMissingError("could not compile");
    const full = {
      exitCode: 1,
      stdout: "",
      stderr: "ld: final link failed: No space left on device",
    };
    expect(childFault(full, otherwise)).toBeInstanceOf(IncompleteError);
    expect(childFault({ ...full, stderr: "error: expected ';'" }, otherwise)).toBe(otherwise);
  });
});
