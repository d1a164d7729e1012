import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256OfFile } from "../../core/digest.ts";
import { errnoOf, IncompleteError, SourceError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { childFault, lastLines, runChild, type ChildResult } from "./child-process.ts";
import { nativeFolder, type RuntimeFolders } from "./release.ts";
import type { FoundTool } from "./toolchain.ts";

/** One wheel to fetch: a line of native/requirements-<device>-<architecture>.txt. */
export interface PinnedWheel {
  /** As pip reads it: "tensorflow-cpu==2.21.0". */
  readonly requirement: string;
  readonly sha256: string;
}

export interface FetchOptions {
  readonly folders: RuntimeFolders;
  readonly python: FoundTool;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

const REQUIREMENT = /^([a-z0-9-]+==[0-9.]+) --hash=sha256:([0-9a-f]{64})$/;

/** The wheels of a runtime, with the digests that pip must find; SourceError when there are none for this machine. */
export async function readPinnedWheels(
  folders: Pick<RuntimeFolders, "device" | "architecture">,
): Promise<readonly PinnedWheel[]> {
  const name = `requirements-${folders.device}-${folders.architecture}.txt`;
  const text = await readFile(join(nativeFolder(), name), "utf8").catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new SourceError(
      `no ${folders.device} build of TensorFlow is published for ${folders.architecture}`,
      { remedy: "run crossweave setup --device cpu" },
    );
  });
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => parseRequirement(line, name));
}

function parseRequirement(line: string, file: string): PinnedWheel {
  const [, requirement, sha256] = REQUIREMENT.exec(line) ?? [];
  if (requirement === undefined || sha256 === undefined)
    throw new SourceError(`${file}: not a pinned requirement: ${line}`, { file });
  return { requirement, sha256 };
}

/** Downloads a wheel, or finds it there from an interrupted run; returns its path. Its digest is the pinned one. */
export async function fetchWheel(wheel: PinnedWheel, options: FetchOptions): Promise<string> {
  const { downloads } = options.folders;
  const path = join(downloads, `${wheel.sha256}.whl`);
  if (await hasDigest(path, wheel.sha256)) return path;
  await mkdir(downloads, { recursive: true });
  const partial = await mkdtemp(join(downloads, PARTIAL_DOWNLOAD));
  try {
    await downloadInto(partial, wheel, options);
    const name = (await readdir(partial)).find((file) => file.endsWith(".whl"));
    if (name === undefined || !(await hasDigest(join(partial, name), wheel.sha256)))
      throw new SourceError(`${wheel.requirement}: pip delivered another file than the pinned one`);
    await rename(join(partial, name), path);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return path;
}

/** How the folders of unfinished downloads begin. */
export const PARTIAL_DOWNLOAD = "partial-";

async function downloadInto(
  folder: string,
  wheel: PinnedWheel,
  options: FetchOptions,
): Promise<void> {
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `${wheel.requirement} --hash=sha256:${wheel.sha256}\n`);
  using meter = new FolderMeter(folder, (sizeBytes) =>
    options.progress.report({
      activity: `downloading ${wheel.requirement}`,
      done: Math.round(sizeBytes / 1e6),
      unit: "MB",
    }),
  );
  const result = await runChild(
    [...options.python.command, ...pipArguments(options.folders, folder), "-r", requirements],
    // pip's own temporary files must not fill a small /tmp, and the meter sees them here.
    { env: { ...process.env, TMPDIR: folder }, signal: options.signal },
  );
  await meter.read();
  if (result.exitCode !== 0) throw downloadFault(result, wheel);
}

function pipArguments(folders: RuntimeFolders, destination: string): string[] {
  const platforms = ["manylinux_2_27", "manylinux_2_25", "manylinux2014"];
  return [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--progress-bar=off",
    "--python-version=3.12",
    "--implementation=cp",
    "--abi=cp312",
    "--abi=none",
    ...platforms.map((platform) => `--platform=${platform}_${folders.architecture}`),
    `--dest=${destination}`,
  ];
}

function downloadFault(result: ChildResult, wheel: PinnedWheel): Error {
  const remedy = result.stderr.includes("DO NOT MATCH THE HASHES")
    ? "the package index delivers another file than the published one; use the official index"
    : "check the network and pip's index settings, then run the same command again";
  const message = `pip could not download ${wheel.requirement}:\n${lastLines(result)}`;
  return childFault(result, new IncompleteError(message, { remedy }));
}

async function hasDigest(path: string, sha256: string): Promise<boolean> {
  try {
    return (await sha256OfFile(path)) === sha256;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

const METER_INTERVAL_MS = 500;

/** Tells how much a folder holds, twice a second. */
class FolderMeter implements Disposable {
  readonly #folder: string;
  readonly #report: (sizeBytes: number) => void;
  readonly #timer: NodeJS.Timeout;

  constructor(folder: string, report: (sizeBytes: number) => void) {
    this.#folder = folder;
    this.#report = report;
    this.#timer = setInterval(() => void this.read(), METER_INTERVAL_MS);
  }

  async read(): Promise<void> {
    // Files come and go while it looks.
    const entries = await readdir(this.#folder, { recursive: true }).catch(() => []);
    const sizes = entries.map(async (name) =>
      stat(join(this.#folder, name)).then(
        (entry) => (entry.isFile() ? entry.size : 0),
        () => 0,
      ),
    );
    this.#report((await Promise.all(sizes)).reduce((sum, size) => sum + size, 0));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
