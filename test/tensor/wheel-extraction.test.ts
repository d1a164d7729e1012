import { mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { extractWheel, isKept } from "../../src/tensor/runtime/wheel-extraction.ts";
import { zipOf } from "./zip-fixture.ts";

const entries = {
  "tensorflow/libtensorflow_cc.so.2": "a library ".repeat(10_000),
  "tensorflow/python/thing.py": "print()",
  "tensorflow/include/tensorflow/c/eager/c_api.h": "#pragma once",
  "nvidia/cuda_nvcc/bin/ptxas": "program",
};

async function writtenWheel(bytes: Buffer): Promise<{ wheel: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-wheel-"));
  const wheel = join(folder, "some.whl");
  await writeFile(wheel, bytes);
  return { wheel, folder: join(folder, "site") };
}

describe("unpacking a wheel", () => {
  it("keeps what is needed in the wheel's own layout, and programs executable", async () => {
    const { wheel, folder } = await writtenWheel(zipOf(entries));
    await extractWheel(wheel, folder, { progress: silentProgress });
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    expect(
      found
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
        .toSorted(),
    ).toEqual(["c_api.h", "libtensorflow_cc.so.2", "ptxas"]);
    const library = await readFile(join(folder, "tensorflow/libtensorflow_cc.so.2"), "utf8");
    expect(library).toBe(entries["tensorflow/libtensorflow_cc.so.2"]);
    const { mode } = await stat(join(folder, "nvidia/cuda_nvcc/bin/ptxas"));
    expect(mode & 0o100).toBe(0o100);
  });

  it("refuses an entry whose bytes do not have the recorded CRC", async () => {
    const damaged = zipOf(entries, "tensorflow/libtensorflow_cc.so.2");
    const { wheel, folder } = await writtenWheel(damaged);
    await expect(extractWheel(wheel, folder, { progress: silentProgress })).rejects.toBeInstanceOf(
      SourceError,
    );
  });

  it("stops with the reason of the abort", async () => {
    const { wheel, folder } = await writtenWheel(zipOf(entries));
    const signal = AbortSignal.abort(new Error("Ctrl-C"));
    await expect(extractWheel(wheel, folder, { progress: silentProgress, signal })).rejects.toThrow(
      "Ctrl-C",
    );
  });

  it.each([
    "tensorflow/libtensorflow_framework.so.2",
    "tensorflow/include/xla/tsl/c/tsl_status.h",
    "tensorflow/include/tsl/platform/ctstring_internal.h",
    "nvidia/cudnn/lib/libcudnn_engines_runtime_compiled.so.9",
    "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc",
  ])("keeps %s", (name) => expect(isKept(name)).toBe(true));

  it.each([
    "tensorflow/python/_pywrap_tfe.so",
    "tensorflow/include/../../../etc/c/passwd.h",
    "../tensorflow/libtensorflow_cc.so.2",
    "nvidia/cudnn/lib/../../../../libevil.so",
    "nvidia/cudnn/include/cudnn.h",
  ])("leaves out %s", (name) => expect(isKept(name)).toBe(false));
});
