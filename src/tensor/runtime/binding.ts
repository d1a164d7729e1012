import { readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { RuntimeMissingError } from "../../core/errors.ts";
import { childFault, lastLines, runChild } from "./child-process.ts";
import { nativeFolder, TENSORFLOW_VERSION, type RuntimeFolders } from "./release.ts";
import type { TfjsPackage } from "./tfjs-package.ts";
import type { FoundTool } from "./toolchain.ts";

// The binding is two Node addons: `preload`, ours, which opens TensorFlow's libraries quietly and
// tunes the allocator, and `tfjs_binding`, through which tfjs's kernels call TensorFlow; our
// `step_capture` stands between the two.

const ownRequire = createRequire(import.meta.url);

const FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8"] as const;
const OWN_SOURCES = ["preload.cc", "step_capture.cc", "eager_redirects.h"] as const;
const UPSTREAM_SOURCES = ["tfjs_backend.cc", "tfjs_binding.cc"] as const;
const UPSTREAM_HEADERS = [
  "napi_auto_ref.h",
  "tf_auto_status.h",
  "tf_auto_tensor.h",
  "tfe_auto_op.h",
  "tfjs_backend.h",
  "utils.h",
] as const;

/** The file names of the addons in the binding's folder. */
export const PRELOAD_ADDON = "preload.node";
export const BINDING_ADDON = "tfjs_binding.node";

/** The folder of the binding that fits this package's sources; another version of Crossweave has another one beside it. */
export async function bindingFolder(folders: RuntimeFolders, tfjs: TfjsPackage): Promise<string> {
  const sources = [
    ...OWN_SOURCES.map((name) => join(nativeFolder(), name)),
    ...[...UPSTREAM_SOURCES, ...UPSTREAM_HEADERS].map((name) => upstreamPath(tfjs, name)),
  ];
  const key = sha256(
    canonicalJson({
      tensorflow: TENSORFLOW_VERSION,
      flags: FLAGS,
      sources: await Promise.all(sources.map(async (path) => sha256(await readFile(path)))),
    }),
  );
  return join(folders.runtime, `binding-${key.slice(0, 16)}`);
}

export interface CompileOptions {
  readonly folders: RuntimeFolders;
  readonly tfjs: TfjsPackage;
  readonly compiler: FoundTool;
  readonly signal?: AbortSignal | undefined;
}

/** Compiles both addons into a folder beside `site`; RuntimeMissingError with the compiler's words when it cannot. */
export async function compileBinding(folder: string, options: CompileOptions): Promise<void> {
  const { folders, tfjs } = options;
  const capture = join(folder, "step_capture.o");
  await compile([join(nativeFolder(), "preload.cc"), "-o", join(folder, PRELOAD_ADDON)], options);
  await compile(["-c", join(nativeFolder(), "step_capture.cc"), "-o", capture], options);
  await compile(
    [
      "-include",
      join(nativeFolder(), "eager_redirects.h"),
      ...UPSTREAM_SOURCES.map((name) => upstreamPath(tfjs, name)),
      capture,
      ...folders.libraries,
      "-Wl,-rpath,$ORIGIN/../site/tensorflow",
      "-o",
      join(folder, BINDING_ADDON),
    ],
    options,
  );
  await rm(capture);
}

async function compile(args: readonly string[], options: CompileOptions): Promise<void> {
  const { compiler, folders } = options;
  const headers: unknown = ownRequire("node-api-headers");
  const result = await runChild(
    [...compiler.command, ...FLAGS, "-I", folders.include, "-I", includeFolder(headers), ...args],
    { signal: options.signal },
  );
  if (result.exitCode !== 0)
    throw childFault(
      result,
      new RuntimeMissingError(
        `${compiler.version} could not compile the binding:\n${lastLines(result, 12)}`,
        { remedy: "name another compiler by CXX (C++17 is needed), then run crossweave setup" },
      ),
    );
}

function includeFolder(headers: unknown): string {
  if (typeof headers === "object" && headers !== null && "include_dir" in headers)
    return String(headers.include_dir);
  throw new RuntimeMissingError("node-api-headers tells no include folder", {
    remedy: "reinstall crossweave's packages (npm ci)",
  });
}

function upstreamPath(tfjs: TfjsPackage, name: string): string {
  return join(tfjs.folder, "binding", name);
}
