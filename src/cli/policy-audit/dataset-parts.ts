import { manifestNames, readDatasetManifest } from "../../ingest/dataset-manifest.ts";
import type { NamedPictures } from "../../ingest/exclusion/leak-policy.ts";
import { plainSplits } from "../annotation-audit/compared-groups.ts";

/** A part of a published split, or every picture of a dataset. */
export interface DatasetPart {
  readonly dataset: string;
  /** The published split that the part is of; empty for every picture, and where it is not known. */
  readonly split: string;
  /** Undefined for every picture of the dataset. */
  readonly part: string | undefined;
}

/** The parts of published splits, by dataset; the first split is the one that is meant when none is named. */
export type PublishedSplits = ReadonlyMap<
  string,
  readonly { readonly name: string; readonly parts: readonly string[] }[]
>;

/** The published splits of every dataset that there is a manifest of. */
export async function publishedSplits(): Promise<PublishedSplits> {
  const manifests = await Promise.all((await manifestNames()).map(readDatasetManifest));
  return new Map(
    manifests.map(({ dataset, splits }) => [
      dataset,
      splits.map(({ name, parts }) => ({ name, parts: parts.map((part) => part.name) })),
    ]),
  );
}

/** The named pictures part by part; "everything" stays one. */
export function partsOf(
  { dataset, parts, split }: Pick<NamedPictures, "dataset" | "parts" | "split">,
  published: PublishedSplits,
): readonly DatasetPart[] {
  if (parts === "everything") return [{ dataset, split: "", part: undefined }];
  const of = split ?? published.get(dataset)?.[0]?.name ?? "";
  return parts.map((part) => ({ dataset, split: of, part }));
}

/** Every picture of a dataset as the parts of its first published split; other parts as they are. */
export function spelledOut(
  { dataset, part, split }: DatasetPart,
  published: PublishedSplits,
): readonly DatasetPart[] {
  const [first] = published.get(dataset) ?? [];
  if (part !== undefined || first === undefined) return [{ dataset, split, part }];
  return first.parts.map((name) => ({ dataset, split: first.name, part: name }));
}

/** Whether all pictures of `part` are among those of `whole`, as far as the names tell. */
export function covers(whole: DatasetPart, part: DatasetPart): boolean {
  if (whole.dataset !== part.dataset) return false;
  return whole.part === undefined || (whole.split === part.split && whole.part === part.part);
}

/** Whether two have pictures in common, as far as the names tell. */
export function meets(one: DatasetPart, other: DatasetPart): boolean {
  return covers(one, other) || covers(other, one);
}

/** "nlvr2 dev+test1", "flickr30k (Karpathy split) val": in the words of an audit of annotation files. */
export function partNames(parts: readonly DatasetPart[]): string[] {
  const named = new Map<string, Set<string>>();
  for (const { dataset, part, split } of parts) {
    const of = split === "" || plainSplits.has(split) ? dataset : `${dataset} (${split})`;
    const names = named.get(of) ?? new Set();
    named.set(of, names.add(part ?? "everything"));
  }
  return Array.from(named, ([of, names]) => `${of} ${Array.from(names).join("+")}`);
}
