import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const bootstrapFolder = join(root, "bin", "bootstrap");

/** A process that waits until it is killed. */
function startWaiting(): ChildProcess {
  return spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
}

async function end(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

describe("the bootstrap's lock", () => {
  type NameChild = (pid: number | undefined) => void;
  let withLock: <T>(path: string, work: (nameChild: NameChild) => Promise<T>) => Promise<T>;
  let folder: string;
  let path: string;

  beforeAll(async () => {
    ({ withLock } = await import(join(bootstrapFolder, "folder-lock.mjs")));
    folder = await mkdtemp(join(tmpdir(), "crossweave-lock-"));
    path = join(folder, "deep", "bootstrap.lock");
  });

  afterAll(() => rm(folder, { recursive: true }));

  it("lets one work at a time and leaves nothing behind", async () => {
    let numInside = 0;
    const work = async (): Promise<number> => {
      numInside += 1;
      const seen = numInside;
      await nextTurn();
      numInside -= 1;
      return seen;
    };
    const seen = await Promise.all([1, 2, 3].map(() => withLock(path, work)));
    expect(seen).toEqual([1, 1, 1]);
    expect(existsSync(path)).toBe(false);
  });

  it("is taken over from a process that was killed", async () => {
    const killed = startWaiting();
    await end(killed);
    await writeFile(path, JSON.stringify({ pids: [killed.pid], host: hostname() }));
    expect(await withLock(path, async () => "taken over")).toBe("taken over");
  });

  it("is kept by the npm of a process that was killed", async () => {
    const [killed, npm] = [startWaiting(), startWaiting()];
    await end(killed);
    await writeFile(path, JSON.stringify({ pids: [killed.pid, npm.pid], host: hostname() }));
    const taken = withLock(path, async () => npm.signalCode);
    await end(npm);
    expect(await taken).toBe("SIGKILL");
  });
});

describe("the bootstrap's tests", () => {
  it("count a file that cannot be loaded as a failure", async () => {
    const { runTests }: { runTests: RunTests } = await import(join(bootstrapFolder, "tests.mjs"));
    const fixtures = join(import.meta.dirname, "fixtures");
    const options = { cwd: root, stdio: "ignore" };
    expect(await runTests(process.execPath, ["--root", fixtures], options)).toEqual({
      numPassed: 2,
      numFailed: 2,
      exitCode: 1,
    });
  });
});

type RunTests = (node: string, args: readonly string[], options: object) => Promise<unknown>;
