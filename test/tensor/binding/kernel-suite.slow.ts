import { mkdtemp } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { findRuntime } from "../../../src/tensor/load.ts";
import { BINDING_ADDON } from "../../../src/tensor/runtime/binding.ts";
import { runChild } from "../../../src/tensor/runtime/child-process.ts";
import { requireCompiler } from "../../../src/tensor/runtime/toolchain.ts";
import { failuresOf, KNOWN_FAILURES } from "./fixtures/kernel-suite.ts";

const require = createRequire(import.meta.url);

/** tfjs-node's own C++, compiled in a folder of its own against the same TensorFlow. */
async function compileTheirs(folder: string): Promise<string> {
  const runtime = await findRuntime();
  if (runtime === undefined) throw new Error("run `crossweave setup` before these tests");
  const { include, libraries } = runtime.folders;
  const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
  const addon = join(folder, "tfjs_binding.node");
  const sources = ["tfjs_backend.cc", "tfjs_binding.cc"];
  const { command } = await requireCompiler();
  const flags = ["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8"];
  const includes = ["-isystem", include, "-isystem", headers];
  const inputs = sources.map((name) => join(runtime.tfjs.folder, "binding", name));
  const search = `-Wl,-rpath,${dirname(libraries[0] ?? "")}`;
  const args = [...flags, ...includes, ...inputs, ...libraries, search, "-o", addon];
  const result = await runChild([...command, ...args]);
  expect(result).toMatchObject({ exitCode: 0 });
  return addon;
}

it("has no kernel test fail that passes on tfjs-node's binding with the same TensorFlow", async () => {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-kernels-"));
  const runtime = await findRuntime();
  const theirs = await failuresOf(await compileTheirs(folder), folder);
  const ours = await failuresOf(join(runtime?.binding ?? "", BINDING_ADDON), folder);
  process.stdout.write(`theirs ${JSON.stringify(theirs)}\nours ${JSON.stringify(ours)}\n`);
  const theirNames = new Set(theirs.failures.map(({ name }) => name));
  expect(ours.failures.filter(({ name }) => !theirNames.has(name))).toEqual([]);
  expect(ours.numPassed).toBeGreaterThanOrEqual(theirs.numPassed);
  expect([...theirNames]).toEqual(KNOWN_FAILURES);
});
