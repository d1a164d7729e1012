import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { findRuntime } from "../../src/tensor/load.ts";
import { buildArtifact } from "../../src/tensor/runtime/artifact.ts";

// `npm test` has set the runtime up. These tests build a second one over the same libraries, with a
// compiler that gives what the real one has made, and try how the set-up is interrupted.

const fixtures = join(import.meta.dirname, "fixtures");
const installed = await findRuntime();
if (installed === undefined) throw new Error("run `crossweave setup` before these tests");
const { site, runtime } = installed.folders;

let cache = "";
let log = "";
let hold = "";
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "crossweave-setup-"));
  log = join(cache, "compiler.log");
  hold = join(cache, "hold");
  await writeFile(log, "");
  // The libraries are those of the first one; its manifest is left out because hashing takes seconds.
  await buildArtifact(join(cache, basename(runtime), "site"), async (partial) => {
    await symlink(join(site, "tensorflow"), join(partial, "tensorflow"));
    return {};
  });
});

function startSetup(settings: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [join(fixtures, "set-up.ts")], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      CROSSWEAVE_CACHE: cache,
      CXX: `${process.execPath} ${join(fixtures, "fake-compiler.mjs")}`,
      FAKE_LOG: log,
      FAKE_HOLD: hold,
      FAKE_BUILT: installed?.binding ?? "",
      ...settings,
    },
  });
}

async function endOf(child: ChildProcess): Promise<{ facts: unknown; messages: string }> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("no pipes");
  const [printed, messages] = await Promise.all([text(stdout), text(stderr)]);
  return { facts: printed === "" ? undefined : JSON.parse(printed), messages };
}

const compilations = async (): Promise<number> =>
  (await readFile(log, "utf8")).split("\n").length - 1;

async function compilationBegun(): Promise<void> {
  while ((await compilations()) === 0) await sleep(50);
}

async function runtimeEntries(): Promise<string[]> {
  const names = await readdir(join(cache, basename(runtime)));
  return names.map((name) => name.replace(/binding-[0-9a-f]+/, "binding")).toSorted();
}

describe("the set-up of TensorFlow", () => {
  it("compiles and proves the binding once; then it has nothing to do", async () => {
    const first = await endOf(startSetup());
    expect(first.facts).toMatchObject({
      device: "cpu",
      tensorFlowVersion: "2.21.0",
      compiler: "fake compiler 1.0",
      changed: true,
    });
    const numCompilations = await compilations();
    const second = await endOf(startSetup());
    expect(second.facts).toMatchObject({ changed: false });
    expect(await compilations()).toBe(numCompilations);
  });

  it("is done by one of two processes, and the other waits for it", async () => {
    await writeFile(hold, "");
    const one = endOf(startSetup());
    await compilationBegun();
    const other = endOf(startSetup());
    await sleep(500);
    await rm(hold);
    const ends = await Promise.all([one, other]);
    expect(ends.map((end) => end.facts)).toMatchObject([{ changed: true }, { changed: false }]);
    expect(ends[1].messages).toContain("another process is setting up TensorFlow");
    const targets = (await readFile(log, "utf8")).trim().split("\n");
    expect(new Set(targets).size).toBe(targets.length);
  });

  it("goes on after a SIGKILL and leaves nothing half-done behind", async () => {
    await writeFile(hold, "");
    const killed = startSetup();
    await compilationBegun();
    killed.kill("SIGKILL");
    await once(killed, "exit");
    expect(await runtimeEntries()).toEqual(["binding.partial", "site"]);
    await rm(hold); // also ends the orphaned compiler
    const { facts } = await endOf(startSetup());
    expect(facts).toMatchObject({ changed: true });
    expect(await runtimeEntries()).toEqual(["binding", "site"]);
  });

  it("ends its compiler on Ctrl-C and goes on with the next call", async () => {
    await writeFile(hold, "");
    const interrupted = startSetup();
    const ending = endOf(interrupted);
    await compilationBegun();
    interrupted.kill("SIGINT");
    expect((await ending).facts).toEqual({ fault: "Error: interrupted" });
    await rm(hold);
    expect((await endOf(startSetup())).facts).toMatchObject({ changed: true });
  });

  it("makes a binding anew whose bytes have changed", async () => {
    await endOf(startSetup());
    const folder = join(cache, basename(runtime));
    const binding = (await readdir(folder)).find((name) => name.startsWith("binding"));
    const addon = join(folder, binding ?? "", "preload.node");
    const content = await readFile(addon);
    content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
    await writeFile(addon, content);
    const { facts, messages } = await endOf(startSetup());
    expect(messages).toContain("preload.node is damaged");
    expect(facts).toMatchObject({ changed: true });
  });

  it("refuses a binding that does not run, and leaves none", async () => {
    const { facts } = await endOf(startSetup({ FAKE_BUILT: cache }));
    expect(facts).toEqual({ fault: "NO_RUNTIME" });
    expect(await runtimeEntries()).toEqual(["binding.partial", "site"]);
  });

  it("says that the compiler is missing", async () => {
    const { facts } = await endOf(startSetup({ CXX: "crossweave-no-such-compiler" }));
    expect(facts).toEqual({ fault: "NO_RUNTIME" });
  });

  it("says that pip is missing before it downloads anything", async () => {
    const empty = join(cache, "empty");
    const { facts } = await endOf(
      startSetup({ CROSSWEAVE_CACHE: empty, PYTHON: "crossweave-no-such-python" }),
    );
    expect(facts).toEqual({ fault: "NO_RUNTIME" });
    expect(existsSync(join(empty, "downloads"))).toBe(false);
  });
});
