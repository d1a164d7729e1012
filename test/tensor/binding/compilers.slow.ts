import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { proveRuntime } from "../../../src/tensor/proof.ts";
import { BINDING_ADDON } from "../../../src/tensor/runtime/binding.ts";
import { runChild, type ChildCommand } from "../../../src/tensor/runtime/child-process.ts";
import { buildRuntime } from "./fixtures/built-runtime.ts";
import { failuresOf, KNOWN_FAILURES } from "./fixtures/kernel-suite.ts";

// Each must be there: apt-get install g++ clang, python3 -m pip install ziglang ($PYTHON names the Python).
const compilers: readonly (readonly [string, ChildCommand])[] = [
  ["g++", ["g++"]],
  ["clang++", [process.env["CLANGXX"] ?? "clang++"]],
  ["zig c++", [process.env["PYTHON"] ?? "python3", "-m", "ziglang", "c++"]],
];
const WARNINGS = ["-Wall", "-Wextra", "-Werror"];

describe("the binding", () => {
  it.each(compilers)(
    "is compiled by %s without a warning, and passes the kernel tests",
    async (_, command) => {
      const { exitCode, stdout } = await runChild([...command, "--version"]);
      expect(exitCode).toBe(0);
      const compiler = { command, version: stdout.split("\n")[0] ?? "" };
      const { cache, runtime } = await buildRuntime(compiler, WARNINGS);
      const proof = await proveRuntime(runtime);
      process.stdout.write(`${compiler.version}: ${JSON.stringify(proof)}\n`);
      const folder = await mkdtemp(join(tmpdir(), "crossweave-kernels-"));
      const report = await failuresOf(join(runtime.binding, BINDING_ADDON), folder);
      expect(report.failures.map(({ name }) => name)).toEqual(KNOWN_FAILURES);
      await rm(cache, { recursive: true });
    },
  );
});
