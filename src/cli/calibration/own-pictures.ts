import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { ConfigError, errnoOf, SourceError } from "../../core/errors.ts";
import { imageKey } from "../../core/keys.ts";
import { RandomStream } from "../../core/random.ts";
import type { StoredPicture } from "../../core/records.ts";
import { PictureFault } from "../../ingest/pictures/picture-fault.ts";
import { PicturePool } from "../../ingest/pictures/picture-pool.ts";
import type { PicturePolicy } from "../../ingest/pictures/store-picture.ts";
import { isRemote } from "../../shards/remote/location.ts";
import { INDEX_FILE } from "../../shards/shard-set-index.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import type { CommandContext } from "../frame.ts";

/** A picture of the user's, as a set stores it. */
export interface OwnPicture {
  readonly name: string;
  readonly picture: StoredPicture;
}

export interface DrawnPictures {
  readonly pictures: readonly OwnPicture[];
  /** All that there were to draw from. */
  readonly numOffered: number;
  /** What was drawn and passed over: why, for each. */
  readonly unreadable: readonly string[];
  readonly repeated: readonly string[];
}

export interface DrawOptions {
  readonly numPictures: number;
  readonly seed: number;
  readonly policy: PicturePolicy;
}

/**
 * Draws pictures of folders and shard sets by the seed and the pictures' names alone, stored as a preparation stores
 * them. Files that do not decode, and pictures with the bytes or pixels of one that was drawn before, are passed over.
 * Throws SourceError when there is nothing to draw from, ShardError when a set is damaged.
 */
export async function drawPictures(
  sources: readonly string[],
  options: DrawOptions,
  { progress, signal }: Pick<CommandContext, "progress" | "signal">,
): Promise<DrawnPictures> {
  await using opened = new AsyncDisposableStack();
  const offered: OfferedPicture[] = [];
  for (const [at, source] of sources.entries()) {
    const prefix = sources.length === 1 ? "" : `${at + 1}:`;
    const found = isSet(source)
      ? await picturesOfSet(opened.use(await ShardSetReader.open(source)), signal)
      : await picturesOfFolder(source, options.policy, opened);
    offered.push(...found.map((picture) => ({ ...picture, name: `${prefix}${picture.name}` })));
  }
  offered.sort((one, other) => (one.name < other.name ? -1 : 1));
  const inOrder = new RandomStream(options.seed).shuffled(offered);
  const pictures: OwnPicture[] = [];
  const [unreadable, repeated]: [string[], string[]] = [[], []];
  const known = new Map<string, string>();
  for (const { load, name } of inOrder) {
    if (pictures.length === options.numPictures) break;
    signal.throwIfAborted();
    const picture = await load().catch(faultText);
    if (typeof picture === "string") {
      unreadable.push(`${name}: ${picture}`);
      continue;
    }
    const twin = known.get(picture.sourceSha256) ?? known.get(picture.pixelSha256);
    if (twin !== undefined) {
      repeated.push(`${name} is ${twin}`);
      continue;
    }
    known.set(picture.sourceSha256, name);
    known.set(picture.pixelSha256, name);
    pictures.push({ name, picture });
    const total = Math.min(options.numPictures, offered.length);
    progress.report({ activity: "draw pictures", done: pictures.length, total, unit: "pictures" });
  }
  requireSome(sources, { pictures, offered });
  return { pictures, numOffered: offered.length, unreadable, repeated };
}

interface OfferedPicture {
  readonly name: string;
  /** Rejects with a PictureFault where the file is no picture that can be used. */
  readonly load: () => Promise<StoredPicture>;
}

function faultText(error: unknown): string {
  if (error instanceof PictureFault) return error.message;
  throw error;
}

function requireSome(
  sources: readonly string[],
  found: { readonly pictures: readonly unknown[]; readonly offered: readonly unknown[] },
): void {
  if (found.pictures.length >= 2) return;
  throw new SourceError(
    `${sources.join(", ")}: ${found.pictures.length} different pictures that decode among ${found.offered.length} files; at least two are needed`,
    {
      remedy:
        "name a folder with pictures (.jpg, .png, .webp, .gif) of the kind that you audit, better some hundreds",
    },
  );
}

function isSet(source: string): boolean {
  return isRemote(source) || existsSync(join(source, INDEX_FILE));
}

async function picturesOfSet(
  reader: ShardSetReader,
  signal: AbortSignal,
): Promise<OfferedPicture[]> {
  const offered: OfferedPicture[] = [];
  for (const { name: split } of reader.index.splits) {
    let sceneIndex = 0;
    for await (const { pictures } of reader.split(split).heads(signal)) {
      const scene = sceneIndex;
      for (const [pictureIndex, { key }] of pictures.entries()) {
        const load = (): Promise<StoredPicture> => storedAt(reader, { split, scene, pictureIndex });
        offered.push({ name: `${split}/${scene}/${key}`, load });
      }
      sceneIndex += 1;
    }
  }
  return offered;
}

async function storedAt(
  reader: ShardSetReader,
  place: { readonly split: string; readonly scene: number; readonly pictureIndex: number },
): Promise<StoredPicture> {
  const split = reader.split(place.split);
  const { pictures } = await split.head(place.scene);
  const info = pictures[place.pictureIndex];
  if (info === undefined) throw new RangeError(`no picture ${place.pictureIndex}`);
  return { ...info, bytes: await split.pictureBytes(place.scene, place.pictureIndex) };
}

const PICTURE_FILE = /\.(?:jpe?g|jpe|jfif|png|webp|gif)$/i;

async function picturesOfFolder(
  folder: string,
  policy: PicturePolicy,
  opened: AsyncDisposableStack,
): Promise<OfferedPicture[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      throw new ConfigError(`${folder}: no folder that can be read (${errnoOf(error)})`, {
        file: folder,
        remedy: "name a folder of pictures, or a shard set",
        cause: error,
      });
    },
  );
  const pool = opened.use(new PicturePool({ sourceFolder: folder, policy, numWorkers: 1 }));
  return names
    .filter((entry) => entry.isFile() && PICTURE_FILE.test(entry.name))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
        .slice(join(folder, sep).length)
        .replaceAll(sep, "/");
      return { name: path, load: () => pool.store(referenceTo(path)) };
    });
}

function referenceTo(path: string): Parameters<PicturePool["store"]>[0] {
  return {
    key: imageKey("own", path),
    path,
    url: null,
    flickrPhotoId: null,
    license: null,
    linkedKeys: [],
  };
}
