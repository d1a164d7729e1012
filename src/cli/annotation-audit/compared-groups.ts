import {
  evaluatedOn,
  knownEvaluations,
  knownTrainingParts,
  trainedOn,
} from "../../ingest/exclusion/evaluations.ts";
import { type Backbone, readBackbone } from "../../ingest/exclusion/backbones.ts";
import type { LeakSetting, NamedPictures } from "../../ingest/exclusion/leak-policy.ts";
import { flickr8kDataset } from "../../ingest/membership/flickr8k.ts";
import { statedCopiesDataset } from "../../ingest/membership/stated-copies.ts";

/** Pictures that are compared as one: of one dataset or, taken together, of several. */
export interface ComparedGroup {
  readonly role: "training" | "evaluation" | "backbone" | "left-out" | "whole" | "stated";
  /** "coco Karpathy split: train, restval"; all groups have other names. */
  readonly name: string;
  readonly members: readonly NamedPictures[];
  readonly because: string;
}

/** The groups of an audit, and which are compared with which, by their numbers. */
export interface AuditGroups {
  readonly groups: readonly ComparedGroup[];
  readonly training: readonly number[];
  /** All of `training` together; undefined when there is but one. */
  readonly allTraining: number | undefined;
  readonly backbones: readonly number[];
  readonly evaluations: readonly number[];
  /** What the policy leaves out; undefined when it leaves out nothing. */
  readonly leftOut: number | undefined;
  /** Pictures of which a published list states that they are copies, without saying of which. */
  readonly stated: number;
}

/** The groups of a setting: what it and its backbones saw against every evaluation. */
export async function groupsOfSetting(
  setting: LeakSetting,
  backbones: readonly Backbone[],
): Promise<AuditGroups> {
  const list = new GroupList();
  const trains = await trainedOn(setting);
  const training = trains.map((one) => list.add("training", [one]));
  const allTraining =
    trains.length > 1 ? list.add("training", trains, "all training sets") : undefined;
  const seen = backbones.flatMap((backbone) =>
    backbone.sees.map((one) => list.add("backbone", [one], `${backbone.name}: ${nameOf(one)}`)),
  );
  const evaluations = partByPart(await evaluatedOn(setting)).map((one) =>
    list.add("evaluation", [one]),
  );
  const { protects } = setting;
  const leftOut =
    protects.length > 0 ? list.add("left-out", protects, "what the policy protects") : undefined;
  const stated = list.add("stated", [statedCopies]);
  const { groups } = list;
  return { groups, training, allTraining, backbones: seen, evaluations, leftOut, stated };
}

/** The groups when no policy says what is trained on: every known part, and every dataset as a whole. */
export async function groupsOfEverything(): Promise<AuditGroups> {
  const list = new GroupList();
  const trains = partByPart(await knownTrainingParts());
  const flickr8k = ["train", "dev", "test"].map((part) => {
    return { dataset: flickr8kDataset, parts: [part], because: "its published lists" };
  });
  const known = await knownEvaluations();
  const datasets = new Set([...known, ...trains, ...flickr8k].map(({ dataset }) => dataset));
  const wholes = Array.from(datasets, (dataset): NamedPictures => {
    return { dataset, parts: "everything", because: "every picture that is listed" };
  });
  const training = [...trains, ...flickr8k]
    .filter(({ parts }) => parts !== "everything")
    .map((one) => list.add("training", [one]));
  const evaluations = partByPart(known).map((one) => list.add("evaluation", [one]));
  for (const one of wholes) list.add("whole", [one]);
  const stated = list.add("stated", [statedCopies]);
  return {
    groups: list.groups,
    training,
    allTraining: undefined,
    backbones: [],
    evaluations,
    leftOut: undefined,
    stated,
  };
}

const statedCopies: NamedPictures = {
  dataset: statedCopiesDataset,
  parts: "everything",
  because: "a published list",
};

/** The backbones of a setting, or those that a user declares instead. */
export function readBackbones(
  { backbones }: LeakSetting,
  declared: readonly string[] | undefined,
): Promise<readonly Backbone[]> {
  return Promise.all((declared ?? backbones).map(readBackbone));
}

class GroupList {
  readonly groups: ComparedGroup[] = [];

  /** Gives the number of the group. */
  add(role: ComparedGroup["role"], members: readonly NamedPictures[], name?: string): number {
    const [first] = members;
    const because = members.length === 1 ? (first?.because ?? "") : "";
    const ownName = name ?? (first === undefined ? "" : nameOf(first));
    this.groups.push({ role, name: ownName, members, because });
    return this.groups.length - 1;
  }
}

function partByPart(all: readonly NamedPictures[]): readonly NamedPictures[] {
  return all.flatMap((one) =>
    one.parts === "everything" ? [one] : one.parts.map((part) => ({ ...one, parts: [part] })),
  );
}

/** Published splits that need not be named: their datasets have no other that is compared. */
export const plainSplits: ReadonlySet<string | undefined> = new Set([
  undefined,
  "official split",
  "unc",
  "umd",
  "bottom-up-attention split",
]);

/** "flickr30k (Karpathy split) val": a split is named where a dataset has two. */
function nameOf({ dataset, split, parts }: NamedPictures): string {
  const of = plainSplits.has(split) ? dataset : `${dataset} (${split})`;
  return parts === "everything" ? `${of} all` : `${of} ${parts.join("+")}`;
}
