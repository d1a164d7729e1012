import { availableParallelism } from "node:os";
import { ConfigError } from "../../core/errors.ts";
import { noExclusions } from "../../ingest/exclusion/given-rules.ts";
import { isRemote, shownLocation } from "../../shards/remote/location.ts";
import { readIndex } from "../../shards/shard-set-index.ts";
import { preparationExclusions } from "../preparation/exclusions.ts";
import { joinedSource } from "../preparation/joined-source.ts";
import {
  isMadeFromIndex,
  knownPreparation,
  type RepairContext,
  repairDescriptions,
  repairFromSource,
} from "./repair-set.ts";

/** What the command line says of a repair. */
export interface RepairRequest {
  readonly folder: string;
  readonly faultyFiles: readonly string[];
  readonly source?: readonly string[];
  readonly policy?: string;
  readonly exclude?: string;
  readonly workers?: number;
}

/**
 * Repairs what can be of the files that a validation found faulty and gives their names. Throws ConfigError when
 * that needs the source and none is named; ShardError when the index itself is damaged.
 */
export async function repairSet(
  request: RepairRequest,
  context: RepairContext,
): Promise<readonly string[]> {
  const { folder, faultyFiles, source: sourceFolders, workers } = request;
  if (isRemote(folder)) {
    throw new ConfigError(
      `${shownLocation(folder)} is on a server; only the files of a folder are made again`,
      { remedy: "repair the folder that it was uploaded from, and upload those files again" },
    );
  }
  const index = await readIndex(folder);
  const listed = new Set([
    index.ledger.file,
    ...index.splits.flatMap(({ shards }) => shards.map(({ file }) => file)),
  ]);
  const files = faultyFiles.filter((file) => listed.has(file));
  if (files.length > 0 && sourceFolders === undefined) {
    throw new ConfigError(`${files.join(", ")} can only be repaired from the source folder`, {
      file: folder,
      remedy: "name the official downloads that the set was made from with --source",
    });
  }
  const descriptions = await repairDescriptions(folder, faultyFiles.filter(isMadeFromIndex));
  if (files.length === 0 || sourceFolders === undefined) return descriptions;
  await using source = await joinedSource(sourceFolders);
  const sourceFolder = source.folder;
  const known = knownPreparation(folder, index);
  const { exclusionNotes } = known;
  const policy = request.policy ?? exclusionNotes?.policy;
  const choice = { sourceFolder, policy, exclude: request.exclude, allowMissing: true };
  const { exclusions } =
    exclusionNotes === undefined
      ? { exclusions: noExclusions }
      : await preparationExclusions(known.recipe, choice, context);
  const numWorkers = Math.max(1, workers ?? availableParallelism());
  const call = { folder, sourceFolder, known, exclusions, numWorkers };
  return [...descriptions, ...(await repairFromSource(call, files, context))];
}
