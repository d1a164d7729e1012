import type { SourceSplit } from "../../ingest/source.ts";
import { type ListedScenes, openScenes } from "../../ingest/membership/listed-scenes.ts";
import { manifestOf } from "../../ingest/membership/open-listing.ts";
import { snliDataset, snliParts } from "../../ingest/membership/snli.ts";
import type { NamedPictures } from "../../ingest/exclusion/leak-policy.ts";
import type { AnnotationContext } from "../annotation-audit/annotation-pictures.ts";
import type { AuditGroups } from "../annotation-audit/compared-groups.ts";

/** Texts of a dataset that are in the same groups. */
export interface ReadTexts {
  /** Names them among the texts of the reading. */
  readonly name: string;
  readonly parts: readonly string[] | "everything";
  /** The groups that train and that evaluate on them, by their numbers. */
  readonly training: readonly number[];
  readonly evaluations: readonly number[];
}

/** What is read of a dataset by the parts of one published split: its files stream past once. */
export interface TextReading {
  readonly dataset: string;
  readonly split: string | undefined;
  readonly texts: readonly ReadTexts[];
}

/** An opened reading; of texts that no file has, nothing. */
export interface OpenedTexts extends Disposable {
  readonly dataset: string;
  readonly texts: readonly ReadTexts[];
  readonly listed: ListedScenes;
}

/** Datasets that are but lists of pictures. */
export const withoutTexts: ReadonlySet<string> = new Set(["coco-images", "flickr8k", "imagenet"]);
const REST = "the rest";

/** The readings that the groups of an audit take, a dataset's published split at a time. */
export async function textReadings({
  evaluations,
  groups,
  training,
}: AuditGroups): Promise<readonly TextReading[]> {
  const readings = new Map<
    string,
    { dataset: string; split: string | undefined; asked: Asked[] }
  >();
  for (const group of [...training, ...evaluations]) {
    for (const member of groups[group]?.members ?? []) {
      if (withoutTexts.has(member.dataset)) continue;
      const { dataset, parts } = member;
      const split = member.split ?? (await manifestOf(dataset))?.splits[0]?.name;
      const name = `${dataset}\n${split ?? ""}`;
      const reading = readings.get(name) ?? { dataset, split, asked: [] };
      readings.set(name, reading);
      reading.asked.push({ group, parts, isTraining: training.includes(group) });
    }
  }
  return Array.from(readings.values(), ({ asked, ...reading }) => {
    return { ...reading, texts: textsAsked(asked) };
  });
}

/** SNLI, on which text encoders are trained; the groups are numbers after those of the audit. */
export function snliReading(firstGroup: number): TextReading {
  const texts = snliParts.map((part, index): ReadTexts => {
    return { name: part, parts: [part], training: [firstGroup + index], evaluations: [] };
  });
  return { dataset: snliDataset, split: undefined, texts };
}

interface Asked {
  readonly group: number;
  readonly parts: NamedPictures["parts"];
  readonly isTraining: boolean;
}

/** Part by part, so that each scene is in one; what is asked of everything is in all parts and in the rest. */
function textsAsked(asked: readonly Asked[]): readonly ReadTexts[] {
  const parts = new Set(asked.flatMap((one) => (one.parts === "everything" ? [] : one.parts)));
  const groupsOf = (part: string | undefined): Pick<ReadTexts, "training" | "evaluations"> => {
    const of = asked.filter(
      (one) => one.parts === "everything" || (part !== undefined && one.parts.includes(part)),
    );
    return {
      training: of.flatMap(({ group, isTraining }) => (isTraining ? [group] : [])),
      evaluations: of.flatMap(({ group, isTraining }) => (isTraining ? [] : [group])),
    };
  };
  const named = Array.from(parts, (part): ReadTexts => {
    return { name: part, parts: [part], ...groupsOf(part) };
  });
  const rest = groupsOf(undefined);
  const hasRest = rest.training.length + rest.evaluations.length > 0;
  return hasRest ? [...named, { name: REST, parts: "everything", ...rest }] : named;
}

/**
 * Opens a reading: all of it at once, or, where a file of some of it is not there, what is asked of everything, or part by
 * part. Throws SourceError when a file is damaged.
 */
export async function openReading(
  reading: TextReading,
  folder: string,
  context: AnnotationContext,
): Promise<readonly OpenedTexts[]> {
  const whole = await openTexts(reading, folder, context);
  if (whole !== undefined) return [whole];
  const rest = reading.texts.find(({ parts }) => parts === "everything");
  const others = rest === undefined ? reading.texts : [rest];
  if (others.length === reading.texts.length && others.length < 2) return [];
  const opened: OpenedTexts[] = [];
  for (const texts of others) {
    const part = await openTexts({ ...reading, texts: [texts] }, folder, context);
    if (part !== undefined) opened.push(part);
  }
  return opened;
}

async function openTexts(
  { dataset, split, texts }: TextReading,
  folder: string,
  context: AnnotationContext,
): Promise<OpenedTexts | undefined> {
  const activity = `reading the texts of ${dataset}`;
  context.progress.report({ activity, done: 0, unit: "texts" });
  // Nothing is left out while it is read: whatever a policy leaves out is told by the pictures.
  const splits = texts.map(({ name, parts }): SourceSplit => ({ name, parts, role: "eval" }));
  const listed = await openScenes({ dataset, split, splits }, { folder, ...context });
  if (listed === undefined) return undefined;
  return { dataset, texts, listed, [Symbol.dispose]: () => listed[Symbol.dispose]() };
}
