import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ArchiveFault, type Unpacking } from "../archives/archive-fault.ts";
import { unpackArchive } from "../archives/unpack.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import { downloadFile, type FetchedFile } from "./download-file.ts";
import type { ByHand, DatasetDownloads, OfficialDownload } from "./download-manifest.ts";
import { type FetchContext, TransferMeter } from "./fetch-context.ts";
import { requireFreeSpace } from "./free-space.ts";

/** Why a file or an archive is not there as it should be. */
interface FetchFailure {
  readonly code: string;
  readonly message: string;
  /** Whether the same command would fail again. */
  readonly isFinal: boolean;
}

/** What became of one official file. */
export interface OfficialFile {
  readonly url: string;
  readonly to: string;
  readonly fetched: FetchedFile | undefined;
  readonly unpacked: Unpacking | undefined;
  readonly failure: FetchFailure | undefined;
}

/** Files that a person has to get, and whether they are there. */
export interface HandFiles extends ByHand {
  readonly dataset: string;
  readonly missing: readonly string[];
}

export interface OfficialOptions {
  /** Fetch the publishers' picture archives, too. */
  readonly withPictures: boolean;
  /** Remove archives once they are unpacked. */
  readonly removeArchives: boolean;
}

/** The downloads of several datasets; one that two datasets name is there once, with all it is unpacked for. */
export function plannedDownloads(
  datasets: readonly DatasetDownloads[],
  { withPictures }: Pick<OfficialOptions, "withPictures">,
): (readonly OfficialDownload[])[] {
  const downloads = datasets
    .flatMap((dataset) => dataset.downloads)
    .filter(({ holds }) => withPictures || holds === "annotations");
  return [...Map.groupBy(downloads, ({ url }) => url).values()];
}

/** The files of these datasets that only a person can get. */
export function filesByHand(
  datasets: readonly DatasetDownloads[],
  folder: string,
): readonly HandFiles[] {
  return datasets.flatMap(({ dataset, byHand }) =>
    byHand.map((hand) => ({
      ...hand,
      dataset,
      missing: hand.files.filter((file) => !isInFolder(folder, file)),
    })),
  );
}

function isInFolder(folder: string, file: string): boolean {
  return ["", ".gz", ".zip"].some((ending) => existsSync(join(folder, `${file}${ending}`)));
}

/**
 * Fetches and unpacks the official files of these datasets. A file that fails keeps no other from being
 * fetched. Throws IncompleteError when the disk has too little room, and the abort reason.
 */
export async function fetchOfficialFiles(
  datasets: readonly DatasetDownloads[],
  context: FetchContext,
  options: OfficialOptions,
): Promise<readonly OfficialFile[]> {
  const planned = plannedDownloads(datasets, options);
  const meter = new TransferMeter(context.progress, "fetching");
  await requireRoom(planned, context, meter);
  const stop = new AbortController();
  const signal =
    context.signal === undefined ? stop.signal : AbortSignal.any([context.signal, stop.signal]);
  const shared = { context: { ...context, signal }, meter, unpacking: new Turns(), options };
  const results = await Promise.allSettled(
    planned.map((downloads) =>
      fetchOne(downloads, shared).catch((error: unknown) => {
        stop.abort(error);
        throw error;
      }),
    ),
  );
  context.signal?.throwIfAborted();
  return results.map((result) => {
    if (result.status === "fulfilled") return result.value;
    throw stop.signal.reason;
  });
}

/** Compares what is known to be coming with the room on the disk: archives, and at least as much unpacked. */
async function requireRoom(
  planned: readonly (readonly OfficialDownload[])[],
  context: FetchContext,
  meter: TransferMeter,
): Promise<void> {
  let neededBytes = 0;
  for (const [download] of planned) {
    const { sizeBytes, to, unpack } = download ?? {};
    if (sizeBytes === undefined || to === undefined) continue;
    const path = join(context.folder.path, to);
    if (existsSync(path)) continue;
    meter.expect(sizeBytes);
    const partBytes = await stat(`${path}.part`).then(
      ({ size }) => size,
      () => 0,
    );
    neededBytes += sizeBytes * (unpack === undefined ? 1 : 2) - partBytes;
  }
  await requireFreeSpace(context.folder.path, neededBytes);
}

interface Shared {
  readonly context: FetchContext;
  readonly meter: TransferMeter;
  readonly unpacking: Turns;
  readonly options: OfficialOptions;
}

/** Lets one task go after the other. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task, task);
    this.#last = turn;
    return turn;
  }
}

async function fetchOne(
  downloads: readonly OfficialDownload[],
  shared: Shared,
): Promise<OfficialFile> {
  const [download] = downloads;
  if (download === undefined) throw new RangeError("a group of downloads is never empty");
  const { url, to } = download;
  const wasRemoved = removedBefore(downloads, shared.context);
  if (wasRemoved) return { url, to, fetched: undefined, unpacked: undefined, failure: undefined };
  let fetched: FetchedFile | undefined;
  let unpacked: Unpacking | undefined;
  try {
    fetched = await downloadFile(download, shared.context, shared.meter);
    for (const each of downloads) {
      if (each.unpack === undefined) continue;
      const file = fetched;
      const added = await shared.unpacking.take(() => unpackOne(each, file, shared.context));
      unpacked = unpacked === undefined ? added : sumOf(unpacked, added);
    }
  } catch (error) {
    const failure = await failureOf(error, download, shared.context);
    return { url, to, fetched, unpacked, failure };
  }
  if (unpacked?.numLeftOut === 0 && shared.options.removeArchives)
    await rm(join(shared.context.folder.path, to), { force: true });
  return { url, to, fetched, unpacked, failure: undefined };
}

/** Whether an archive is gone because it was unpacked and then removed as the user wished. */
function removedBefore(downloads: readonly OfficialDownload[], { folder }: FetchContext): boolean {
  return downloads.every(({ url, to, unpack }) => {
    if (unpack === undefined || existsSync(join(folder.path, to))) return false;
    const recorded = folder.records.fileOf(url);
    return recorded !== undefined && folder.records.isUnpacked(recorded.sha256, targetOf(unpack));
  });
}

type Unpack = NonNullable<OfficialDownload["unpack"]>;

function targetOf({ to, members }: Unpack): string {
  return JSON.stringify([to, members ?? "all"]);
}

async function unpackOne(
  { to, unpack }: OfficialDownload,
  fetched: FetchedFile,
  { folder, progress, signal }: FetchContext,
): Promise<Unpacking> {
  if (unpack === undefined) throw new RangeError("only archives are unpacked");
  const { members } = unpack;
  const unpacked = await unpackArchive(join(folder.path, to), {
    folder: join(folder.path, unpack.to),
    wants: members === undefined ? undefined : (path) => members.some((name) => isOf(path, name)),
    knownComplete: folder.records.isUnpacked(fetched.sha256, targetOf(unpack)),
    progress,
    signal,
  });
  if (unpacked.cutAt !== undefined)
    throw new ArchiveFault("ARC_TRUNCATED", `the archive ends at byte ${unpacked.cutAt}`);
  if (unpacked.numLeftOut === 0) folder.records.setUnpacked(fetched.sha256, targetOf(unpack));
  return unpacked;
}

function isOf(path: string, name: string): boolean {
  return path === name || (name.endsWith("/") && path.startsWith(name));
}

function sumOf(a: Unpacking, b: Unpacking): Unpacking {
  return {
    numFiles: a.numFiles + b.numFiles,
    numWritten: a.numWritten + b.numWritten,
    sizeBytes: a.sizeBytes + b.sizeBytes,
    numLeftOut: a.numLeftOut + b.numLeftOut,
    leftOut: [...a.leftOut, ...b.leftOut],
    cutAt: a.cutAt ?? b.cutAt,
  };
}

async function failureOf(
  error: unknown,
  { url, to }: OfficialDownload,
  { folder }: FetchContext,
): Promise<FetchFailure> {
  if (error instanceof NetFault) {
    const { code, message, isFinal } = error;
    return { code, message, isFinal };
  }
  if (!(error instanceof ArchiveFault)) throw error;
  const { code, message } = error;
  const isCut = code === "ARC_TRUNCATED";
  if (isCut) {
    // What the server sent as a whole is none; the next run asks again.
    folder.records.forget(url);
    await rm(join(folder.path, to), { force: true });
  }
  return { code, message, isFinal: !isCut };
}
