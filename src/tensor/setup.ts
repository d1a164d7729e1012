import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../core/cache-folder.ts";
import { explainedWriteError } from "../core/files.ts";
import { ProcessLock } from "../core/locks.ts";
import type { Progress } from "../core/progress.ts";
import { proveRuntime } from "./proof.ts";
import { buildArtifact, findDamage, readArtifact, type ArtifactFacts } from "./runtime/artifact.ts";
import { bindingFolder, compileBinding } from "./runtime/binding.ts";
import {
  runtimeFolders,
  TENSORFLOW_VERSION,
  type Device,
  type RuntimeFolders,
} from "./runtime/release.ts";
import { ensureTfjsPackage } from "./runtime/tfjs-package.ts";
import { requireCompiler, requirePip } from "./runtime/toolchain.ts";
import { fetchWheel, PARTIAL_DOWNLOAD, readPinnedWheels } from "./runtime/wheel-download.ts";
import { extractWheel } from "./runtime/wheel-extraction.ts";

export interface SetupOptions {
  readonly device: Device;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  /** Builds everything anew. */
  readonly fresh?: boolean;
}

/** What `crossweave setup` leaves behind. */
export interface RuntimeFacts {
  readonly device: Device;
  readonly tensorFlowVersion: string;
  readonly compiler: string;
  /** Whether TensorFlow found a GPU when it was proven; the CUDA build runs without one too. */
  readonly usesGpu: boolean;
  readonly folder: string;
  readonly binding: string;
  readonly sizeBytes: number;
  /** Whether this call had to make anything. */
  readonly changed: boolean;
}

/**
 * Brings the TensorFlow runtime: libraries from the published wheel, and the binding compiled for
 * them, proven by a matrix product. What is there and whole stays; of two processes one works and
 * the other waits. Throws RuntimeMissingError when a tool is missing, IncompleteError when the
 * network or the disk gave out (the same call goes on).
 */
export async function setupRuntime(options: SetupOptions): Promise<RuntimeFacts> {
  try {
    return await setupUnderLock(options);
  } catch (error) {
    const remedy = "point CROSSWEAVE_CACHE at a folder that can be written";
    throw explainedWriteError(error, cacheFolder(), remedy);
  }
}

/** What a call of `setupRuntime` would do now. */
export interface SetupPlan {
  readonly device: Device;
  readonly folder: string;
  /** The wheels of the runtime, as pip reads them. */
  readonly requirements: readonly string[];
  readonly fetches: boolean;
  readonly compiles: boolean;
}

/** Tells what `setupRuntime` would do; sizes are looked at, digests are not. */
export async function planSetup(device: Device): Promise<SetupPlan> {
  const folders = runtimeFolders(device);
  const wheels = await readPinnedWheels(folders);
  const binding = await bindingFolder(folders);
  return {
    device,
    folder: folders.runtime,
    requirements: wheels.map((wheel) => wheel.requirement),
    fetches: (await readArtifact(folders.site)) === undefined,
    compiles: (await readArtifact(binding)) === undefined,
  };
}

async function setupUnderLock(options: SetupOptions): Promise<RuntimeFacts> {
  const { progress, signal } = options;
  const folders = runtimeFolders(options.device);
  await mkdir(folders.runtime, { recursive: true });
  using held = new DisposableStack();
  held.use(
    await ProcessLock.acquire(join(cacheFolder(), "setup.lock"), {
      onWait: () => progress.say("another process is setting up TensorFlow; waiting for it"),
      signal,
    }),
  );
  await removeLeftovers(folders);
  await ensureTfjsPackage({ progress, signal });
  const siteChanged = await ensureSite(folders, options);
  const binding = await bindingFolder(folders);
  const bindingChanged = await ensureBinding({ folders, binding }, options);
  return describe({ folders, binding }, siteChanged || bindingChanged);
}

/** The libraries and headers; returns whether they had to be made. */
async function ensureSite(folders: RuntimeFolders, options: SetupOptions): Promise<boolean> {
  if (await isWhole(folders.site, options)) return false;
  const { progress, signal } = options;
  const python = await requirePip(signal);
  await requireCompiler(signal);
  await buildArtifact(folders.site, async (partial) => {
    for (const wheel of await readPinnedWheels(folders)) {
      progress.say(`downloading ${wheel.requirement}`);
      const path = await fetchWheel(wheel, { folders, python, progress, signal });
      await extractWheel(path, partial, { progress, signal });
    }
    return { tensorflow: TENSORFLOW_VERSION };
  });
  await rm(folders.downloads, { recursive: true, force: true });
  return true;
}

interface BindingTarget {
  readonly folders: RuntimeFolders;
  readonly binding: string;
}

/** The compiled and proven binding; returns whether it had to be made. */
async function ensureBinding(target: BindingTarget, options: SetupOptions): Promise<boolean> {
  if (await isWhole(target.binding, options)) return false;
  const { progress, signal } = options;
  const compiler = await requireCompiler(signal);
  await buildArtifact(target.binding, async (partial) => {
    progress.say(`compiling the binding with ${compiler.version}`);
    await compileBinding(partial, { ...target, compiler, signal });
    progress.say("proving it with a matrix product");
    return {
      compiler: compiler.version,
      ...(await prove({ ...target, binding: partial }, signal)),
    };
  });
  return true;
}

async function prove(
  target: BindingTarget,
  signal: AbortSignal | undefined,
): Promise<ArtifactFacts> {
  const { tensorFlowVersion, usesGpu } = await proveRuntime(target, signal);
  return { tensorFlowVersion, usesGpu: String(usesGpu) };
}

async function isWhole(folder: string, options: SetupOptions): Promise<boolean> {
  if (options.fresh === true || (await readArtifact(folder)) === undefined) return false;
  const damaged = await findDamage(folder, options.signal);
  if (damaged === undefined) return true;
  options.progress.say(`${join(folder, damaged)} is damaged; making it anew`);
  return false;
}

async function describe(runtime: BindingTarget, changed: boolean): Promise<RuntimeFacts> {
  const { folders, binding } = runtime;
  const site = await readArtifact(folders.site);
  const facts = (await readArtifact(binding))?.facts ?? {};
  return {
    device: folders.device,
    tensorFlowVersion: facts["tensorFlowVersion"] ?? TENSORFLOW_VERSION,
    compiler: facts["compiler"] ?? "",
    usesGpu: facts["usesGpu"] === "true",
    folder: folders.runtime,
    binding,
    sizeBytes: (site?.files ?? []).reduce((sum, file) => sum + file.sizeBytes, 0),
    changed,
  };
}

/** What killed runs have left: half-built folders and half-downloaded wheels. */
async function removeLeftovers(folders: RuntimeFolders): Promise<void> {
  for (const folder of [folders.runtime, folders.downloads]) {
    const names = await readdir(folder).catch(() => []);
    const leftovers = names.filter(
      (name) => name.endsWith(".partial") || name.startsWith(PARTIAL_DOWNLOAD),
    );
    for (const name of leftovers) await rm(join(folder, name), { recursive: true, force: true });
  }
}
