import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BINDING_ADDON } from "../../../src/tensor/runtime/binding.ts";
import { runChild, type ChildResult } from "../../../src/tensor/runtime/child-process.ts";
import { requireCompiler } from "../../../src/tensor/runtime/toolchain.ts";
import { buildRuntime, type BuiltRuntime } from "./fixtures/built-runtime.ts";

// The binding under the address and the undefined-behaviour sanitizer; TensorFlow and Node are as they are.

const FLAGS = [
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=undefined",
  "-fno-omit-frame-pointer",
  "-g",
];

const fixture = (name: string): string => join(import.meta.dirname, "fixtures", name);

let built: BuiltRuntime;
let libraries = "";
beforeAll(async () => {
  const compiler = await requireCompiler();
  built = await buildRuntime(compiler, FLAGS);
  const paths = ["libasan.so", "libubsan.so"].map(async (name) => {
    const { stdout } = await runChild([...compiler.command, `-print-file-name=${name}`]);
    return stdout.trim();
  });
  libraries = (await Promise.all(paths)).join(" ");
});
afterAll(() => rm(built.cache, { recursive: true }));

function sanitized(command: readonly [string, ...string[]], leaks: 0 | 1): Promise<ChildResult> {
  return runChild(command, {
    env: {
      ...process.env,
      LD_PRELOAD: libraries,
      CROSSWEAVE_CACHE: built.cache,
      ASAN_OPTIONS: `detect_leaks=${leaks}`,
      LSAN_OPTIONS: `exitcode=0:print_suppressions=0:suppressions=${fixture("leaks.txt")}`,
    },
  });
}

describe("under the sanitizers", () => {
  it("the tests of the binding pass", async () => {
    const vitest = join(import.meta.dirname, "../../../node_modules/vitest/vitest.mjs");
    const folders = ["test/tensor/binding", "test/tensor/fused", "test/tensor/load"];
    const settings = ["--testTimeout=600000", "--no-color"];
    const ended = await sanitized([process.execPath, vitest, "run", ...folders, ...settings], 0);
    process.stdout.write(ended.stdout);
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(ended.stdout + ended.stderr).not.toMatch(/AddressSanitizer|runtime error/);
  });

  it.each([1, 2, 3, 4, 5])(
    "calls at random leave none of the binding's memory behind (%i)",
    async (seed) => {
      const addon = join(built.runtime.binding, BINDING_ADDON);
      const args = [fixture("random-calls.ts"), addon, String(seed), "6000"];
      const ended = await sanitized([process.execPath, ...args], 1);
      expect(ended).toMatchObject({ exitCode: 0 });
      expect(ended.stderr).not.toMatch(/crossweave|runtime error/);
    },
  );

  it("threads that end in the middle of their work leave none behind", async () => {
    const ended = await sanitized([process.execPath, fixture("threads.ts")], 1);
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(ended.stderr).not.toMatch(/crossweave::|runtime error/);
  });
});
