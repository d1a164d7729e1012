import { createRequire } from "node:module";
import { join } from "node:path";
import util from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { RuntimeMissingError } from "../core/errors.ts";
import {
  BACKEND_NAME,
  isTensorFlowBackend,
  isTensorFlowBinding,
  type TensorFlowBackend,
  type TensorFlowBinding,
} from "./backend.ts";
import { readArtifact } from "./runtime/artifact.ts";
import { BINDING_ADDON, bindingFolder, PRELOAD_ADDON } from "./runtime/binding.ts";
import {
  parseDevice,
  runtimeFolders,
  type Device,
  type RuntimeFolders,
} from "./runtime/release.ts";
import { findTfjsPackage, requireOfTfjsPackage, type TfjsPackage } from "./runtime/tfjs-package.ts";

const REMEDY = "run crossweave setup (crossweave doctor tells what is missing)";

let loading: Promise<void> | undefined;

/**
 * Makes TensorFlow the backend of tfjs in this process; later calls do nothing. The runtime is the
 * one that `crossweave setup` has made: the CUDA build where it is there, else the other, or the
 * one that `CROSSWEAVE_DEVICE` names. Throws RuntimeMissingError when there is none.
 */
export function loadTensorFlow(): Promise<void> {
  loading ??= loadFoundRuntime().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** A complete runtime: where its libraries are, its binding, and the tfjs package that it serves. */
export interface InstalledRuntime {
  readonly folders: RuntimeFolders;
  readonly binding: string;
  readonly tfjs: TfjsPackage;
}

/** The runtime that `loadTensorFlow` would load, or undefined when there is none. */
export async function findRuntime(): Promise<InstalledRuntime | undefined> {
  const tfjs = findTfjsPackage();
  if (tfjs === undefined) return undefined;
  for (const device of preferredDevices()) {
    const folders = runtimeFolders(device);
    const binding = await bindingFolder(folders);
    const isComplete =
      (await readArtifact(folders.site)) !== undefined &&
      (await readArtifact(binding)) !== undefined;
    if (isComplete) return { folders, binding, tfjs };
  }
  return undefined;
}

/** Loads the given runtime into this process and registers it with tfjs. */
export async function loadRuntime(runtime: InstalledRuntime): Promise<TensorFlowBackend> {
  const binding = openBinding(runtime.binding, runtime.folders.libraries);
  const backend = createBackend(binding, runtime.tfjs);
  tf.registerBackend(BACKEND_NAME, () => backend, PRIORITY);
  await tf.setBackend(BACKEND_NAME);
  return backend;
}

// Above the backends that the tfjs package brings along (cpu has 1, webgl 2).
const PRIORITY = 3;

async function loadFoundRuntime(): Promise<void> {
  const runtime = await findRuntime();
  if (runtime === undefined)
    throw new RuntimeMissingError("there is no TensorFlow runtime on this machine", {
      remedy: REMEDY,
    });
  await loadRuntime(runtime);
}

function preferredDevices(): readonly Device[] {
  const chosen = process.env["CROSSWEAVE_DEVICE"];
  if (chosen === undefined || chosen === "") return ["gpu", "cpu"];
  return [parseDevice(chosen)];
}

/** Opens the addons of a binding's folder; `libraries` are opened ahead of them, in order. */
function openBinding(folder: string, libraries: readonly string[]): TensorFlowBinding {
  // Read by TensorFlow when it is opened: errors come back as statuses, so nothing need be printed.
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "3";
  const addonRequire = createRequire(join(folder, "package.json"));
  const preload: unknown = addonRequire(join(folder, PRELOAD_ADDON));
  if (!isPreload(preload)) throw damaged(join(folder, PRELOAD_ADDON));
  preload.preload(libraries);
  const binding: unknown = addonRequire(join(folder, BINDING_ADDON));
  if (!isTensorFlowBinding(binding)) throw damaged(join(folder, BINDING_ADDON));
  return binding;
}

function createBackend(binding: TensorFlowBinding, tfjs: TfjsPackage): TensorFlowBackend {
  restoreUtilFunctions();
  const packageRequire = requireOfTfjsPackage(tfjs);
  packageRequire("./dist/register_all_kernels.js");
  const module: unknown = packageRequire("./dist/nodejs_kernel_backend.js");
  if (!hasBackendClass(module)) throw damaged(tfjs.folder);
  const backend: unknown = new (withAsyncReads(module.NodeJSKernelBackend))(
    binding,
    "@tensorflow/tfjs-node-gpu",
  );
  if (!isTensorFlowBackend(backend)) throw damaged(tfjs.folder);
  return backend;
}

/** tfjs-node's backend, but for a read that waits for the values without holding up the event loop. */
function withAsyncReads(NodeBackend: NodeBackendClass): NodeBackendClass {
  return class extends NodeBackend {
    async read(dataId: object): Promise<unknown> {
      const { id, values } = this.tensorMap.get(dataId);
      return values ?? this.binding.tensorData(id);
    }
  };
}

// tfjs-node calls two functions of `util`: Node 23 has removed the one and warns of the other.
function restoreUtilFunctions(): void {
  Object.assign(util, {
    isNullOrUndefined: (value: unknown): boolean => value === undefined || value === null,
    isArray: Array.isArray,
  });
}

interface Preload {
  preload(paths: readonly string[]): string;
}

function isPreload(value: unknown): value is Preload {
  return (
    typeof value === "object" &&
    value !== null &&
    "preload" in value &&
    typeof value.preload === "function"
  );
}

interface NodeBackend {
  readonly binding: TensorFlowBinding;
  readonly tensorMap: { get(dataId: object): { readonly id: number; readonly values: unknown } };
}

type NodeBackendClass = new (binding: TensorFlowBinding, packageName: string) => NodeBackend;

interface BackendModule {
  readonly NodeJSKernelBackend: NodeBackendClass;
}

function hasBackendClass(value: unknown): value is BackendModule {
  return (
    typeof value === "object" &&
    value !== null &&
    "NodeJSKernelBackend" in value &&
    typeof value.NodeJSKernelBackend === "function"
  );
}

function damaged(path: string): RuntimeMissingError {
  return new RuntimeMissingError(`${path}: not what crossweave setup has put there`, {
    file: path,
    remedy: "run crossweave setup --fresh",
  });
}
