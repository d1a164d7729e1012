import { SourceError } from "../../core/errors.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import { absenceOf, isOfAbsentFile } from "../exclusion/absent-files.ts";
import type { NamedPictures } from "../exclusion/leak-policy.ts";
import { planPictures } from "../list-pictures.ts";
import { absentFiles } from "../official-files.ts";
import { sourceOf } from "../sources.ts";
import { flickr8kDataset, listFlickr8k } from "./flickr8k.ts";
import type { ListedDataset, ListingOptions, MemberPicture } from "./listed-dataset.ts";
import { listReleasePictures, releaseDataset } from "./release-pictures.ts";
import { readShippedHashes } from "./shipped-hashes.ts";
import { listStatedCopies, statedCopiesDataset } from "./stated-copies.ts";
import { listSnliVeParts, withSnliVeLists } from "./snli-ve-lists.ts";

/** What is there of a dataset. */
export interface OpenedListing {
  /** Its pictures; undefined when no file lists any. */
  readonly listed: ListedDataset | undefined;
  /** What is not there, in words: "none of its files is there"; undefined when nothing is known to lack. */
  readonly lacks: string | undefined;
  /** The official files that are not there; a picture that nothing lists may be in one of them. */
  readonly absentFiles: readonly string[];
}

const listedAlone: ReadonlySet<string> = new Set([
  flickr8kDataset,
  releaseDataset,
  statedCopiesDataset,
]);

/**
 * The manifest of a dataset that sets are prepared from; undefined for those that are but listed. Throws
 * ConfigError for a dataset that there is not.
 */
export async function manifestOf(dataset: string): Promise<DatasetManifest | undefined> {
  return listedAlone.has(dataset) ? undefined : readDatasetManifest(sourceOf(dataset).dataset);
}

type WantedListing = Pick<NamedPictures, "dataset" | "split" | "parts">;

/**
 * Opens the list of a dataset's pictures with their parts of a published split, of which those that are
 * `wanted` are sure to be listed. Files that are not there are no fault: where those of the split are not, the pictures are
 * listed without parts. Throws SourceError when a file is damaged, ConfigError for a dataset or a split
 * that there is not.
 */
export async function openListing(
  wanted: WantedListing,
  options: ListingOptions,
): Promise<OpenedListing> {
  const { dataset } = wanted;
  const { folder } = options;
  const manifest = await manifestOf(dataset);
  const absent = manifest === undefined ? [] : await absentFiles(manifest, folder);
  const withParts = await tried(folder, () => list(wanted, options));
  if (!(withParts instanceof SourceError)) {
    return { listed: withParts, lacks: undefined, absentFiles: absent };
  }
  if (manifest === undefined) {
    return { listed: undefined, lacks: withParts.message, absentFiles: absent };
  }
  const lacks = await absenceOf(withParts, manifest, folder);
  const withoutParts = await tried(folder, () => listPlanned(dataset, undefined, options));
  const listed = withoutParts instanceof SourceError ? undefined : withoutParts;
  return { listed, lacks, absentFiles: absent };
}

/** The listing, or the error that a file is not there. */
async function tried(
  folder: string,
  open: () => Promise<ListedDataset>,
): Promise<ListedDataset | SourceError> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof SourceError && (await isOfAbsentFile(error, folder))) return error;
    throw error;
  }
}

async function list(
  { dataset, split, parts }: WantedListing,
  options: ListingOptions,
): Promise<ListedDataset> {
  if (dataset === flickr8kDataset) return listFlickr8k(options);
  if (dataset === statedCopiesDataset) return listStatedCopies(options);
  if (dataset === releaseDataset) {
    return listReleasePictures(parts === "everything" ? [] : parts, options);
  }
  const manifest = await readDatasetManifest(dataset);
  const published = split ?? manifest.splits[0]?.name ?? "";
  if (dataset === "snli-ve") return listSnliVe(manifest, published, options);
  const asked = parts === "everything" ? undefined : parts;
  const listed = await listPlanned(dataset, published, { ...options, parts: asked });
  return dataset === "nlvr2" ? withHashes(listed, await readShippedHashes(options)) : listed;
}

/** By the parts of a published split, or without any. */
async function listPlanned(
  dataset: string,
  published: string | undefined,
  options: ListingOptions & { readonly parts?: readonly string[] | undefined },
): Promise<ListedDataset> {
  const withParts = published !== undefined;
  const plan = await planPictures(dataset, { ...options, publishedSplit: published, withParts });
  return {
    dataset,
    files: plan.files,
    pictures: () => plan.pictures(),
    [Symbol.dispose]: () => plan[Symbol.dispose](),
  };
}

/** SNLI-VE's pictures by its pairs and, for parts whose pairs are not there, by its lists. */
async function listSnliVe(
  manifest: DatasetManifest,
  published: string,
  options: ListingOptions,
): Promise<ListedDataset> {
  const lists = await listSnliVeParts(manifest, published, options);
  try {
    const listed = await listPlanned(manifest.dataset, published, options);
    return withSnliVeLists(listed, lists);
  } catch (error) {
    if (!(error instanceof SourceError) || lists.pictures.length === 0) throw error;
    if (!(await isOfAbsentFile(error, options.folder))) throw error;
    const { pictures, files } = lists;
    return {
      dataset: manifest.dataset,
      files,
      pictures: () => pictures,
      [Symbol.dispose]: () => {},
    };
  }
}

function withHashes(listed: ListedDataset, hashes: ReadonlyMap<string, string>): ListedDataset {
  if (hashes.size === 0) return listed;
  return {
    ...listed,
    pictures: () => hashed(listed.pictures(), hashes),
    [Symbol.dispose]: () => listed[Symbol.dispose](),
  };
}

const NLVR2 = "nlvr2:";

function* hashed(
  pictures: Iterable<MemberPicture>,
  hashes: ReadonlyMap<string, string>,
): Generator<MemberPicture> {
  for (const picture of pictures) {
    yield { ...picture, shippedHash: hashes.get(picture.key.slice(NLVR2.length)) };
  }
}
