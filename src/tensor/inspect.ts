import { readFile, readdir, stat, statfs } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { cacheFolder } from "../core/cache-folder.ts";
import { errnoOf } from "../core/errors.ts";
import { findRuntime, type InstalledRuntime } from "./load.ts";
import { proveRuntime } from "./proof.ts";
import { readArtifact } from "./runtime/artifact.ts";
import { runChild } from "./runtime/child-process.ts";
import { runtimeFolders } from "./runtime/release.ts";
import { findTfjsPackage } from "./runtime/tfjs-package.ts";
import { COMPILER_REMEDY, findCompiler, findPip, PIP_REMEDY } from "./runtime/toolchain.ts";

/** One thing that was looked for. */
export interface RuntimeFinding {
  readonly name: string;
  /** `missing` stands in the way of training; `absent` does not. */
  readonly state: "found" | "missing" | "absent";
  /** What was found: a version, a path, a size. */
  readonly detail: string;
  readonly remedy: string | null;
}

export interface RuntimeReport {
  readonly findings: readonly RuntimeFinding[];
  /** Whether `loadTensorFlow` works on this machine. */
  readonly canTrain: boolean;
}

/** Looks for everything that training needs, and tries the runtime in a process of its own. Changes nothing. */
export async function inspectRuntime(signal?: AbortSignal): Promise<RuntimeReport> {
  const findings = await Promise.all([
    machine(),
    graphicsProcessors(signal),
    cache(),
    npm(signal),
    pip(signal),
    compiler(signal),
    tfjsPackage(),
  ]);
  const tensorFlow = await runtime(signal);
  const canTrain = tensorFlow[0].state === "found";
  // What only the set-up needs does not stand in the way of a runtime that works.
  const told = canTrain ? findings.map((finding) => notInTheWay(finding)) : findings;
  return { findings: [...told, ...tensorFlow], canTrain };
}

function notInTheWay(finding: RuntimeFinding): RuntimeFinding {
  const { name, state, detail, remedy } = finding;
  return { name, state: state === "missing" ? "absent" : state, detail, remedy };
}

async function machine(): Promise<RuntimeFinding> {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const memory = `${(totalmem() / 1e9).toFixed(0)} GB of memory`;
  return found(
    "machine",
    `${availableParallelism()} threads, ${model}, ${memory}, ${platform()} ${release()} ${arch()}`,
  );
}

async function graphicsProcessors(signal?: AbortSignal): Promise<RuntimeFinding> {
  const listed = await answer(["nvidia-smi", "-L"], signal);
  const driver = await readFile("/proc/driver/nvidia/version", "utf8").catch(() => undefined);
  const detail = listed ?? driver?.split("\n")[0];
  if (detail === undefined)
    return { name: "GPU", state: "absent", detail: "no NVIDIA driver", remedy: null };
  const hasBuild = (await readArtifact(runtimeFolders("gpu").site)) !== undefined;
  return {
    name: "GPU",
    state: "found",
    detail: detail.trim(),
    remedy: hasBuild ? null : "to train on it, run crossweave setup --device gpu",
  };
}

async function cache(): Promise<RuntimeFinding> {
  const folder = cacheFolder();
  const { bavail, bsize } = await statfs(await existingFolder(folder));
  const free = `${((bavail * bsize) / 1e9).toFixed(1)} GB free`;
  const held = `${((await folderSize(folder)) / 1e9).toFixed(2)} GB held`;
  return found("cache", `${folder}: ${held}, ${free}`);
}

async function npm(signal?: AbortSignal): Promise<RuntimeFinding> {
  const version = await answer(["npm", "--version"], signal);
  return version === undefined
    ? { name: "npm", state: "absent", detail: "not found", remedy: "put Node's npm on the PATH" }
    : found("npm", version.trim());
}

async function pip(signal?: AbortSignal): Promise<RuntimeFinding> {
  const tool = await findPip(signal);
  return tool === undefined ? missing("python3 with pip", PIP_REMEDY) : found("pip", tool.version);
}

async function compiler(signal?: AbortSignal): Promise<RuntimeFinding> {
  const tool = await findCompiler(signal);
  return tool === undefined
    ? missing("C++ compiler", COMPILER_REMEDY)
    : found("C++ compiler", tool.version);
}

async function tfjsPackage(): Promise<RuntimeFinding> {
  const name = "@tensorflow/tfjs-node-gpu";
  const tfjs = findTfjsPackage();
  return tfjs === undefined ? missing(name, "run crossweave setup") : found(name, tfjs.folder);
}

/** TensorFlow, and what it offers where it runs. */
type RuntimeFindings = readonly [RuntimeFinding, ...RuntimeFinding[]];

async function runtime(signal?: AbortSignal): Promise<RuntimeFindings> {
  const name = "TensorFlow";
  try {
    const installed = await findRuntime();
    if (installed === undefined) return [missing(name, "run crossweave setup")];
    return await tried(installed, signal);
  } catch (error) {
    signal?.throwIfAborted();
    const detail = error instanceof Error ? error.message : String(error);
    return [{ name, state: "missing", detail, remedy: "run crossweave setup --fresh" }];
  }
}

async function tried(installed: InstalledRuntime, signal?: AbortSignal): Promise<RuntimeFindings> {
  const proof = await proveRuntime(installed, signal);
  const { device, runtime: folder } = installed.folders;
  const compiledBy = (await readArtifact(installed.binding))?.facts["compiler"] ?? "";
  const build = `${device === "gpu" ? "CUDA" : "CPU"} build, runs on the ${proof.usesGpu ? "GPU" : "CPU"}`;
  return [
    found("TensorFlow", `${proof.tensorFlowVersion} (${build}), ${folder}`),
    found("binding", `compiled by ${compiledBy}; memory: ${proof.allocator}`),
    found("devices", proof.devices.map((name) => name.replace(/^.*device:/, "")).join(", ")),
    offered("XLA", proof.hasXla),
    offered("collectives", proof.hasCollectives),
  ];
}

function offered(name: string, isThere: boolean): RuntimeFinding {
  return isThere
    ? found(name, "offered by this TensorFlow")
    : { name, state: "absent", detail: "not in this TensorFlow", remedy: null };
}

function found(name: string, detail: string): RuntimeFinding {
  return { name, state: "found", detail, remedy: null };
}

function missing(name: string, remedy: string): RuntimeFinding {
  return { name, state: "missing", detail: "not found", remedy };
}

async function answer(
  command: readonly [string, ...string[]],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const result = await runChild(command, { signal });
    return result.exitCode === 0 ? result.stdout : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EACCES") return undefined;
    throw error;
  }
}

async function existingFolder(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || dirname(path) === path ? path : existingFolder(dirname(path));
}

async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    entries.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
