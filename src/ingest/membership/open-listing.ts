import { SourceError } from "../../core/errors.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import { absenceOf, isOfAbsentFile } from "../exclusion/absent-files.ts";
import type { NamedPictures } from "../exclusion/leak-policy.ts";
import { planPictures } from "../list-pictures.ts";
import { flickr8kDataset, listFlickr8k } from "./flickr8k.ts";
import type { ListedDataset, ListingOptions, MemberPicture } from "./listed-dataset.ts";
import { listReleasePictures, releaseDataset } from "./release-pictures.ts";
import { readShippedHashes } from "./shipped-hashes.ts";
import { listSnliVeParts, withSnliVeLists } from "./snli-ve-lists.ts";

/** A listing, or why there is none: "none of its files is there". */
export type OpenedListing =
  | { readonly listed: ListedDataset; readonly absent?: never }
  | { readonly absent: string; readonly listed?: never };

/**
 * Opens the list of a dataset's pictures with their parts of a published split, of which `wanted` are
 * asked for. Files that are not there are no fault; throws SourceError when one is damaged, ConfigError
 * for a dataset or a split that there is not.
 */
export async function openListing(
  wanted: Pick<NamedPictures, "dataset" | "split" | "parts">,
  options: ListingOptions,
): Promise<OpenedListing> {
  try {
    return { listed: await list(wanted, options) };
  } catch (error) {
    if (!(error instanceof SourceError && (await isOfAbsentFile(error, options.folder))))
      throw error;
    return { absent: await absenceIn(wanted.dataset, error, options.folder) };
  }
}

async function absenceIn(dataset: string, error: SourceError, folder: string): Promise<string> {
  if (dataset === releaseDataset || dataset === flickr8kDataset) return error.message;
  return absenceOf(error, await readDatasetManifest(dataset), folder);
}

async function list(
  { dataset, split, parts }: Pick<NamedPictures, "dataset" | "split" | "parts">,
  options: ListingOptions,
): Promise<ListedDataset> {
  if (dataset === flickr8kDataset) return listFlickr8k(options);
  if (dataset === releaseDataset) {
    return listReleasePictures(parts === "everything" ? [] : parts, options);
  }
  const manifest = await readDatasetManifest(dataset);
  const published = split ?? manifest.splits[0]?.name ?? "";
  if (dataset === "snli-ve") return listSnliVe(manifest, published, options);
  const listed = await listPlanned(
    dataset,
    { published, hasParts: parts !== "everything" },
    options,
  );
  return dataset === "nlvr2" ? withHashes(listed, await readShippedHashes(options)) : listed;
}

async function listPlanned(
  dataset: string,
  { published, hasParts }: { readonly published: string; readonly hasParts: boolean },
  options: ListingOptions,
): Promise<ListedDataset> {
  const plan = await planPicturesOf(dataset, { published, hasParts }, options);
  return {
    dataset,
    split: published,
    files: plan.files,
    pictures: () => plan.pictures(),
    [Symbol.dispose]: () => plan[Symbol.dispose](),
  };
}

// Where all pictures are asked for, whatever their parts, the files of the split need not be there.
async function planPicturesOf(
  dataset: string,
  { published, hasParts }: { readonly published: string; readonly hasParts: boolean },
  options: ListingOptions,
): ReturnType<typeof planPictures> {
  try {
    return await planPictures(dataset, { ...options, publishedSplit: published });
  } catch (error) {
    const mayDoWithout = !hasParts && error instanceof SourceError;
    if (!mayDoWithout || !(await isOfAbsentFile(error, options.folder))) throw error;
    return planPictures(dataset, { ...options, withParts: false });
  }
}

/** SNLI-VE's pictures by its pairs and, for parts whose pairs are not there, by its lists. */
async function listSnliVe(
  manifest: DatasetManifest,
  published: string,
  options: ListingOptions,
): Promise<ListedDataset> {
  const lists = await listSnliVeParts(manifest, published, options);
  try {
    const listed = await listPlanned(manifest.dataset, { published, hasParts: true }, options);
    return withSnliVeLists(listed, lists);
  } catch (error) {
    if (!(error instanceof SourceError) || lists.pictures.length === 0) throw error;
    if (!(await isOfAbsentFile(error, options.folder))) throw error;
    const { pictures, files } = lists;
    const { dataset } = manifest;
    return {
      dataset,
      split: published,
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
