import type { RecordKind } from "../../../src/audit/near/near-settings.ts";
import { recordedViews } from "../../../src/audit/near/near-settings.ts";
import { encodeRecord } from "../../../src/audit/near/picture-records.ts";
import { RecordSide } from "../../../src/audit/near/record-side.ts";
import { sha256 } from "../../../src/core/digest.ts";
import { randomHashes } from "../hamming/made-up-hashes.ts";

/** A picture as its hashes: one for each view, or one that all views have. */
export interface MadeUpPicture {
  readonly pixels: string;
  readonly hashes: readonly Uint8Array[];
  readonly quality?: number;
}

/** A random hash for each view of a kind. */
export function madeUpHashes(kind: RecordKind, seed: number): readonly Uint8Array[] {
  const all = randomHashes(recordedViews[kind].length, seed);
  return recordedViews[kind].map((_, view) => all.slice(view * 32, (view + 1) * 32));
}

/** `hash` with its first bits changed. */
export function moved(hash: Uint8Array, distance: number): Uint8Array {
  const other = hash.slice();
  for (let bit = 0; bit < distance; bit += 1) {
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }
  return other;
}

/** A side whose shards have so many pictures each. */
export async function madeUpSide(
  kind: RecordKind,
  pictures: readonly MadeUpPicture[],
  perShard = 3,
): Promise<RecordSide> {
  const shards = Array.from({ length: Math.ceil(pictures.length / perShard) }, (_, at) =>
    Buffer.concat(
      pictures.slice(at * perShard, (at + 1) * perShard).map((picture, row) =>
        encodeRecord({
          sceneIndex: row,
          pictureIndex: 0,
          pixels: Buffer.from(sha256(picture.pixels), "hex").subarray(0, 16),
          hashes: picture.hashes.map((hash) => ({ hash, quality: picture.quality ?? 100 })),
        }),
      ),
    ),
  );
  const read = (shardIndex: number): Promise<Uint8Array> =>
    Promise.resolve(shards[shardIndex] ?? new Uint8Array());
  return RecordSide.open({ kind, numShards: shards.length, read }, () => undefined);
}
