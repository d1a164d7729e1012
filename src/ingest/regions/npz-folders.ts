// R regions, D features, C classes
import { statSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { errnoOf, SourceError } from "../../core/errors.ts";
import type { ImageKey } from "../../core/keys.ts";
import type { FileDigest } from "../annotations/annotation-file.ts";
import { IdIndex } from "../tables/id-index.ts";
import type { Detections, Floats } from "./detections.ts";
import type { EntrySource, OpenOptions } from "./entry-source.ts";
import type { NpyArray } from "./npy.ts";
import { readNpz } from "./npz.ts";
import { keyOfNpzName } from "./picture-names.ts";
import { RegionFault } from "./region-fault.ts";
import type { NpzRegionPolicy } from "./region-policy.ts";

type NpzOptions = OpenOptions<NpzRegionPolicy>;

/** A hundred times the size of a file with a hundred regions. */
const MAX_FILE_BYTES = 2 ** 27;

/**
 * Folders of UNITER's npz files. They are listed once; a picture is found by what the name of its file spells.
 * Throws SourceError when a folder is missing or holds no such file.
 */
export async function openNpzFolders(options: NpzOptions): Promise<EntrySource> {
  const index = new IdIndex();
  const paths: string[] = [];
  const repeated = new Map<number, string>();
  const listing = createHash("sha256");
  for (const folder of options.policy.folders) {
    let numUnnamed = 0;
    let numNamed = 0;
    for (const name of await namesIn(folder, options)) {
      options.signal?.throwIfAborted();
      const key = keyOfNpzName(name);
      if (key === undefined) {
        numUnnamed += 1;
        continue;
      }
      const path = `${folder}/${name}`;
      const sizeBytes = statSync(join(options.sourceFolder, path), { throwIfNoEntry: false })?.size;
      listing.update(`${JSON.stringify([path, sizeBytes ?? null])}\n`);
      const known = index.claim(key, paths.length);
      if (known === paths.length) paths.push(path);
      else repeated.set(known, path);
      numNamed += 1;
      options.progress.report({ activity: `listing ${folder}`, done: numNamed, unit: "files" });
    }
    if (numNamed === 0) throw noFeatures(folder, options);
    if (numUnnamed > 0) {
      options.progress.say(`${folder}: the names of ${numUnnamed} files spell no picture`);
    }
  }
  return new NpzFolders({ index, paths, repeated, digest: listing.digest("hex"), options });
}

async function namesIn(folder: string, options: NpzOptions): Promise<readonly string[]> {
  try {
    return (await readdir(join(options.sourceFolder, folder))).toSorted();
  } catch (error) {
    throw noFeatures(folder, options, error);
  }
}

function noFeatures(folder: string, { sourceFolder }: NpzOptions, cause?: unknown): SourceError {
  return new SourceError(`${folder} holds no region features such as vg_1.npz`, {
    file: join(sourceFolder, folder),
    remedy: 'put the npz files there, or take "regions" out of the recipe',
    cause,
  });
}

class NpzFolders implements EntrySource {
  readonly files: readonly FileDigest[] = [];
  readonly digest: string;
  readonly #index: IdIndex;
  readonly #paths: readonly string[];
  readonly #repeated: ReadonlyMap<number, string>;
  readonly #options: NpzOptions;

  constructor(content: {
    index: IdIndex;
    paths: readonly string[];
    repeated: ReadonlyMap<number, string>;
    digest: string;
    options: NpzOptions;
  }) {
    this.digest = content.digest;
    this.#index = content.index;
    this.#paths = content.paths;
    this.#repeated = content.repeated;
    this.#options = content.options;
  }

  has(key: ImageKey): boolean {
    return this.#index.get(key) !== undefined;
  }

  async read(key: ImageKey): Promise<Detections | undefined> {
    const row = this.#index.get(key);
    const place = row === undefined ? undefined : this.#paths[row];
    if (row === undefined || place === undefined) return undefined;
    const other = this.#repeated.get(row);
    if (other !== undefined) {
      throw new RegionFault("REG_TWICE", `${place} and ${other} are both about ${key}`);
    }
    const bytes = await this.#bytes(place);
    try {
      return await parseFeatures(bytes, place, this.#options.policy);
    } catch (error) {
      if (!(error instanceof RegionFault)) throw error;
      throw new RegionFault(error.code, `${place}: ${error.message}`);
    }
  }

  [Symbol.dispose](): void {
    // Nothing is kept open.
  }

  async #bytes(path: string): Promise<Buffer> {
    const absolutePath = join(this.#options.sourceFolder, path);
    try {
      await using file = await open(absolutePath, "r");
      const { size } = await file.stat();
      if (size <= MAX_FILE_BYTES) return await file.readFile();
      throw new RegionFault("REG_UNREADABLE", `${path}: it has ${size} bytes`);
    } catch (error) {
      if (error instanceof RegionFault) throw error;
      throw new SourceError(`${path}: the region features cannot be read (${errnoOf(error)})`, {
        file: absolutePath,
        remedy: "make it readable or put it back, then run the same command again",
        cause: error,
      });
    }
  }
}

const CORNERS = 4;
const arrayNames = ["norm_bb", "conf", "features", "soft_labels"] as const;

async function parseFeatures(
  bytes: Buffer,
  place: string,
  { numFeatures, numClasses }: NpzRegionPolicy,
): Promise<Detections> {
  const wanted = arrayNames.filter((name) => name !== "soft_labels" || numClasses > 0);
  const arrays = await readNpz(bytes, wanted);
  const numRegions = arrays.get("norm_bb")?.shape[0] ?? 0;
  if (numRegions === 0) throw new RegionFault("REG_SHAPE", "norm_bb is missing or empty");
  const values = (name: (typeof arrayNames)[number], ...shape: readonly number[]): Floats =>
    valuesOf(arrays.get(name), name, shape);
  return {
    place,
    corners: cornersOf(arrays.get("norm_bb")),
    frame: null,
    confidences: values("conf", numRegions),
    features: values("features", numRegions, numFeatures),
    classProbabilities: numClasses === 0 ? null : values("soft_labels", numRegions, numClasses),
  };
}

function valuesOf(array: NpyArray | undefined, name: string, shape: readonly number[]): Floats {
  if (array === undefined) throw new RegionFault("REG_SHAPE", `it has no ${name}.npy`);
  if (array.shape.join() === shape.join()) return array.values;
  const found = array.shape.join(", ");
  throw new RegionFault(
    "REG_SHAPE",
    `${name} has the shape (${found}), expected (${shape.join(", ")})`,
  );
}

/** The first four columns: UNITER appends width and height, some releases the area as well. */
function cornersOf(array: NpyArray | undefined): Float64Array {
  const [numRegions = 0, numColumns = 0, ...rest] = array?.shape ?? [];
  if (array === undefined || rest.length > 0 || numColumns < CORNERS) {
    const found = array?.shape.join(", ") ?? "";
    throw new RegionFault("REG_SHAPE", `norm_bb has the shape (${found}), expected (R, 6)`);
  }
  return Float64Array.from(
    { length: numRegions * CORNERS },
    (_, index) =>
      array.values[Math.floor(index / CORNERS) * numColumns + (index % CORNERS)] ?? Number.NaN,
  );
}
