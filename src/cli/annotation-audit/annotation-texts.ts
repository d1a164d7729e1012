import { defaultListing } from "../../audit/audit-splits.ts";
import { relateSplits } from "../../audit/relate-splits.ts";
import { findTextLeaks } from "../../audit/texts/find-text-leaks.ts";
import type { TextCell, TextSummary } from "../../audit/texts/text-findings.ts";
import type { TextLeak } from "../../audit/findings.ts";
import type { AuditedSplit } from "../../audit/verdict.ts";
import type { PictureInfo, PictureReference, SceneDraft, SceneHead } from "../../core/records.ts";
import { type ListedScenes, openScenes } from "../../ingest/membership/listed-scenes.ts";
import { snliDataset, snliParts } from "../../ingest/membership/snli.ts";
import type { AnnotationContext } from "./annotation-pictures.ts";
import type { AuditGroups, ComparedGroup } from "./compared-groups.ts";

/** What of the evaluation splits' texts is in the training sets, as annotation files tell them. */
export interface AnnotatedTexts {
  readonly summary: TextSummary;
  /** The first texts that are trained on with their pictures. */
  readonly leaks: readonly TextLeak[];
  /** Training texts that are texts of evaluation pictures. */
  readonly numLeaks: number;
}

/** One group's part of a dataset. */
interface TextGroup {
  readonly name: string;
  readonly role: "train" | "eval";
  readonly dataset: string;
  readonly split: string | undefined;
  readonly parts: readonly string[] | "everything";
}

/**
 * Compares the texts of the training sets with those of the evaluation splits, by the groups of an audit, from annotation
 * files; SNLI, on which text encoders are trained, counts as training where it is there. Undefined where a side has none.
 * Throws SourceError when a file is damaged.
 */
export async function compareAnnotatedTexts(
  chosen: AuditGroups,
  folder: string,
  context: AnnotationContext,
): Promise<AnnotatedTexts | undefined> {
  const groups = [...textGroups(chosen), ...snliGroups];
  using opened = new DisposableStack();
  const listed = new Map<TextGroup, ListedScenes>();
  for (const group of groups) {
    const { dataset, name, parts, role, split } = group;
    context.progress.report({ activity: `reading the texts of ${name}`, done: 0, unit: "texts" });
    const splits = [{ name: dataset === snliDataset ? partOf(group) : WANTED, role, parts }];
    const scenes = await openScenes({ dataset, split, splits }, { folder, ...context });
    if (scenes !== undefined) listed.set(group, opened.use(scenes));
  }
  const roles = new Set(Array.from(listed.keys(), ({ role }) => role));
  if (roles.size < 2) return undefined;
  const splits = (): AuditedSplit[] =>
    Array.from(listed, ([group, scenes]) => auditedSplit(group, scenes));
  const related = await relateSplits(splits(), context);
  const { leaks, numLeaks, summary } = await findTextLeaks({
    ...context,
    splits: splits(),
    related,
    listing: defaultListing,
  });
  return { leaks, numLeaks, summary: { ...summary, matrix: summary.matrix.map(named) } };
}

const WANTED = "wanted";

const snliGroups: readonly TextGroup[] = snliParts.map((part) => ({
  name: `SNLI ${part}, for text encoders`,
  role: "train",
  dataset: snliDataset,
  split: undefined,
  parts: [part],
}));

function partOf({ parts }: TextGroup): string {
  return parts === "everything" ? WANTED : (parts[0] ?? WANTED);
}

/** Datasets that are but lists of pictures. */
const withoutTexts: ReadonlySet<string> = new Set(["coco-images", "flickr8k", "imagenet"]);

function textGroups({ evaluations, groups, training }: AuditGroups): readonly TextGroup[] {
  const of = (numbers: readonly number[], role: TextGroup["role"]): readonly TextGroup[] =>
    numbers.flatMap((number) => groups[number]?.members.map(partsOf(groups[number], role)) ?? []);
  const all = [...of(training, "train"), ...of(evaluations, "eval")];
  return all.filter(({ dataset }) => !withoutTexts.has(dataset));
}

function partsOf(
  { name }: ComparedGroup,
  role: TextGroup["role"],
): (member: ComparedGroup["members"][number]) => TextGroup {
  return ({ dataset, parts, split }) => ({ name, role, dataset, split, parts });
}

function auditedSplit(group: TextGroup, listed: ListedScenes): AuditedSplit {
  const { name, role } = group;
  const asked = group.dataset === snliDataset ? partOf(group) : WANTED;
  return { set: name, setDigest: "", split: "", role, heads: headsOf(listed.scenes(asked)) };
}

/** A cell names a group, which is no split of a set. */
function named(cell: TextCell): TextCell {
  const [train = "", evaluated = ""] = [cell.train, cell.eval].map((name) => name.slice(0, -1));
  return { ...cell, train, eval: evaluated };
}

async function* headsOf(
  scenes: Iterable<SceneDraft> | AsyncIterable<SceneDraft>,
): AsyncGenerator<SceneHead> {
  for await (const { pictures, sceneKey, texts } of scenes) {
    yield { sceneKey, texts, pictures: pictures.map(unopened) };
  }
}

/** A picture of which nothing is known but what its publisher says. */
function unopened(reference: PictureReference): PictureInfo {
  return {
    ...reference,
    format: "",
    width: 0,
    height: 0,
    sourceWidth: 0,
    sourceHeight: 0,
    sourceSizeBytes: 0,
    orientation: 1,
    sha256: "",
    sourceSha256: "",
    pixelSha256: "",
    perceptualHash: null,
    notes: [],
  };
}
