import { mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { RandomStream } from "../../../src/core/random.ts";
import type { Scene } from "../../../src/core/records.ts";
import { FileStorage } from "../../../src/shards/file-storage.ts";
import { planValues } from "../../../src/shards/reading/plan-rows.ts";
import { loadHead } from "../../../src/shards/shard-file.ts";
import { INDEX_FILE, type ShardSetIndex } from "../../../src/shards/shard-set-index.ts";
import { withRegions } from "../scenes.ts";
import { filesOf, madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";
import { changedIndex } from "./wrong-index.ts";

const scenes = madeUpScenes(24).map(withRegions);

/** What the damaged set holds, by split. */
export const written: Readonly<Record<string, readonly Scene[]>> = {
  train: scenes.slice(0, 17),
  val: scenes.slice(17),
};

/** Where a fault must be told to lie, as far as that is known. */
export interface ExpectedPlace {
  readonly file: string;
  readonly batch?: number;
  readonly row?: number;
}

/** What was done, and the places of which each must be named. */
export interface Damage {
  readonly what: string;
  readonly places: readonly ExpectedPlace[];
}

interface KnownRange extends ExpectedPlace {
  readonly offset: number;
  readonly end: number;
}

/** A shard set on disk that is damaged and put right again, one damage at a time. */
export class DamagedSet implements AsyncDisposable {
  readonly path: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly index: ShardSetIndex;
  readonly #folder: AsyncDisposable;
  /** From the most exact place to the least. */
  readonly #ranges: readonly KnownRange[];

  private constructor(
    folder: AsyncDisposable & { readonly path: string },
    content: { files: Map<string, Buffer>; index: ShardSetIndex; ranges: KnownRange[] },
  ) {
    this.#folder = folder;
    this.path = folder.path;
    this.files = content.files;
    this.index = content.index;
    this.#ranges = content.ranges;
  }

  static async create(): Promise<DamagedSet> {
    const folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, [
      { split: "train", scenes: written["train"] ?? [] },
      { split: "val", role: "eval", scenes: written["val"] ?? [] },
    ]);
    const ranges = await rangesOf(folder.path, index);
    return new DamagedSet(folder, { files: await filesOf(folder.path), index, ranges });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }

  get names(): readonly string[] {
    return [...this.files.keys()];
  }

  get shards(): readonly string[] {
    return this.names.filter((name) => name.includes("/"));
  }

  pathOf(file: string): string {
    return join(this.path, file);
  }

  /** Where a changed byte must be found. */
  placeOf(file: string, position: number): ExpectedPlace {
    const found = this.#ranges.find(
      (range) => range.file === file && position >= range.offset && position < range.end,
    );
    if (found === undefined) return { file };
    const { batch, row } = found;
    return {
      file,
      ...(batch === undefined ? {} : { batch }),
      ...(row === undefined ? {} : { row }),
    };
  }

  /** A place of one value of a row: a picture, features or class probabilities. */
  anyValue(random: RandomStream): ExpectedPlace & { readonly position: number } {
    const values = this.#ranges.filter(({ row, offset, end }) => row !== undefined && end > offset);
    const { offset, end, ...place } = pick(values, random);
    return { ...place, position: offset + random.nextInt(end - offset) };
  }

  async restore(): Promise<void> {
    const present = await filesOf(this.path);
    for (const name of present.keys()) {
      if (!this.files.has(name)) await rm(this.pathOf(name));
    }
    for (const [name, bytes] of this.files) {
      if (present.get(name)?.equals(bytes) === true) continue;
      await mkdir(dirname(this.pathOf(name)), { recursive: true });
      await writeFile(this.pathOf(name), bytes);
    }
  }
}

async function rangesOf(folder: string, index: ShardSetIndex): Promise<KnownRange[]> {
  const [values, batches]: [KnownRange[], KnownRange[]] = [[], []];
  await using storage = new FileStorage(folder);
  const columns = ["picture_bytes", "features", "class_probabilities"] as const;
  for (const { file, batches: entries } of index.splits.flatMap(({ shards }) => shards)) {
    const source = await storage.open(file);
    for (const [batch, entry] of entries.entries()) {
      const head = await loadHead(source, entry, { file, batch });
      batches.push({ file, batch, offset: entry.offset, end: entry.offset + entry.sizeBytes });
      const rows = Array.from({ length: entry.numScenes }, (_, row) => row);
      for (const { row, range } of planValues(head, { rows, columns })) {
        values.push({
          file,
          batch,
          row,
          offset: range.offset,
          end: range.offset + range.sizeBytes,
        });
      }
    }
  }
  return [...values, ...batches];
}

type Damaging = (set: DamagedSet, random: RandomStream) => Promise<Damage>;

function pick<T>(choices: readonly T[], random: RandomStream): T {
  const choice = choices[random.nextInt(choices.length)];
  if (choice === undefined) throw new TypeError("there is nothing to choose from");
  return choice;
}

/** Each kind of damage leaves the set changed. */
export const damages: Readonly<Record<string, Damaging>> = {
  "flipped bit": async (set, random) => {
    const file = pick(set.names, random);
    await using handle = await open(set.pathOf(file), "r+");
    const position = random.nextInt((await handle.stat()).size);
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
    const bit = random.nextInt(8);
    await handle.write(Buffer.of((buffer[0] ?? 0) ^ (1 << bit)), 0, 1, position);
    return {
      what: `bit ${bit} of byte ${position} of ${file}`,
      places: [set.placeOf(file, position)],
    };
  },
  "flipped bit of a value": async (set, random) => {
    const { position, ...place } = set.anyValue(random);
    await using handle = await open(set.pathOf(place.file), "r+");
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
    const bit = random.nextInt(8);
    await handle.write(Buffer.of((buffer[0] ?? 0) ^ (1 << bit)), 0, 1, position);
    return { what: `bit ${bit} of byte ${position} of ${place.file}`, places: [place] };
  },
  "cut tail": async (set, random) => {
    const file = pick(set.names, random);
    const length = random.nextInt((await stat(set.pathOf(file))).size);
    await truncate(set.pathOf(file), length);
    return { what: `${file} cut to ${length} bytes`, places: [{ file }] };
  },
  "zeroed page": async (set, random) => {
    const file = pick(set.names, random);
    const before = set.files.get(file) ?? Buffer.alloc(0);
    const after = Buffer.from(before);
    // Padding is zero already.
    while (after.equals(before)) {
      const start = Math.floor(random.nextInt(before.length) / 512) * 512;
      after.fill(0, start, Math.min(after.length, start + 512));
    }
    await writeFile(set.pathOf(file), after);
    const first = after.findIndex((byte, position) => byte !== before[position]);
    return {
      what: `page of byte ${first} of ${file}`,
      places: [batchOf(set.placeOf(file, first))],
    };
  },
  "appended bytes": async (set, random) => {
    const file = pick(set.names, random);
    const bytes = Buffer.alloc(1 + random.nextInt(70));
    await writeFile(set.pathOf(file), bytes, { flag: "a" });
    return { what: `${bytes.length} bytes behind ${file}`, places: [{ file }] };
  },
  "overwritten stretch": async (set, random) => {
    const file = pick(set.names, random);
    const bytes = Buffer.from(set.files.get(file) ?? []);
    const position = random.nextInt(bytes.length);
    bytes.writeUInt8((bytes[position] ?? 0) ^ 0xff, position);
    for (let index = position + 1; index < Math.min(bytes.length, position + 40); index += 1) {
      bytes.writeUInt8(random.nextInt(256), index);
    }
    await writeFile(set.pathOf(file), bytes);
    return {
      what: `40 bytes at ${position} of ${file}`,
      places: [batchOf(set.placeOf(file, position))],
    };
  },
  "swapped files": async (set, random) => {
    const file = pick(set.shards, random);
    const other = pick(
      set.shards.filter((name) => name !== file),
      random,
    );
    await writeFile(set.pathOf(file), set.files.get(other) ?? "");
    await writeFile(set.pathOf(other), set.files.get(file) ?? "");
    return { what: `${file} and ${other} swapped`, places: [{ file }, { file: other }] };
  },
  "repeated file": async (set, random) => {
    const file = pick(set.shards, random);
    const other = pick(
      set.shards.filter((name) => name !== file),
      random,
    );
    await writeFile(set.pathOf(other), set.files.get(file) ?? "");
    return { what: `${file} in the place of ${other}`, places: [{ file: other }] };
  },
  "missing file": async (set, random) => {
    const file = pick(set.names, random);
    await rm(set.pathOf(file));
    return { what: `${file} removed`, places: [{ file }] };
  },
  "extra file": async (set, random) => {
    const name = pick(
      ["train/00007.arrow", "val/00000.arrow.part", "notes.txt", "x/y.arrow"],
      random,
    );
    await mkdir(dirname(set.pathOf(name)), { recursive: true });
    await writeFile(set.pathOf(name), set.files.get(pick(set.shards, random)) ?? "");
    return { what: `${name} added`, places: [{ file: name }] };
  },
  "renamed file": async (set, random) => {
    const file = pick(set.names, random);
    const name = `${file}${pick([".bak", "1", "~"], random)}`;
    await rename(set.pathOf(file), set.pathOf(name));
    // Without its index, a folder is no set, and nothing more is told.
    const places = file === INDEX_FILE ? [{ file }] : [{ file }, { file: name }];
    return { what: `${file} renamed ${name}`, places };
  },
  "edited index": async (set, random) => {
    const text = await readFile(set.pathOf(INDEX_FILE), "utf8");
    const digits = [...text.matchAll(/\d/g)];
    const { index, 0: digit } = pick(digits, random);
    const other = String((Number(digit) + 1 + random.nextInt(8)) % 10);
    await writeFile(set.pathOf(INDEX_FILE), text.slice(0, index) + other + text.slice(index + 1));
    return { what: `character ${index} of the index`, places: [{ file: INDEX_FILE }] };
  },
  "wrong index of a right digest": (set, random) => changedIndex(set, random),
};

/** What is said of more than one byte: no row, since several may be hit. */
function batchOf({ file, batch }: ExpectedPlace): ExpectedPlace {
  return batch === undefined ? { file } : { file, batch };
}
