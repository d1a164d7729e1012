// The library: reading and writing shard sets, streaming batches, auditing splits. Training needs the
// TensorFlow runtime (crossweave setup) and is reached through the command line.

export { auditSplits } from "./audit/audit-splits.ts";
export type { AuditedSplit, AuditVerdict, Leak } from "./audit/verdict.ts";
export {
  ConfigError,
  CrossweaveError,
  IncompleteError,
  LeakError,
  RefusedError,
  RuntimeMissingError,
  ShardError,
  SourceError,
  StateError,
} from "./core/errors.ts";
export { flickrPhotoId, imageKey, parseImageKey, type ImageKey } from "./core/keys.ts";
export type {
  LedgerEntry,
  PictureInfo,
  RecordCounts,
  Scene,
  SceneHead,
  SceneText,
  SplitRole,
} from "./core/records.ts";
export { BatchLoader } from "./loader/batch-loader.ts";
export {
  type LoaderState,
  parseLoaderState,
  serializeLoaderState,
} from "./loader/batching/loader-state.ts";
export type { DeliveredBatch, FailedBatch, SkippedInBatch } from "./loader/measuring/channels.ts";
export type { Batch, LoaderOptions } from "./loader/options.ts";
export { WordPieceTokenizer } from "./loader/text/word-piece.ts";
export { readLedger, writeLedger } from "./shards/ledger.ts";
export { commitIndex, readIndex, type ShardSetIndex } from "./shards/shard-set-index.ts";
export { ShardSetReader, type SplitReader } from "./shards/shard-set-reader.ts";
export { SplitWriter } from "./shards/split-writer.ts";
export { validateShardSet } from "./shards/validation/validate-shard-set.ts";
