import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { cacheFolder } from "../../core/cache-folder.ts";
import { IncompleteError, RuntimeMissingError, errnoOf } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { buildArtifact } from "./artifact.ts";
import { childFault, lastLines, runChild } from "./child-process.ts";
import { TFJS_VERSION } from "./release.ts";

const PACKAGE = "@tensorflow/tfjs-node-gpu";
const CORE = "@tensorflow/tfjs-core";

const ownRequire = createRequire(import.meta.url);

/** Where the kernels and the binding's sources are: in a node_modules above this file, or in the cache. */
export interface TfjsPackage {
  readonly folder: string;
}

/** The package as it is found now, or undefined. */
export function findTfjsPackage(): TfjsPackage | undefined {
  const cachedRequire = createRequire(join(cachedFolder(), "package.json"));
  const folder = resolvePackage(ownRequire) ?? resolvePackage(cachedRequire);
  return folder === undefined ? undefined : { folder };
}

/** The package; installed into the cache, without its install script, where it is missing. */
export async function ensureTfjsPackage(options: {
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}): Promise<TfjsPackage> {
  const { progress, signal } = options;
  const found = findTfjsPackage();
  if (found !== undefined) return found;
  progress.say(`installing ${PACKAGE} ${TFJS_VERSION} with npm`);
  await buildArtifact(cachedFolder(), async (partial) => {
    await installInto(partial, signal);
    return { package: PACKAGE, version: TFJS_VERSION };
  });
  const installed = findTfjsPackage();
  if (installed === undefined)
    throw new RuntimeMissingError(`npm installed no ${PACKAGE} into ${cachedFolder()}`, {
      remedy: "look at npm's settings, then run crossweave setup again",
    });
  return installed;
}

/** `require` as the package's own files see it, with the one tfjs-core that this process uses. */
export function requireOfTfjsPackage(found: TfjsPackage): NodeJS.Require {
  const packageRequire = createRequire(join(found.folder, "package.json"));
  ownRequire(CORE);
  const own = ownRequire.resolve(CORE);
  const theirs = packageRequire.resolve(CORE);
  // Two instances would have two engines: a tensor of one is unknown to the other.
  if (theirs !== own) packageRequire.cache[theirs] = ownRequire.cache[own];
  return packageRequire;
}

function cachedFolder(): string {
  return join(cacheFolder(), `tfjs-node-gpu-${TFJS_VERSION}`);
}

function resolvePackage(require: NodeJS.Require): string | undefined {
  try {
    return dirname(require.resolve(`${PACKAGE}/package.json`));
  } catch (error) {
    if (errnoOf(error) === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

async function installInto(folder: string, signal: AbortSignal | undefined): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{"private":true}\n');
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-bin-links", "--save-exact"];
  const result = await runChild(
    ["npm", "install", ...flags, "--prefix", folder, `${PACKAGE}@${TFJS_VERSION}`],
    { cwd: folder, signal },
  ).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new RuntimeMissingError(`npm was not found; it fetches ${PACKAGE}`, {
      remedy: "put Node's own npm on the PATH, then run crossweave setup",
    });
  });
  if (result.exitCode !== 0)
    throw childFault(
      result,
      new IncompleteError(`npm could not install ${PACKAGE}:\n${lastLines(result)}`, {
        remedy: "check the network and npm's settings, then run crossweave setup again",
      }),
    );
}
