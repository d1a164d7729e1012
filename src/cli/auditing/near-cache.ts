import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import {
  CANDIDATE_VERSION,
  type NearSettings,
  type RecordKind,
  RECORD_VERSION,
  VERIFICATION_VERSION,
} from "../../audit/near/near-settings.ts";
import { recordBytes } from "../../audit/near/picture-records.ts";
import type { ShardCandidates } from "../../audit/near/shard-candidates.ts";
import type { PixelScore } from "../../audit/near/near-findings.ts";
import { canonicalJson, type JsonValue } from "../../core/digest.ts";
import { KeptFiles } from "../audit-memory/kept-files.ts";

/** The scores of the pairs of one training shard, by `pairName`. */
export type KnownScores = Map<string, PixelScore>;

/** What was found between a training shard and evaluation shards, by the digests of these. */
export type KnownCandidates = ReadonlyMap<string, ShardCandidates>;

/** The members of candidates, one after the other. */
const candidatesSchema = z.object({
  shards: z.record(
    z.string(),
    z.object({
      candidates: z.array(z.tuple([z.int(), z.int(), z.int(), z.int(), z.int()])),
      numUncompared: z.int(),
    }),
  ),
  sha256: z.string(),
});

const scoresSchema = z.object({
  scores: z.record(z.string(), z.tuple([z.boolean(), z.number(), z.number()])),
  sha256: z.string(),
});

/**
 * What audits have computed of shards' pictures, in the cache folder: records by the shard's digest, candidates and scores
 * of pairs by that of the training shard. Each file is written whole or not at all and carries its SHA-256; one that is damaged counts
 * as missing. A new version of a method has files of its own.
 */
export class NearCache {
  readonly #files: KeptFiles;

  constructor(signal: AbortSignal, folder?: string) {
    this.#files = new KeptFiles(signal, folder);
  }

  /** The records of a shard, or undefined when they have to be made. */
  async readRecords(shardSha256: string, kind: RecordKind): Promise<Uint8Array | undefined> {
    const content = await this.#files.readSealed(recordsPath(shardSha256, kind));
    return content === undefined || content.length % recordBytes(kind) !== 0 ? undefined : content;
  }

  async writeRecords(shardSha256: string, kind: RecordKind, records: Uint8Array): Promise<void> {
    await this.#files.writeSealed(recordsPath(shardSha256, kind), records);
  }

  /** What is known of a training shard from searches with these settings. */
  async readCandidates(shardSha256: string, settings: NearSettings): Promise<KnownCandidates> {
    const bytes = await this.#files.read(candidatesPath(shardSha256, settings));
    const parsed = candidatesSchema.safeParse(parsedJson(bytes?.toString("utf8") ?? ""));
    if (!parsed.success || contentDigest(parsed.data.shards) !== parsed.data.sha256)
      return new Map();
    return new Map(
      Object.entries(parsed.data.shards).map(([sha256, { candidates, numUncompared }]) => {
        const members = candidates.map(([train, evaluated, distanceBits, trainView, evalView]) => ({
          train,
          eval: evaluated,
          distanceBits,
          trainView,
          evalView,
        }));
        return [sha256, { candidates: members, numUncompared }];
      }),
    );
  }

  async writeCandidates(
    shardSha256: string,
    settings: NearSettings,
    known: KnownCandidates,
  ): Promise<void> {
    const shards = Object.fromEntries(
      [...known].map(([sha256, { candidates, numUncompared }]) => {
        const rows = Array.from(candidates, (of) => [
          of.train,
          of.eval,
          of.distanceBits,
          of.trainView,
          of.evalView,
        ]);
        return [sha256, { candidates: rows, numUncompared }] as const;
      }),
    );
    const text = canonicalJson({ shards, sha256: contentDigest(shards) });
    await this.#files.write(candidatesPath(shardSha256, settings), text);
  }

  /** What is known of pairs whose training picture is in a shard. */
  async readScores(shardSha256: string): Promise<KnownScores> {
    const bytes = await this.#files.read(scoresPath(shardSha256));
    const parsed = scoresSchema.safeParse(parsedJson(bytes?.toString("utf8") ?? ""));
    if (!parsed.success || contentDigest(parsed.data.scores) !== parsed.data.sha256)
      return new Map();
    return new Map(
      Object.entries(parsed.data.scores).map(([name, [isVerified, correlation, agreement]]) => [
        name,
        { isVerified, correlation, agreement },
      ]),
    );
  }

  async writeScores(shardSha256: string, known: KnownScores): Promise<void> {
    const scores = Object.fromEntries(
      [...known].map(([name, { isVerified, correlation, agreement }]) => [
        name,
        [isVerified, correlation, agreement] as const,
      ]),
    );
    const text = canonicalJson({ scores, sha256: contentDigest(scores) });
    await this.#files.write(scoresPath(shardSha256), text);
  }
}

function recordsPath(shardSha256: string, kind: RecordKind): string {
  return join(`records-${RECORD_VERSION}`, `${shardSha256}.${kind}`);
}

function candidatesPath(shardSha256: string, settings: NearSettings): string {
  const { wholeDistance, windowDistance, windows } = settings;
  const search = [wholeDistance, windowDistance, windows].join("-");
  const version = `candidates-${RECORD_VERSION}-${CANDIDATE_VERSION}`;
  return join(version, `${shardSha256}.${search}.json`);
}

function scoresPath(shardSha256: string): string {
  return join(`scores-${RECORD_VERSION}-${VERIFICATION_VERSION}`, `${shardSha256}.json`);
}

function contentDigest(content: JsonValue): string {
  return createHash("sha256").update(canonicalJson(content)).digest("hex");
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
