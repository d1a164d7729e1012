import { mkdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { imageKey, type ImageKey } from "../../core/keys.ts";
import { RandomStream } from "../../core/random.ts";
import type { Scene, StoredPicture } from "../../core/records.ts";
import { PicturePool } from "../../ingest/pictures/picture-pool.ts";
import type { PicturePolicy } from "../../ingest/pictures/store-picture.ts";
import { storeScenes } from "../../ingest/scenes.ts";
import type { PlannedScene } from "../../ingest/source.ts";
import { AreaDecoder } from "../../pixels/area-decoder.ts";
import { type Transform, transformedFile } from "../../pixels/planting/transforms.ts";
import { writeLedger } from "../../shards/ledger.ts";
import { commitIndex } from "../../shards/shard-set-index.ts";
import { SplitWriter } from "../../shards/split-writer.ts";
import type { CommandContext } from "../frame.ts";
import type { OwnPicture } from "./own-pictures.ts";

/** The splits of a planted set, in the order of an audit: the pictures on both sides, and their copies to train on. */
export const plantedSplits = {
  trained: "1-pictures-again",
  copies: "2-copies",
  evaluated: "3-pictures",
} as const;

export interface PlantingOptions {
  readonly seed: number;
  readonly policy: PicturePolicy;
  readonly transforms: readonly Transform[];
}

/** For each copy's number (see PlantedCopies) the first copy of the set with the same pixels. */
export type FirstEqual = Uint32Array;

/**
 * Writes a shard set whose evaluation pictures are the user's own and whose training pictures are these again and their
 * copies, each stored as a preparation stores pictures: what an audit is then run on.
 */
export async function writePlantedSet(
  folder: string,
  pictures: readonly OwnPicture[],
  options: PlantingOptions & Pick<CommandContext, "progress" | "signal">,
): Promise<FirstEqual> {
  const width = options.transforms.length + 1;
  const originals = pictures.map(({ picture }) => picture);
  const equal = new EqualPixels(originals.length * width);
  const again = originals.map((picture, at) => plainScene(picture, copyKey(at * width)));
  for (const [at, { pixelSha256 }] of originals.entries()) equal.add(at * width, pixelSha256);
  const evaluated = originals.map((picture, at) => plainScene(picture, copyKey(at)));
  const splits = [
    await written(folder, { split: plantedSplits.trained, role: "train", scenes: again }),
    await written(folder, {
      split: plantedSplits.copies,
      role: "train",
      scenes: copiesOf(originals, { ...options, equal, work: join(folder, "copies-to-store") }),
    }),
    await written(folder, { split: plantedSplits.evaluated, role: "eval", scenes: evaluated }),
  ];
  await commitIndex(folder, {
    format: "crossweave-shards",
    version: 1,
    name: "planted-copies",
    recipe: { seed: options.seed },
    partial: false,
    splits,
    counts: [],
    sources: [],
    ledger: await writeLedger(folder, []),
  });
  return equal.first;
}

/** The number of a copy, or of a picture on the evaluation side, by its key. */
export function numberOfKey(key: ImageKey): number {
  return Number(key.slice(key.indexOf(":") + 1));
}

function copyKey(number: number): ImageKey {
  return imageKey("own", number);
}

function plainScene(picture: StoredPicture, key: ImageKey): Scene {
  const named = { key, path: "", url: null, flickrPhotoId: null, linkedKeys: [] };
  return { sceneKey: key, pictures: [{ ...picture, ...named }], texts: [], regions: null };
}

async function written(
  folder: string,
  {
    scenes,
    ...split
  }: {
    readonly split: string;
    readonly role: "train" | "eval";
    readonly scenes: AsyncIterable<Scene> | Iterable<Scene>;
  },
): Promise<Awaited<ReturnType<SplitWriter["finish"]>>> {
  await using writer = await SplitWriter.create({ folder, ...split });
  for await (const scene of scenes) await writer.append(scene);
  return await writer.finish();
}

interface CopyWork extends PlantingOptions, Pick<CommandContext, "progress" | "signal"> {
  readonly equal: EqualPixels;
  /** Where copies lie until they are stored. */
  readonly work: string;
}

async function* copiesOf(
  originals: readonly StoredPicture[],
  options: CopyWork,
): AsyncGenerator<Scene> {
  const { equal, policy, progress, signal, transforms, work } = options;
  await mkdir(work, { recursive: true });
  const numWorkers = availableParallelism();
  await using pool = new PicturePool({ sourceFolder: work, policy, numWorkers });
  const total = originals.length * transforms.length;
  let done = 0;
  for await (const { scene } of storeScenes(plannedCopies(originals, options), {
    pictures: pool,
    signal,
  })) {
    done += 1;
    progress.report({ activity: "plant copies", done, total, unit: "copies" });
    const [copy] = scene?.pictures ?? [];
    if (scene === undefined || copy === undefined) continue;
    equal.add(numberOfKey(copy.key), copy.pixelSha256);
    await rm(join(work, copy.path));
    yield scene;
  }
  await rm(work, { recursive: true });
}

async function* plannedCopies(
  originals: readonly StoredPicture[],
  { seed, signal, transforms, work }: CopyWork,
): AsyncGenerator<PlannedScene> {
  const decoder = await AreaDecoder.load();
  for (const [at, { bytes, height, orientation, width }] of originals.entries()) {
    const pixels = await decoder.decodeWhole(bytes, { stored: { width, height }, orientation });
    for (const [index, transform] of transforms.entries()) {
      signal.throwIfAborted();
      const number = at * (transforms.length + 1) + index + 1;
      const random = new RandomStream(seed, at, index);
      const path = `${number}.jpg`;
      const file = await transformedFile(pixels, transform, () => random.nextFloat());
      await writeFile(join(work, path), file);
      yield { draft: draftOf(number, path), records: [] };
    }
  }
}

function draftOf(number: number, path: string): PlannedScene["draft"] {
  const key = copyKey(number);
  const reference = { key, path, url: null, flickrPhotoId: null, license: null, linkedKeys: [] };
  return { sceneKey: key, split: plantedSplits.copies, pictures: [reference], texts: [] };
}

class EqualPixels {
  readonly first: FirstEqual;
  readonly #byPixels = new Map<string, number>();

  constructor(numCopies: number) {
    this.first = Uint32Array.from({ length: numCopies }, (_, copy) => copy);
  }

  add(copy: number, pixelSha256: string): void {
    const first = this.#byPixels.get(pixelSha256) ?? copy;
    this.#byPixels.set(pixelSha256, first);
    this.first[copy] = first;
  }
}
