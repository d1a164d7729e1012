import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { RuntimeMissingError } from "../../core/errors.ts";
import { childFault, lastLines, runChild } from "./child-process.ts";
import { nativeFolder, TENSORFLOW_VERSION, type RuntimeFolders } from "./release.ts";
import type { FoundTool } from "./toolchain.ts";

// The binding is two Node addons of native/tensorflow: `preload`, which opens TensorFlow's libraries quietly, and
// `tensorflow`, through which tfjs's kernels and our steps call them.

const ownRequire = createRequire(import.meta.url);

const FLAGS = [
  "-std=c++17",
  "-O2",
  // A product and a sum in one operation, as the loops of our own kernels are written for.
  "-ffp-contract=fast",
  "-fPIC",
  "-shared",
  "-fvisibility=hidden",
  "-DNAPI_VERSION=8",
] as const;
const PRELOAD_SOURCE = "preload.cc";

/** The file names of the addons in the binding's folder. */
export const PRELOAD_ADDON = "preload.node";
export const BINDING_ADDON = "tensorflow.node";

/** The folder of the binding that fits this package's sources; another version of Crossweave has another one beside it. */
export async function bindingFolder(folders: RuntimeFolders): Promise<string> {
  const sources = await bindingSources();
  const key = sha256(
    canonicalJson({
      tensorflow: TENSORFLOW_VERSION,
      flags: FLAGS,
      sources: await Promise.all(sources.map(async (path) => sha256(await readFile(path)))),
    }),
  );
  return join(folders.runtime, `binding-${key.slice(0, 16)}`);
}

async function bindingSources(): Promise<readonly string[]> {
  const folder = join(nativeFolder(), "tensorflow");
  const names = (await readdir(folder)).filter((name) => /\.(?:cc|h)$/.test(name));
  return names.toSorted().map((name) => join(folder, name));
}

export interface CompileOptions {
  readonly folders: RuntimeFolders;
  readonly compiler: FoundTool;
  readonly signal?: AbortSignal | undefined;
  /** Flags beside the usual ones, such as a sanitizer's. */
  readonly extraFlags?: readonly string[];
}

/** Compiles both addons into a folder beside `site`; RuntimeMissingError with the compiler's words when it cannot. */
export async function compileBinding(folder: string, options: CompileOptions): Promise<void> {
  const sources = (await bindingSources()).filter((path) => path.endsWith(".cc"));
  await compile([...sources.filter(isPreload), "-o", join(folder, PRELOAD_ADDON)], options);
  await compile(
    [
      ...sources.filter((path) => !isPreload(path)),
      ...options.folders.libraries,
      "-Wl,-rpath,$ORIGIN/../site/tensorflow",
      // TensorFlow keeps the addresses of our kernels; the thread that has opened the addon may end before it.
      "-Wl,-z,nodelete",
      "-o",
      join(folder, BINDING_ADDON),
    ],
    options,
  );
}

async function compile(args: readonly string[], options: CompileOptions): Promise<void> {
  const { compiler, folders, extraFlags = [] } = options;
  const headers: unknown = ownRequire("node-api-headers");
  const includes = ["-isystem", folders.include, "-isystem", includeFolder(headers)];
  const result = await runChild(
    [...compiler.command, ...FLAGS, ...extraFlags, ...includes, ...args],
    {
      signal: options.signal,
    },
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

function isPreload(path: string): boolean {
  return basename(path) === PRELOAD_SOURCE;
}

function includeFolder(headers: unknown): string {
  if (typeof headers === "object" && headers !== null && "include_dir" in headers)
    return String(headers.include_dir);
  throw new RuntimeMissingError("node-api-headers tells no include folder", {
    remedy: "reinstall crossweave's packages (npm ci)",
  });
}
