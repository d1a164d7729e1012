import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../core/errors.ts";
import {
  type DatasetDownloads,
  type OfficialDownload,
  readDownloads,
  readPlaceholders,
} from "../../ingest/fetch/download-manifest.ts";
import type { FetchContext } from "../../ingest/fetch/fetch-context.ts";
import { FetchFolder } from "../../ingest/fetch/fetch-folder.ts";
import {
  fetchOfficialFiles,
  filesByHand,
  type HandFiles,
  type OfficialFile,
  plannedDownloads,
} from "../../ingest/fetch/official-files.ts";
import { pictureLimits, type WebPictureContext } from "../../ingest/fetch/web-picture.ts";
import {
  countPictures,
  fetchWebPictures,
  type PictureSummary,
} from "../../ingest/fetch/web-pictures.ts";
import { HostGate } from "../../ingest/network/host-gate.ts";
import { HttpClient } from "../../ingest/network/http-client.ts";
import { retryPolicy } from "../../core/network/retries.ts";
import { RobotsRules } from "../../ingest/network/robots.ts";
import type { CommandContext } from "../frame.ts";
import { systemClock } from "../../core/network/system-clock.ts";

/** All that the command line says of a fetch. */
export interface FetchCall {
  readonly datasets: readonly string[];
  readonly folder: string;
  readonly pictureLists: readonly string[];
  readonly withPictures: boolean;
  readonly removeArchives: boolean;
  readonly concurrency: number;
  readonly perHost: number;
  readonly mirror: URL | undefined;
  readonly trustNew: boolean;
  readonly retryFailed: boolean;
  readonly placeholders: string | undefined;
  readonly seed: number;
  readonly userAgent: string;
}

/** What a fetch did; the document of `--json`. */
export interface FetchReport {
  readonly folder: string;
  readonly files: readonly OfficialFile[];
  readonly byHand: readonly HandFiles[];
  readonly pictures: readonly PictureSummary[];
  /** Archives of pictures that were not asked for. */
  readonly picturesLeftOut: readonly string[];
}

/** One file that a fetch would get. */
interface PlannedFile {
  readonly url: string;
  readonly to: string;
  readonly sizeBytes: number | null;
  readonly isThere: boolean;
}

/** What a fetch would do; the document of `--dry-run --json`. */
export interface FetchPlan {
  readonly folder: string;
  /** Official files; none when the pictures of lists are asked for. */
  readonly planned: readonly PlannedFile[];
  readonly lists: readonly { readonly list: string; readonly numUrls: number }[];
  readonly byHand: readonly HandFiles[];
  readonly picturesLeftOut: readonly string[];
}

/** What would be fetched, without asking anybody. */
export async function planFetch(call: FetchCall): Promise<FetchPlan> {
  const datasets = await readAll(call);
  const { folder, pictureLists } = call;
  if (pictureLists.length > 0) {
    requireOneDataset(datasets, call);
    const paths = pictureLists.map((list) => findList(list, folder));
    const lists = await Promise.all(
      paths.map(async (list) => ({ list, numUrls: await countPictures([list]) })),
    );
    return { folder, planned: [], lists, byHand: [], picturesLeftOut: [] };
  }
  return {
    folder,
    planned: plannedDownloads(datasets, call).flatMap(([download]) =>
      download === undefined ? [] : [plannedFile(download, folder)],
    ),
    lists: [],
    byHand: filesByHand(datasets, folder),
    picturesLeftOut: picturesLeftOut(datasets, call),
  };
}

function plannedFile({ url, to, sizeBytes }: OfficialDownload, folder: string): PlannedFile {
  return { url, to, sizeBytes: sizeBytes ?? null, isThere: existsSync(join(folder, to)) };
}

/** Fetches official files, or the pictures of lists when there are any. */
export async function runFetch(call: FetchCall, context: CommandContext): Promise<FetchReport> {
  const datasets = await readAll(call);
  using folder = await FetchFolder.open(call.folder);
  const { progress, signal } = context;
  const clock = systemClock;
  const { concurrency, perHost, mirror, trustNew, seed, userAgent } = call;
  // Only the mirror, which the user has named, may be in a private network; a list's URLs never.
  const trustedOrigins = new Set(mirror === undefined ? [] : [mirror.origin]);
  await using client = new HttpClient({
    trustedOrigins,
    connectionsPerOrigin: perHost,
    clock,
    userAgent,
  });
  const gate = new HostGate({ concurrency, perHost, clock, signal });
  const shared: FetchContext = {
    folder,
    client,
    gate,
    clock,
    retries: retryPolicy,
    seed,
    trustNew,
    mirror,
    progress,
    signal,
  };
  const pictures = call.pictureLists.length === 0 ? [] : [await picturesOf(datasets, call, shared)];
  const files = pictures.length === 0 ? await fetchOfficialFiles(datasets, shared, call) : [];
  return {
    folder: call.folder,
    files,
    byHand: pictures.length === 0 ? filesByHand(datasets, call.folder) : [],
    pictures,
    picturesLeftOut: pictures.length === 0 ? picturesLeftOut(datasets, call) : [],
  };
}

function readAll({ datasets }: FetchCall): Promise<DatasetDownloads[]> {
  return Promise.all([...new Set(datasets)].map((dataset) => readDownloads(dataset)));
}

function picturesLeftOut(
  datasets: readonly DatasetDownloads[],
  { withPictures }: FetchCall,
): readonly string[] {
  if (withPictures) return [];
  const archives = datasets.flatMap(({ downloads }) =>
    downloads.filter(({ holds }) => holds === "pictures").map(({ to }) => to),
  );
  return [...new Set(archives)];
}

async function picturesOf(
  datasets: readonly DatasetDownloads[],
  call: FetchCall,
  shared: FetchContext,
): Promise<PictureSummary> {
  const dataset = requireOneDataset(datasets, call);
  const { client, gate, clock, signal } = shared;
  const context: WebPictureContext = {
    ...shared,
    robots: new RobotsRules({ client, gate, clock, limits: pictureLimits, signal }),
    placeholders: await readPlaceholders(call.placeholders),
    trustedOrigins: new Set(),
    picturesFolder: `${dataset.folder}/pictures`,
  };
  return fetchWebPictures(context, {
    dataset: dataset.dataset,
    lists: call.pictureLists.map((list) => findList(list, call.folder)),
    retryFailed: call.retryFailed,
    lookAhead: 32 * call.concurrency,
  });
}

function requireOneDataset(
  [dataset, ...others]: readonly DatasetDownloads[],
  { mirror }: FetchCall,
): DatasetDownloads {
  if (dataset !== undefined && others.length === 0 && mirror === undefined) return dataset;
  throw new ConfigError("--pictures takes one dataset, and no --mirror", {
    remedy: "fetch the pictures of one dataset at a time, from where their URLs point",
  });
}

/** A list may be named from here or from the folder that is fetched to. */
function findList(list: string, folder: string): string {
  const found = [list, join(folder, list)].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new ConfigError(`there is no list ${list}, neither here nor in ${folder}`, {
    file: list,
    remedy: "fetch the dataset's own files first, or check the path",
  });
}

/** 24 when the same command may get more, 23 when something is missing for good, 0 otherwise. */
export function exitCodeOf({ files, byHand, pictures }: FetchReport): number {
  const isLater =
    files.some(({ failure }) => failure?.isFinal === false) ||
    pictures.some(({ numLater }) => numLater > 0);
  if (isLater) return 24;
  const isMissing =
    files.some(
      ({ failure, unpacked }) => failure !== undefined || (unpacked?.numLeftOut ?? 0) > 0,
    ) || byHand.some(({ missing }) => missing.length > 0);
  return isMissing ? 23 : 0;
}
