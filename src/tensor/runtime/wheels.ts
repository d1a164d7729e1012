import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { openPromise, type Entry, type ZipFile } from "yauzl";
import { sha256OfFile } from "../../core/digest.ts";
import { IncompleteError, SourceError, errnoOf } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { lastLines, runChild } from "./child-process.ts";
import { nativeFolder, type RuntimeFolders } from "./release.ts";
import type { PythonCommand } from "./toolchain.ts";

/** One wheel to fetch: a line of native/requirements-<device>-<architecture>.txt. */
export interface PinnedWheel {
  /** As pip reads it: "tensorflow-cpu==2.21.0". */
  readonly requirement: string;
  readonly sha256: string;
}

export interface FetchOptions {
  readonly folders: RuntimeFolders;
  readonly python: PythonCommand;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

const REQUIREMENT = /^([a-z0-9-]+==[0-9.]+) --hash=sha256:([0-9a-f]{64})$/;

/** The wheels of a runtime, with the digests that pip must find. */
export async function readPinnedWheels(folders: RuntimeFolders): Promise<readonly PinnedWheel[]> {
  const name = `requirements-${folders.device}-${folders.architecture}.txt`;
  const lines = (await readFile(join(nativeFolder(), name), "utf8")).split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, requirement, sha256] = REQUIREMENT.exec(line) ?? [];
      if (requirement === undefined || sha256 === undefined)
        throw new SourceError(`${name}: not a pinned requirement: ${line}`, { file: name });
      return { requirement, sha256 };
    });
}

/** Downloads a wheel, or finds it there from an interrupted run; returns its path. Its digest is the pinned one. */
export async function fetchWheel(wheel: PinnedWheel, options: FetchOptions): Promise<string> {
  const { downloads } = options.folders;
  const path = join(downloads, `${wheel.sha256}.whl`);
  if (await hasDigest(path, wheel.sha256)) return path;
  await mkdir(downloads, { recursive: true });
  const partial = await mkdtemp(join(downloads, "partial-"));
  try {
    await downloadWheel({ wheel, folder: partial }, options);
    const [name] = (await readdir(partial)).filter((file) => file.endsWith(".whl"));
    if (name === undefined || !(await hasDigest(join(partial, name), wheel.sha256)))
      throw new SourceError(`${wheel.requirement}: pip delivered another file than the pinned one`);
    await rename(join(partial, name), path);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return path;
}

async function downloadWheel(
  target: { wheel: PinnedWheel; folder: string },
  options: FetchOptions,
): Promise<void> {
  const { wheel, folder } = target;
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `${wheel.requirement} --hash=sha256:${wheel.sha256}\n`);
  const result = await runChild(
    [...options.python, ...pipArguments(options.folders, requirements), "-d", folder],
    // pip's own temporary files must not fill a small /tmp.
    { env: { ...process.env, TMPDIR: folder }, signal: options.signal },
  );
  if (result.exitCode !== 0)
    throw new IncompleteError(
      `pip could not download ${wheel.requirement}:\n${lastLines(result)}`,
      { remedy: remedyFor(result.stderr) },
    );
}

function pipArguments(folders: RuntimeFolders, requirements: string): string[] {
  const platform = (policy: string): string => `--platform=${policy}_${folders.architecture}`;
  return [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--progress-bar=off",
    "--implementation=cp",
    "--python-version=3.12",
    "--abi=cp312",
    "--abi=none",
    platform("manylinux_2_27"),
    platform("manylinux2014"),
    "--require-hashes",
    `--requirement=${requirements}`,
  ];
}

function remedyFor(complaint: string): string {
  if (complaint.includes("No space left on device") || complaint.includes("Errno 28"))
    return "free some disk space (or point CROSSWEAVE_CACHE at a larger disk) and run the same command again";
  if (complaint.includes("DO NOT MATCH THE HASHES"))
    return "the package index delivers another file than the published one; use the official index";
  return "check the network and pip's index settings, then run the same command again";
}

async function hasDigest(path: string, sha256: string): Promise<boolean> {
  try {
    return (await sha256OfFile(path)) === sha256;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

// What is kept of the wheels: the two libraries, the headers of the C API, and CUDA's libraries
// with the assembler and the device library that XLA looks for beside them.
const KEPT_ENTRIES = [
  /^tensorflow\/libtensorflow(?:_cc|_framework)\.so\.2$/,
  /^tensorflow\/include\/(?:tensorflow|xla\/tsl)\/c\/.+\.h$/,
  /^tensorflow\/include\/(?:tensorflow\/core|tsl)\/platform\/ctstring(?:_internal)?\.h$/,
  /^tensorflow\/include\/LICENSE$/,
  /^nvidia\/\w+\/lib\/[\w.+-]+\.so[\d.]*$/,
  /^nvidia\/cuda_nvcc\/(?:bin\/ptxas|nvvm\/libdevice\/[\w.]+\.bc)$/,
];

/** Whether an entry of a wheel belongs into the cache. */
export function isKept(entryName: string): boolean {
  return !entryName.includes("..") && KEPT_ENTRIES.some((pattern) => pattern.test(entryName));
}

/** Streams the kept entries of a wheel into a folder, checking each one's CRC; returns how many there were. */
export async function extractWheel(
  wheelPath: string,
  folder: string,
  options: Pick<FetchOptions, "progress" | "signal">,
): Promise<number> {
  const zip = await openPromise(wheelPath, { strictFileNames: true });
  let numKept = 0;
  for await (const entry of zip.eachEntry()) {
    options.signal?.throwIfAborted();
    if (!isKept(entry.fileName)) continue;
    await extractEntry({ zip, entry, path: join(folder, entry.fileName) }, options.signal);
    numKept += 1;
    options.progress.report({ activity: "unpacking TensorFlow", done: numKept, unit: "files" });
  }
  return numKept;
}

async function extractEntry(
  source: { zip: ZipFile; entry: Entry; path: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { zip, entry, path } = source;
  await mkdir(dirname(path), { recursive: true });
  let checksum = 0;
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done): void {
      checksum = crc32(chunk, checksum);
      done(null, chunk);
    },
  });
  const mode = path.endsWith("ptxas") ? 0o755 : 0o644;
  await pipeline(
    await zip.openReadStreamPromise(entry),
    checked,
    createWriteStream(path, { mode, flush: true }),
    ...(signal === undefined ? [] : [{ signal }]),
  );
  const { size } = await stat(path);
  if (checksum !== entry.crc32 || size !== entry.uncompressedSize)
    throw new SourceError(
      `${entry.fileName}: damaged in the wheel (CRC ${checksum}, size ${size})`,
      {
        file: path,
        remedy: "run the same command again",
      },
    );
}
