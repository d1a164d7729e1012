import { join } from "node:path";
import sharp from "sharp";
import { sha256 } from "../../../src/core/digest.ts";
import type { ImageKey } from "../../../src/core/keys.ts";
import type { SceneText, SplitRole, StoredPicture } from "../../../src/core/records.ts";
import { writeLedger } from "../../../src/shards/ledger.ts";
import { commitIndex, type SplitEntry } from "../../../src/shards/shard-set-index.ts";
import { SplitWriter } from "../../../src/shards/split-writer.ts";
import { madeUpPicture } from "../../shards/scenes.ts";

/** A scene of one picture. */
export interface MadeScene {
  readonly picture: StoredPicture;
  readonly texts?: readonly SceneText[];
}

/** A split's role and its scenes. */
export type MadeSplit = readonly [SplitRole, Iterable<MadeScene>];

/** A stored JPEG, with the digests that its bytes and pixels have. */
export async function storedPicture(key: ImageKey, bytes: Buffer): Promise<StoredPicture> {
  const { data, info } = await sharp(bytes)
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return {
    ...madeUpPicture(0),
    key,
    path: `made/${sha256(bytes)}.jpg`,
    width,
    height,
    sourceWidth: width,
    sourceHeight: height,
    sourceSizeBytes: bytes.length,
    sha256: sha256(bytes),
    sourceSha256: sha256(bytes),
    pixelSha256: sha256(data),
    url: null,
    flickrPhotoId: null,
    license: null,
    linkedKeys: [],
    notes: [],
    bytes,
  };
}

/** Writes a finished set without a ledger. */
export async function writeMadeSet(
  folder: string,
  name: string,
  splits: Readonly<Record<string, MadeSplit>>,
): Promise<void> {
  const set = join(folder, name);
  const entries: SplitEntry[] = [];
  for (const [split, [role, scenes]] of Object.entries(splits)) {
    await using writer = await SplitWriter.create({ folder: set, split, role });
    for (const { picture, texts = [] } of scenes) {
      await writer.append({ sceneKey: picture.key, pictures: [picture], texts, regions: null });
    }
    entries.push(await writer.finish());
  }
  await commitIndex(set, {
    format: "crossweave-shards",
    version: 1,
    name,
    recipe: {},
    partial: false,
    splits: entries,
    counts: [],
    sources: [],
    ledger: await writeLedger(set, []),
  });
}
