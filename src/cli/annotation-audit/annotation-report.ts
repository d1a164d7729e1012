import type { Cell, RuleCounts } from "../../audit/crosswalk/count-cells.ts";
import type { RelatedPictures } from "../../audit/crosswalk/crosswalk.ts";
import { chainFromGroup, type GroupChain } from "../../audit/crosswalk/group-chain.ts";
import { type SpellingYield, usedSpellings } from "../../audit/crosswalk/name-spellings.ts";
import { textLeakJson, textsJson } from "../../audit/verdict-json.ts";
import type { Exclusion } from "../../audit/verdict.ts";
import type { JsonValue } from "../../core/digest.ts";
import type { FileDigest } from "../../ingest/annotations/annotation-file.ts";
import type { Backbone } from "../../ingest/exclusion/backbones.ts";
import type { LeakSetting } from "../../ingest/exclusion/leak-policy.ts";
import type { AnnotatedTexts, LeftOutTexts } from "../annotation-texts/annotation-texts.ts";
import type { ComparedGroup } from "./compared-groups.ts";
import type { PublishedNumber } from "./published-numbers.ts";

/** A group with what was found of it. */
export interface GroupReport extends ComparedGroup {
  readonly number: number;
  /** Distinct pictures; none where nothing lists them. */
  readonly pictures: number;
  /** Those of which no file tells which photos they are: matches by photos and links are not known of them. */
  readonly untold: number;
  /** Of a training set, how many the policy leaves out, by the rule that shows it. */
  readonly leftOut: RuleCounts;
  /** What is not there, in words; undefined when all is. */
  readonly lacks: string | undefined;
}

/** A training set's pictures among an evaluation split's. */
export interface CellReport extends Omit<Cell, "first"> {
  /** Whether there may be more: some pictures of either are known by their names alone, or not listed. */
  readonly isAtLeast: boolean;
  /** How the first few of them are the same. */
  readonly chains: readonly GroupChain[];
}

/** COCO pictures of which a published list states that they have the bytes of a Flickr30K picture, without saying of which. */
interface StatedCopies {
  readonly pictures: number;
  /** Where they are, as far as COCO's parts are compared. */
  readonly parts: readonly { readonly name: string; readonly pictures: number }[];
  /** How many of them a name shows to be in Flickr30K as well; undefined where that was not compared. */
  readonly alsoByName: number | undefined;
  /** The pictures that would show it, by their folders. */
  readonly needed: readonly string[];
}

/** What an audit of annotation files found. Groups are named by their numbers. */
export interface AnnotationAudit {
  /** "unchecked" when there was nothing to compare. */
  readonly outcome: "clean" | "leaking" | "unchecked";
  readonly policy: Pick<LeakSetting, "name" | "summary" | "drops" | "identities"> | undefined;
  readonly groups: readonly GroupReport[];
  readonly training: readonly number[];
  /** All training sets together; undefined when there is but one. */
  readonly allTraining: number | undefined;
  readonly evaluations: readonly number[];
  /** What the policy protects; undefined when it leaves out nothing. */
  readonly leftOut: number | undefined;
  readonly backbones: readonly (Backbone & { readonly groups: readonly number[] })[];
  /** For each two groups that were compared; those that share nothing too. */
  readonly cells: readonly CellReport[];
  readonly stated: StatedCopies | undefined;
  readonly published: readonly PublishedNumber[];
  /** Undefined where texts were not compared, or a side has none. */
  readonly texts: AnnotatedTexts | undefined;
  /** The training pictures that have to go, by their keys; undefined where nobody asked. */
  readonly exclusions: readonly Exclusion[] | undefined;
  readonly spellings: readonly SpellingYield[];
  readonly files: readonly FileDigest[];
}

/** The counted cells with chains, and with how sure their numbers are. */
export function reportCells(
  cells: readonly Cell[],
  groups: readonly GroupReport[],
  related: RelatedPictures,
): readonly CellReport[] {
  return cells.map(({ first, ...cell }) => {
    const [row, column] = [groups[cell.row], groups[cell.column]];
    const chains = first.flatMap((picture) => chainFromGroup(related, cell.row, picture) ?? []);
    return { ...cell, chains, isAtLeast: isAtLeast(row, column) };
  });
}

/** Datasets whose pictures are known to be of no other collection by any name. */
const ownPictures: ReadonlySet<string> = new Set(["vcr"]);
/** Datasets that name their pictures by COCO's ids: among them the key alone decides. */
const cocoNames: ReadonlySet<string> = new Set([
  "coco",
  "coco-images",
  "vqa2",
  "refcoco",
  "refcoco+",
  "refcocog",
]);

function isAtLeast(row: GroupReport | undefined, column: GroupReport | undefined): boolean {
  const sides = [row, column].map((group) => group?.members.map(({ dataset }) => dataset) ?? []);
  const isPartly = (group: GroupReport | undefined): boolean =>
    group !== undefined && group.lacks !== undefined && group.pictures > 0;
  if (isPartly(row) || isPartly(column)) return true;
  if (sides.some((datasets) => datasets.every((dataset) => ownPictures.has(dataset)))) return false;
  if (sides.flat().every((dataset) => cocoNames.has(dataset))) return false;
  const [first] = sides.flat();
  if (sides.flat().every((dataset) => dataset === first)) return false;
  return (row?.untold ?? 0) > 0 || (column?.untold ?? 0) > 0;
}

/** The audit as a document, without the order of groups' numbers: every cell names its two. */
export function annotationAuditJson(audit: AnnotationAudit): { readonly [key: string]: JsonValue } {
  const { outcome, policy, groups, training, allTraining, evaluations, leftOut, backbones } = audit;
  const named = (numbers: readonly number[]): JsonValue[] =>
    numbers.flatMap((number) => (groups[number] === undefined ? [] : [groupJson(groups[number])]));
  const [all] = allTraining === undefined ? [] : named([allTraining]);
  const [protectedGroup] = leftOut === undefined ? [] : named([leftOut]);
  const wholes = groups.filter(({ role }) => role === "whole").map(({ number }) => number);
  return {
    format: "crossweave-annotation-audit",
    version: 1,
    outcome,
    policy: policy === undefined ? null : { ...policy, identities: [...policy.identities] },
    training: named(training),
    allTraining: all ?? null,
    evaluations: named(evaluations),
    wholes: named(wholes),
    protected: protectedGroup ?? null,
    backbones: backbones.map(({ name, summary, untold, groups: seen }) => {
      return { name, summary, untold: [...untold], sees: named(seen) };
    }),
    pictures: audit.cells.map((cell) => cellJson(cell, groups)),
    published: audit.published.map((one) => ({ ...one, found: one.found ?? null })),
    stated: audit.stated === undefined ? null : statedJson(audit.stated),
    texts: audit.texts === undefined ? null : annotatedTextsJson(audit.texts),
    names: audit.spellings.map(spellingJson),
    files: audit.files.map((file) => ({ ...file })),
  };
}

function annotatedTextsJson({
  betweenEvaluations,
  leaks,
  leftOut,
  numLeaks,
  summary,
  unknown,
}: AnnotatedTexts): JsonValue {
  return {
    numLeaks,
    summary: textsJson(summary),
    leaks: leaks.map(textLeakJson),
    leftOut: leftOut === undefined ? null : leftOutJson(leftOut),
    unknown,
    betweenEvaluations: betweenEvaluations.map((pair) => ({ ...pair })),
  };
}

function leftOutJson({ matrix, numLeaks, texts, yields }: LeftOutTexts): JsonValue {
  return {
    texts,
    numLeaks,
    yields: yields.map((one) => ({ ...one })),
    matrix: matrix.map((cell) => ({ ...cell })),
  };
}

function groupJson({
  name,
  role,
  members,
  because,
  pictures,
  untold,
  leftOut,
  lacks,
}: GroupReport): JsonValue {
  const of = members.map(({ dataset, split, parts }) => {
    return { dataset, split: split ?? null, parts: parts === "everything" ? parts : [...parts] };
  });
  return {
    name,
    role,
    of,
    because,
    pictures,
    untold,
    leftOut: { ...leftOut },
    lacks: lacks ?? null,
  };
}

function cellJson(cell: CellReport, groups: readonly GroupReport[]): JsonValue {
  const { row, column, pictures, byRule, kept, isAtLeast: atLeast, chains } = cell;
  const [seen, evaluated] = [groups[row], groups[column]];
  const isKnown =
    seen !== undefined && evaluated !== undefined && seen.pictures > 0 && evaluated.pictures > 0;
  const share = isKnown ? pictures / evaluated.pictures : null;
  return {
    seen: seen?.name ?? "",
    evaluated: evaluated?.name ?? "",
    pictures: isKnown ? pictures : null,
    share,
    atLeast,
    byRule: { ...byRule },
    kept: isKnown ? kept : null,
    chains: chains.map(({ train, eval: other, steps }) => {
      return {
        train: { ...train },
        eval: { ...other },
        steps: steps.map(({ from, to, rule, evidence }) => ({ from, to, rule, evidence })),
      };
    }),
  };
}

function statedJson({ pictures, parts, alsoByName, needed }: StatedCopies): JsonValue {
  const named = parts.map((part) => ({ ...part }));
  return { pictures, parts: named, alsoByName: alsoByName ?? null, needed: [...needed] };
}

function spellingJson({ parts, firstContradicted, ...numbers }: SpellingYield): JsonValue {
  return {
    parts: [...parts],
    ...numbers,
    isUsed: usedSpellings.has(numbers.spelling),
    firstContradicted: firstContradicted.map((pair) => [...pair]),
  };
}
