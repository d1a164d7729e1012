import { createWriteStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { openPromise, type Entry, type ZipFile } from "yauzl";
import { SourceError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";

// What is kept of the wheels: the two libraries, the headers of the C API, and CUDA's libraries
// with the programs and the device library that XLA looks for beside them.
const KEPT_ENTRIES = [
  /^tensorflow\/libtensorflow(?:_cc|_framework)\.so\.2$/,
  /^tensorflow\/include\/(?:tensorflow|xla\/tsl)\/c\/(?:[\w-]+\/)*[\w-]+\.h$/,
  /^tensorflow\/include\/(?:tensorflow\/core|tsl)\/platform\/ctstring(?:_internal)?\.h$/,
  /^tensorflow\/include\/LICENSE$/,
  /^nvidia\/\w+\/lib\/lib[\w.+-]+\.so[\d.]*$/,
  /^nvidia\/cuda_nvcc\/bin\/(?:ptxas|nvlink|fatbinary)$/,
  /^nvidia\/cuda_nvcc\/nvvm\/libdevice\/[\w.]+\.bc$/,
];

/** Whether an entry of a wheel belongs into the cache. */
export function isKept(entryName: string): boolean {
  return KEPT_ENTRIES.some((pattern) => pattern.test(entryName));
}

export interface ExtractOptions {
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Streams the kept entries of a wheel into a folder; SourceError when one's size or CRC is not the recorded one. */
export async function extractWheel(
  wheelPath: string,
  folder: string,
  options: ExtractOptions,
): Promise<void> {
  const zip = await openPromise(wheelPath, { strictFileNames: true });
  let numKept = 0;
  for await (const entry of zip.eachEntry()) {
    options.signal?.throwIfAborted();
    if (!isKept(entry.fileName)) continue;
    await extractEntry({ zip, entry, path: join(folder, entry.fileName) }, options.signal);
    numKept += 1;
    options.progress.report({ activity: "unpacking", done: numKept, unit: "files" });
  }
}

async function extractEntry(
  source: { readonly zip: ZipFile; readonly entry: Entry; readonly path: string },
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
  const mode = path.includes("/bin/") ? 0o755 : 0o644;
  const content = await zip.openReadStreamPromise(entry);
  const target = createWriteStream(path, { mode, flush: true });
  try {
    await pipeline(content, checked, target, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  const { size } = await stat(path);
  if (checksum !== entry.crc32 || size !== entry.uncompressedSize)
    throw new SourceError(
      `${entry.fileName}: damaged in the wheel (size ${size}, CRC ${checksum})`,
      {
        file: path,
        remedy: "run crossweave setup --fresh",
      },
    );
}
