import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sha256 } from "../../src/core/digest.ts";
import { IncompleteError, SourceError } from "../../src/core/errors.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { runtimeFolders } from "../../src/tensor/runtime/release.ts";
import {
  fetchWheel,
  readPinnedWheels,
  type FetchOptions,
} from "../../src/tensor/runtime/wheel-download.ts";

const wheel = { requirement: "some==1.0", sha256: sha256("the wheel") };
const fakePip = join(import.meta.dirname, "fixtures", "fake-pip.mjs");
let cache = "";

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "crossweave-wheels-"));
  vi.stubEnv("CROSSWEAVE_CACHE", cache);
  vi.stubEnv("FAKE_LOG", join(cache, "log"));
  await writeFile(join(cache, "log"), "");
});
afterEach(() => vi.unstubAllEnvs());

function withPip(behaviour: {
  readonly mode: "deliver" | "fail";
  readonly content?: string;
  readonly complaint?: string;
}): FetchOptions {
  vi.stubEnv("FAKE_PIP", JSON.stringify(behaviour));
  return {
    folders: runtimeFolders("cpu"),
    python: { command: [process.execPath, fakePip], version: "fake" },
    progress: silentProgress,
  };
}

describe("fetching a wheel", () => {
  it("asks pip for exactly the pinned file, for any host Python, and checks it", async () => {
    const options = withPip({ mode: "deliver", content: "the wheel" });
    const path = await fetchWheel(wheel, options);
    expect(await readFile(path, "utf8")).toBe("the wheel");
    expect(await readdir(options.folders.downloads)).toEqual([`${wheel.sha256}.whl`]);
    const asked = await readFile(join(cache, "log"), "utf8");
    expect(asked).toContain("-m pip download --no-deps --require-hashes --only-binary=:all:");
    expect(asked).toContain("--python-version=3.12");
  });

  it("does not download again what an interrupted run has left", async () => {
    const options = withPip({ mode: "deliver", content: "the wheel" });
    await fetchWheel(wheel, options);
    await fetchWheel(wheel, options);
    expect((await readFile(join(cache, "log"), "utf8")).trim().split("\n")).toHaveLength(1);
  });

  it("refuses another file than the pinned one and keeps nothing of it", async () => {
    const options = withPip({ mode: "deliver", content: "another wheel" });
    await expect(fetchWheel(wheel, options)).rejects.toBeInstanceOf(SourceError);
    expect(await readdir(options.folders.downloads)).toEqual([]);
  });

  it.each([
    ["the network is down", "ERROR: Could not find a version that satisfies", "check the network"],
    ["the disk is full", "ERROR: [Errno 28] No space left on device", "free some space"],
    ["the index is another one", "THESE PACKAGES DO NOT MATCH THE HASHES", "the official index"],
  ])("is incomplete, with pip's words and a remedy, when %s", async (_case, complaint, remedy) => {
    const error: unknown = await fetchWheel(wheel, withPip({ mode: "fail", complaint })).catch(
      (fault: unknown) => fault,
    );
    expect(error).toBeInstanceOf(IncompleteError);
    expect(error).toMatchObject({
      message: expect.stringContaining(complaint),
      remedy: expect.stringContaining(remedy),
    });
  });
});

describe("the pinned wheels", () => {
  it("are TensorFlow alone for the CPU", async () => {
    const onX86 = await readPinnedWheels({ device: "cpu", architecture: "x86_64" });
    const onArm = await readPinnedWheels({ device: "cpu", architecture: "aarch64" });
    expect(onX86.map((pin) => pin.requirement)).toEqual(["tensorflow-cpu==2.21.0"]);
    expect(onArm.map((pin) => pin.requirement)).toEqual(["tensorflow==2.21.0"]);
  });

  it("are TensorFlow and the libraries of its extra and-cuda for the GPU", async () => {
    const wheels = await readPinnedWheels({ device: "gpu", architecture: "x86_64" });
    const names = wheels.map((pin) => pin.requirement.split("==")[0]);
    expect(names).toEqual([
      "tensorflow",
      "nvidia-cublas-cu12",
      "nvidia-cuda-cupti-cu12",
      "nvidia-cuda-nvcc-cu12",
      "nvidia-cuda-nvrtc-cu12",
      "nvidia-cuda-runtime-cu12",
      "nvidia-cudnn-cu12",
      "nvidia-cufft-cu12",
      "nvidia-curand-cu12",
      "nvidia-cusolver-cu12",
      "nvidia-cusparse-cu12",
      "nvidia-nccl-cu12",
      "nvidia-nvjitlink-cu12",
    ]);
    expect(new Set(wheels.map((pin) => pin.sha256)).size).toBe(wheels.length);
  });

  it("are said not to exist for a GPU on ARM", async () => {
    await expect(
      readPinnedWheels({ device: "gpu", architecture: "aarch64" }),
    ).rejects.toMatchObject({ remedy: "run crossweave setup --device cpu" });
  });
});
