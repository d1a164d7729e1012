import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256 } from "../../core/digest.ts";
import { mixSeed } from "../../core/random.ts";
import { hostOf, requireFetchable } from "../network/address-rules.ts";
import { requireStatus } from "../network/http-client.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import type { RequestLimits } from "../../core/network/request-watch.ts";
import { withRetries } from "../../core/network/retries.ts";
import { requireOptIn, type RobotsRules } from "../network/robots.ts";
import { PictureFault } from "../pictures/picture-fault.ts";
import { type PictureFormat, sniffFormat } from "../pictures/picture-format.ts";
import type { Placeholders } from "./download-manifest.ts";
import type { FetchContext } from "./fetch-context.ts";
import { mismatch } from "./file-digests.ts";
import type { ListedPicture } from "./picture-list.ts";

/** A picture of the web is small, or it is not fetched. */
export const pictureLimits: RequestLimits = {
  headersTimeoutMs: 20_000,
  idleTimeoutMs: 15_000,
  totalTimeoutMs: 90_000,
  minBytesPerSecond: 1024,
  speedWindowMs: 20_000,
  maxBytes: 32 * 2 ** 20,
};

export interface WebPictureContext extends FetchContext {
  readonly robots: RobotsRules;
  readonly placeholders: Placeholders;
  /** Origins of a test's own servers; empty otherwise. */
  readonly trustedOrigins: ReadonlySet<string>;
  /** Where the pictures go, below the folder that is fetched to. */
  readonly picturesFolder: string;
}

export interface StoredPicture {
  /** Path below the folder that is fetched to. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

const EXTENSIONS: Readonly<Record<PictureFormat, string>> = {
  jpeg: "jpg",
  png: "png",
  webp: "webp",
  gif: "gif",
};

/**
 * Fetches one picture of a list, if its server and its publisher allow it, and stores it under the
 * digest of its URL. `knownSha256` is what it was before. Throws NetFault, or PictureFault for content
 * that is no picture.
 */
export async function fetchWebPicture(
  { url: text }: ListedPicture,
  knownSha256: string | undefined,
  context: WebPictureContext,
): Promise<StoredPicture> {
  const { clock, gate, retries, seed, signal } = context;
  const url = requireFetchable(text, context.trustedOrigins);
  const host = hostOf(url);
  const urlSha256 = sha256(text);
  const attempt = (): Promise<Buffer> => gate.run(host, () => contentOf(text, context));
  const bytes = await withRetries(attempt, {
    policy: retries,
    clock,
    randomKey: [seed, mixSeed(Number.parseInt(urlSha256.slice(0, 8), 16))],
    signal,
    onWait: (fault, delayMs) => {
      // A server that is busy is so for all of its pictures.
      if (fault.code === "NET_BUSY") gate.pause(host, delayMs);
    },
  });
  const found = requirePicture(bytes, context.placeholders);
  if (knownSha256 !== undefined && knownSha256 !== found.sha256 && !context.trustNew)
    throw mismatch(`it changed: SHA-256 ${found.sha256}, not ${knownSha256}`);
  const name = `${urlSha256.slice(0, 2)}/${urlSha256}.${EXTENSIONS[found.format]}`;
  const path = `${context.picturesFolder}/${name}`;
  await writePicture(join(context.folder.path, path), bytes);
  return { path, sizeBytes: bytes.length, sha256: found.sha256 };
}

async function contentOf(text: string, context: WebPictureContext): Promise<Buffer> {
  const { client, clock, robots, placeholders, signal } = context;
  using response = await client.get(text, {
    limits: pictureLimits,
    mayVisit: (url) => robots.requireAllowed(url),
    signal,
  });
  if (placeholders.paths.some((part) => response.url.pathname.includes(part)))
    throw new NetFault("NET_PLACEHOLDER", `the server led to ${response.url.pathname}`);
  requireStatus(response, [200], clock);
  requireOptIn(response);
  const chunks: Buffer[] = [];
  for await (const chunk of response.decodedBody()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function requirePicture(
  bytes: Buffer,
  placeholders: Placeholders,
): { readonly format: PictureFormat; readonly sha256: string } {
  const digest = sha256(bytes);
  if (placeholders.sha256.has(digest))
    throw new NetFault("NET_PLACEHOLDER", "it is a placeholder that is known");
  try {
    return { format: sniffFormat(bytes), sha256: digest };
  } catch (error) {
    const isPage = /^\s*(?:<!doctype html|<html)/i.test(bytes.toString("latin1", 0, 512));
    if (!isPage || !(error instanceof PictureFault)) throw error;
    throw new NetFault("NET_PLACEHOLDER", "an HTML page came in place of the picture");
  }
}

async function writePicture(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.part`;
  await rm(unfinished, { force: true });
  try {
    await writeFile(unfinished, bytes, { flag: "wx", flush: true });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
