import { sha256 } from "../../core/digest.ts";
import { recordedViews } from "../near/near-settings.ts";
import { PictureRecords, recordBytes } from "../near/picture-records.ts";
import type { RecordSource } from "../near/record-side.ts";
import { HASH_BYTES } from "../perceptual/hash.ts";

/** Bytes of the views of one picture: for each a quality, then for each a hash. */
export const VIEWS_BYTES: number = recordedViews.bank.length * (1 + HASH_BYTES);
/** What stands before them in a record: where the picture stands, and what names its pixels. */
const HEAD_BYTES = recordBytes("bank") - VIEWS_BYTES;
const PIXELS_AT = 8;

/** The views of each picture of a shard's records, in their order: what of them may be told to others. */
export function* viewsOfRecords(records: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < records.byteLength; start += HEAD_BYTES + VIEWS_BYTES) {
    yield records.subarray(start + HEAD_BYTES, start + HEAD_BYTES + VIEWS_BYTES);
  }
}

/** The record of a hidden picture, in which its number stands for its scene; without views nothing can be compared. */
export function hiddenRecord(
  row: number,
  { pixels, views }: { readonly pixels: string; readonly views: Uint8Array | null },
): Uint8Array {
  const record = new Uint8Array(HEAD_BYTES + VIEWS_BYTES);
  new DataView(record.buffer).setUint32(0, row, true);
  const identity = Buffer.from(sha256(`hidden ${pixels}`), "hex");
  record.set(identity.subarray(0, HEAD_BYTES - PIXELS_AT), PIXELS_AT);
  if (views !== null) record.set(views, HEAD_BYTES);
  return record;
}

/** One record as `PictureRecords` reads it. */
export function readRecord(record: Uint8Array): PictureRecords {
  return new PictureRecords("bank", record);
}

/** The records of hidden pictures as one side of a search. */
export function hiddenSource(records: readonly Uint8Array[]): RecordSource {
  const bytes = Buffer.concat(records);
  return { kind: "bank", numShards: 1, read: () => Promise.resolve(new Uint8Array(bytes)) };
}
