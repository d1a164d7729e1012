import { join } from "node:path";
import {
  decodeListing,
  encodeListing,
  LISTING_VERSION,
} from "../../audit/listing/listing-bytes.ts";
import { ListingBuilder } from "../../audit/listing/list-pictures.ts";
import type { HashOfPicture, PictureListing } from "../../audit/listing/picture-listing.ts";
import type { ShardEntry } from "../../shards/shard-set-index.ts";
import type { SceneRange, SplitReader } from "../../shards/shard-set-reader.ts";
import type { KeptFiles } from "./kept-files.ts";

/** A split whose pictures are listed. */
export interface ListedShards {
  readonly split: SplitReader;
  readonly shards: readonly Pick<ShardEntry, "numScenes" | "sha256">[];
  /** The perceptual hashes of a shard's pictures; those that the set has unless given. */
  readonly hashes?: ((shardIndex: number) => Promise<HashOfPicture>) | undefined;
}

/**
 * The pictures of a split, shard by shard. What a shard's pictures are called is read from it once, and then known by its
 * digest: of an audit of a few new shards beside many old ones only the new ones are read.
 */
export async function* keptListings(
  { hashes, shards, split }: ListedShards,
  { kept, signal }: { readonly kept: KeptFiles; readonly signal: AbortSignal },
): AsyncGenerator<PictureListing> {
  let first = 0;
  for (const [shardIndex, { numScenes, sha256 }] of shards.entries()) {
    signal.throwIfAborted();
    const path = join(`listings-${LISTING_VERSION}`, sha256);
    const bytes = await kept.readSealed(path);
    const scenes = { first, end: first + numScenes };
    first = scenes.end;
    let listing = bytes === undefined ? undefined : decodeListing(bytes);
    if (listing === undefined) {
      listing = await listScenes(split, scenes, signal);
      await kept.writeSealed(path, encodeListing(listing));
    }
    yield hashes === undefined ? listing : listing.withHashes(await hashes(shardIndex));
  }
}

async function listScenes(
  split: SplitReader,
  scenes: SceneRange,
  signal: AbortSignal,
): Promise<PictureListing> {
  const builder = new ListingBuilder();
  for await (const head of split.heads(signal, scenes)) builder.add(head);
  return builder.finish();
}
