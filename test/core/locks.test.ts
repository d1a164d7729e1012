import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ProcessLock } from "../../src/core/locks.ts";

const lockFile = (): string => join(mkdtempSync(join(tmpdir(), "crossweave-lock-")), "a.lock");

/** Another process that takes the lock and holds it until it is killed. */
async function holder(path: string): Promise<{ kill(): Promise<void> }> {
  const module = new URL("../../src/core/locks.ts", import.meta.url).href;
  const program = `
    import { ProcessLock } from ${JSON.stringify(module)};
    const lock = await ProcessLock.acquire(process.argv[1]);
    console.log("held");
    setInterval(() => lock, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return {
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

describe("a lock between processes", () => {
  it("has one holder at a time, also within one process", () => {
    const path = lockFile();
    const first = ProcessLock.tryAcquire(path);
    expect(first).toBeDefined();
    expect(ProcessLock.tryAcquire(path)).toBeUndefined();
    first?.[Symbol.dispose]();
    expect(ProcessLock.tryAcquire(path)).toBeDefined();
  });

  it("case 55: ends with its holder, even by SIGKILL, and is then given to the one who waits", async () => {
    const path = lockFile();
    const other = await holder(path);
    expect(ProcessLock.tryAcquire(path)).toBeUndefined();
    const told = Promise.withResolvers<void>();
    const waiting = ProcessLock.acquire(path, { onWait: told.resolve });
    await told.promise;
    await other.kill();
    using stack = new DisposableStack();
    stack.use(await waiting);
  });

  it("stops waiting with the reason of the abort", async () => {
    const path = lockFile();
    using stack = new DisposableStack();
    stack.use(await ProcessLock.acquire(path));
    const reason = new Error("enough");
    const controller = new AbortController();
    const waiting = ProcessLock.acquire(path, {
      onWait: () => controller.abort(reason),
      signal: controller.signal,
    });
    await expect(waiting).rejects.toBe(reason);
  });
});
