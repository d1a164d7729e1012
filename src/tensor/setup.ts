import { mkdir, readdir, rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { z } from "zod";
import { IncompleteError, RuntimeMissingError, errnoOf } from "../core/errors.ts";
import { ProcessLock } from "../core/locks.ts";
import type { Progress } from "../core/progress.ts";
import { buildArtifact, findDamage, readArtifact, type ArtifactFacts } from "./runtime/artifact.ts";
import { bindingFolder, compileBinding } from "./runtime/binding.ts";
import { lastLines, runChild } from "./runtime/child-process.ts";
import {
  cacheFolder,
  runtimeFolders,
  TENSORFLOW_VERSION,
  type Device,
  type RuntimeFolders,
} from "./runtime/release.ts";
import { ensureTfjsPackage, type TfjsPackage } from "./runtime/tfjs-package.ts";
import { requireCompiler, requirePip } from "./runtime/toolchain.ts";
import { extractWheel, fetchWheel, readPinnedWheels } from "./runtime/wheels.ts";

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
    throw explainDiskFault(error);
  }
}

async function setupUnderLock(options: SetupOptions): Promise<RuntimeFacts> {
  const { progress, signal } = options;
  const folders = runtimeFolders(options.device);
  await mkdir(folders.runtime, { recursive: true });
  using lock = await ProcessLock.acquire(join(cacheFolder(), "setup.lock"), {
    onWait: () => progress.say("another process is setting up TensorFlow; waiting for it"),
    signal,
  });
  await removeLeftovers(folders);
  const tfjs = await ensureTfjsPackage(signal);
  const siteChanged = await ensureSite(folders, options);
  const binding = await bindingFolder(folders, tfjs);
  const bindingChanged = await ensureBinding({ folders, binding, tfjs }, options);
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
      progress.say(`downloading ${wheel.requirement} with ${python.version}`);
      const fetching = { folders, python: python.command, progress, signal };
      await extractWheel(await fetchWheel(wheel, fetching), partial, { progress, signal });
    }
    return { tensorflow: TENSORFLOW_VERSION };
  });
  await rm(folders.downloads, { recursive: true, force: true });
  return true;
}

interface BindingTarget {
  readonly folders: RuntimeFolders;
  readonly binding: string;
  readonly tfjs: TfjsPackage;
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
    return { compiler: compiler.version, ...(await prove(partial, options)) };
  });
  return true;
}

async function isWhole(folder: string, options: SetupOptions): Promise<boolean> {
  if (options.fresh === true || (await readArtifact(folder)) === undefined) return false;
  const damaged = await findDamage(folder, options.signal);
  if (damaged === undefined) return true;
  options.progress.say(`${join(folder, damaged)} is damaged; making it anew`);
  return false;
}

const proofParser = z.object({
  product: z.tuple([z.literal(19), z.literal(22), z.literal(43), z.literal(50)]),
  tensorFlowVersion: z.literal(TENSORFLOW_VERSION),
  usesGpu: z.boolean(),
});

async function prove(binding: string, options: SetupOptions): Promise<ArtifactFacts> {
  const script = join(import.meta.dirname, `prove${extname(import.meta.filename)}`);
  const result = await runChild([process.execPath, script, options.device, binding], {
    signal: options.signal,
  });
  const proof = proofParser.safeParse(parseJson(result.stdout));
  if (result.exitCode !== 0 || !proof.success)
    throw new RuntimeMissingError(
      `TensorFlow does not run with the compiled binding:\n${lastLines(result, 12)}`,
      { remedy: "run crossweave setup --fresh; if that fails too, name another compiler by CXX" },
    );
  return {
    tensorFlowVersion: proof.data.tensorFlowVersion,
    usesGpu: String(proof.data.usesGpu),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function describe(
  runtime: Pick<BindingTarget, "folders" | "binding">,
  changed: boolean,
): Promise<RuntimeFacts> {
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
      (name) => name.endsWith(".partial") || name.startsWith("partial-"),
    );
    for (const name of leftovers) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function explainDiskFault(error: unknown): unknown {
  const code = errnoOf(error);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new IncompleteError(`the disk of ${cacheFolder()} is full`, {
      remedy:
        "free some space, or point CROSSWEAVE_CACHE at a larger disk, and run crossweave setup again",
      cause: error,
    });
  if (code === "EACCES" || code === "EROFS" || code === "EPERM")
    return new IncompleteError(`${cacheFolder()} cannot be written (${code})`, {
      remedy: "point CROSSWEAVE_CACHE at a folder that can, and run crossweave setup again",
      cause: error,
    });
  return error;
}
