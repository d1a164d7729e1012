// A thread of an audit: reads stored pictures, decodes each once, hashes and compares them: see near-threads.ts.
import { strict as assert } from "node:assert";
import { parentPort, workerData } from "node:worker_threads";
import { recordedViews } from "../../audit/near/near-settings.ts";
import type { PixelScore } from "../../audit/near/near-findings.ts";
import { pictureRecord, repeatedRecord } from "../../audit/near/picture-records.ts";
import { alignmentOfViews } from "../../audit/perceptual/alignment.ts";
import { PdqHasher, type RgbPicture } from "../../audit/perceptual/pdq.ts";
import {
  type ComparedPicture,
  comparedPicture,
  PairVerifier,
} from "../../audit/perceptual/verify-pair.ts";
import { ShardError } from "../../core/errors.ts";
import type { PictureInfo } from "../../core/records.ts";
import { faultOf } from "../../loader/workers/thread-faults.ts";
import { AreaDecoder } from "../../pixels/area-decoder.ts";
import { ListedSet } from "../../shards/reading/listed-set.ts";
import type { SplitReader } from "../../shards/shard-set-reader.ts";
import type {
  HashTask,
  NearReply,
  NearRequest,
  NearThreadStart,
  PairToCompare,
  StoredPlace,
} from "./near-threads.ts";

assert(parentPort !== null, "near-thread runs as a worker thread");
const port = parentPort;
const { listings }: NearThreadStart = workerData;
const sets = new Map<number, Promise<ListedSet>>();
const decoder = AreaDecoder.load();
const hasher = new PdqHasher();
const verifier = new PairVerifier();

/** Small versions of pictures that were compared, 80 KB each: a picture is often in several pairs in a row. */
const MAX_COMPARED_PICTURES = 256;
const comparedPictures = new Map<string, ComparedPicture>();

/** Records of pictures that were hashed, by what decoding depends on: where a set holds one picture often, it is often near. */
const MAX_KNOWN_RECORDS = 64;
const knownRecords = new Map<string, Uint8Array>();

let last: Promise<void> = Promise.resolve();
port.on("message", (request: NearRequest) => {
  // One after the other: the hasher's memory is for one picture at a time.
  last = last.then(() => answer(request));
});

async function answer(request: NearRequest): Promise<void> {
  try {
    const reply = await replyTo(request);
    port.postMessage(reply, reply.kind === "hashed" ? [reply.records.buffer] : []);
  } catch (error) {
    const reply: NearReply = { kind: "failed", id: request.id, fault: faultOf(error) };
    port.postMessage(reply);
  }
}

async function replyTo(request: NearRequest): Promise<NearReply> {
  const { id } = request;
  if (request.kind === "hash") return { kind: "hashed", id, records: await hashScenes(request) };
  const scores: PixelScore[] = [];
  for (const pair of request.pairs) scores.push(await comparePair(pair));
  return { kind: "compared", id, scores };
}

async function hashScenes(task: HashTask): Promise<Uint8Array<ArrayBuffer>> {
  const { firstScene, numScenes, shardStart, recordKind } = task;
  const split = await splitOf(task);
  const records: Uint8Array[] = [];
  for (let scene = firstScene; scene < firstScene + numScenes; scene += 1) {
    const { pictures } = await split.head(scene);
    for (const [pictureIndex, info] of pictures.entries()) {
      const known = { sceneIndex: scene, pictureIndex, info };
      // Checked against the digest in its row, also where nothing of it is decoded.
      const bytes = await split.pictureBytes(scene, pictureIndex);
      const name = `${recordKind} ${info.sha256} ${info.orientation}`;
      const record =
        knownRecords.get(name) ??
        pictureRecord(hasher, recordKind, { ...known, pixels: await decoded(split, bytes, known) });
      remember(name, record);
      records.push(repeatedRecord(record, { ...known, sceneIndex: scene - shardStart }));
    }
  }
  return joined(records);
}

function remember(name: string, record: Uint8Array): void {
  knownRecords.delete(name);
  knownRecords.set(name, record);
  const [oldest] = knownRecords.keys();
  if (knownRecords.size > MAX_KNOWN_RECORDS && oldest !== undefined) knownRecords.delete(oldest);
}

async function comparePair({
  train,
  eval: evalPlace,
  trainView,
  evalView,
}: PairToCompare): Promise<PixelScore> {
  const [onto, of] = [recordedViews.bank[evalView], recordedViews.passing[trainView]];
  assert(onto !== undefined && of !== undefined, "views that are recorded");
  const suggested = alignmentOfViews(onto, of);
  const protectedPicture = await comparedAt(evalPlace);
  const verification = verifier.verify(protectedPicture, await comparedAt(train), suggested);
  const { agreement, score, verdict } = verification;
  return { isVerified: verdict === "verified", correlation: score, agreement };
}

async function comparedAt(place: StoredPlace): Promise<ComparedPicture> {
  const { setIndex, split: name, sceneIndex, pictureIndex } = place;
  const key = `${setIndex} ${name} ${sceneIndex} ${pictureIndex}`;
  const known = comparedPictures.get(key) ?? (await readCompared(place));
  comparedPictures.delete(key);
  comparedPictures.set(key, known);
  const [oldest] = comparedPictures.keys();
  if (comparedPictures.size > MAX_COMPARED_PICTURES && oldest !== undefined) {
    comparedPictures.delete(oldest);
  }
  return known;
}

async function readCompared(place: StoredPlace): Promise<ComparedPicture> {
  const { sceneIndex, pictureIndex } = place;
  const split = await splitOf(place);
  const info = (await split.head(sceneIndex)).pictures[pictureIndex];
  assert(info !== undefined, "a picture that was hashed");
  // Checked against the digest in its row.
  const bytes = await split.pictureBytes(sceneIndex, pictureIndex);
  return comparedPicture(await decoded(split, bytes, { sceneIndex, pictureIndex, info }));
}

interface KnownPicture {
  readonly sceneIndex: number;
  readonly pictureIndex: number;
  readonly info: PictureInfo;
}

async function decoded(
  split: SplitReader,
  bytes: Uint8Array,
  { sceneIndex, pictureIndex, info }: KnownPicture,
): Promise<RgbPicture> {
  const { width, height, orientation, key } = info;
  try {
    return await (await decoder).decodeWhole(bytes, { stored: { width, height }, orientation });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ShardError(`${key} of split ${split.name} does not decode: ${reason}`, {
      record: `scene ${sceneIndex}, picture ${pictureIndex}`,
      remedy: "prepare the set again; its pictures were all decoded then",
      cause: error,
    });
  }
}

async function splitOf({
  setIndex,
  split,
}: {
  readonly setIndex: number;
  readonly split: string;
}): Promise<SplitReader> {
  const known = sets.get(setIndex);
  if (known !== undefined) return (await known).split(split);
  const listing = listings[setIndex];
  assert(listing !== undefined, "a set that was listed");
  const opening = ListedSet.open(listing);
  sets.set(setIndex, opening);
  return (await opening).split(split);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
