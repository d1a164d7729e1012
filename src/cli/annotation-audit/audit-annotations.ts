import { excludedPictures } from "../../audit/crosswalk/excluded-pictures.ts";
import {
  type EvaluatedPictures,
  evaluatedPictures,
} from "../../audit/crosswalk/evaluated-pictures.ts";
import { type Cell, type CellQuestion, countCells } from "../../audit/crosswalk/count-cells.ts";
import { measureSpellings } from "../../audit/crosswalk/name-spellings.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Backbone } from "../../ingest/exclusion/backbones.ts";
import { type LeakSetting, readLeakSetting } from "../../ingest/exclusion/leak-policy.ts";
import {
  type PublishedOverlap,
  publishedOverlaps,
} from "../../ingest/exclusion/published-overlaps.ts";
import {
  type AnnotatedPictures,
  type AnnotationContext,
  relateAnnotatedPictures,
} from "./annotation-pictures.ts";
import {
  type AnnotationAudit,
  type CellReport,
  type GroupReport,
  reportCells,
} from "./annotation-report.ts";
import {
  type AnnotatedTexts,
  compareAnnotatedTexts,
} from "../annotation-texts/annotation-texts.ts";
import {
  type AuditGroups,
  type ComparedGroup,
  groupsOfEverything,
  groupsOfSetting,
  readBackbones,
} from "./compared-groups.ts";
import { publishedNumbers } from "./published-numbers.ts";

export interface AnnotationAuditCall {
  /** The folder with the official annotation files. */
  readonly folder: string;
  /** The name of a policy or a file; without one every part is compared with every other. */
  readonly policy: string | undefined;
  /** Names or files of backbones, instead of the policy's own. */
  readonly backbones: readonly string[] | undefined;
  /** Whether texts are compared as well. */
  readonly withTexts?: boolean | undefined;
  /** Whether the training pictures that have to go are listed. */
  readonly withExclusions?: boolean | undefined;
}

/**
 * What a published setting leaks into each evaluation split, from annotation files alone. Throws
 * ConfigError for a policy, backbone or dataset that there is not, SourceError for a damaged file.
 */
export async function auditAnnotations(
  { folder, policy, backbones: declared, withExclusions, withTexts }: AnnotationAuditCall,
  context: AnnotationContext,
): Promise<AnnotationAudit> {
  const setting = policy === undefined ? undefined : await readLeakSetting(policy);
  if (setting === undefined && declared !== undefined) throw noPolicyForBackbone();
  const backbones = setting === undefined ? [] : await readBackbones(setting, declared);
  const chosen =
    setting === undefined ? await groupsOfEverything() : await groupsOfSetting(setting, backbones);
  const audited = await auditPictures({ chosen, setting, folder }, context);
  const exclusions =
    withExclusions === true ? excludedPictures(audited.evaluated, chosen) : undefined;
  const texts =
    withTexts === true
      ? await compareAnnotatedTexts(chosen, { folder, pictures: audited.evaluated }, context)
      : undefined;
  return reportOf({
    setting,
    backbones,
    chosen,
    audited,
    exclusions,
    texts,
    overlaps: await publishedOverlaps(),
  });
}

/** What was found of the pictures. */
interface AuditedPictures extends Omit<AnnotatedPictures, "related"> {
  readonly groups: readonly GroupReport[];
  readonly cells: readonly CellReport[];
  readonly stated: AnnotationAudit["stated"];
  readonly evaluated: EvaluatedPictures;
}

/** Relates all pictures, which takes the most memory: what is asked of them later is taken out, and the rest can go. */
async function auditPictures(
  {
    chosen,
    folder,
    setting,
  }: { chosen: AuditGroups; folder: string; setting: LeakSetting | undefined },
  context: AnnotationContext,
): Promise<AuditedPictures> {
  const policyRules = chosen.leftOut === undefined ? undefined : setting?.identities;
  const { related, ...annotated } = await relateAnnotatedPictures(
    chosen.groups,
    { folder, policyRules },
    context,
  );
  const counts = countCells(related, questionOf(chosen));
  const groups = chosen.groups.map((group, number): GroupReport => {
    const { pictures = 0, untold = 0, leftOut = {} } = counts.groups[number] ?? {};
    const absent = pictures === 0 ? lackOf(group, annotated) : undefined;
    const lacks = annotated.lacks[number] ?? absent;
    return { ...group, number, pictures, untold, leftOut, lacks };
  });
  const isStated = ({ column }: Cell): boolean => column === chosen.stated;
  return {
    ...annotated,
    groups,
    cells: reportCells(
      counts.cells.filter((cell) => !isStated(cell)),
      groups,
      related,
    ),
    stated: statedCopies(groups, counts.cells.filter(isStated)),
    evaluated: evaluatedPictures(related, chosen),
  };
}

function noPolicyForBackbone(): ConfigError {
  return new ConfigError(
    "--backbone says what a policy's model had seen, and no --policy is given",
    {
      remedy: "add --policy, such as --policy soho",
    },
  );
}

function questionOf(chosen: AuditGroups): CellQuestion {
  const { groups, training, allTraining, backbones, evaluations, leftOut, stated } = chosen;
  const wholes = groups.flatMap(({ role }, group) => (role === "whole" ? [group] : []));
  const trained = allTraining === undefined ? training : [...training, allTraining];
  if (wholes.length > 0) {
    const all = [...trained, ...evaluations, ...wholes];
    return { rows: all, columns: [...all, stated], isAsked: isOfTwoSets(groups) };
  }
  // What a backbone had seen a policy cannot take back.
  const leaveOut = leftOut === undefined ? undefined : { group: leftOut, from: trained };
  return { rows: [...trained, ...backbones], columns: [...evaluations, stated], leaveOut };
}

interface Audited {
  readonly setting: LeakSetting | undefined;
  readonly backbones: readonly Backbone[];
  readonly chosen: AuditGroups;
  readonly audited: AuditedPictures;
  readonly exclusions: AnnotationAudit["exclusions"];
  readonly texts: AnnotatedTexts | undefined;
  readonly overlaps: readonly PublishedOverlap[];
}

function reportOf({
  setting,
  backbones,
  chosen,
  audited,
  exclusions,
  texts,
  overlaps,
}: Audited): AnnotationAudit {
  const { cells, files, groups, measured, stated } = audited;
  return {
    outcome: outcomeOf(chosen, groups, cells),
    policy: setting && {
      name: setting.name,
      summary: setting.summary,
      drops: setting.drops,
      identities: setting.identities,
    },
    groups,
    training: chosen.training,
    allTraining: chosen.allTraining,
    evaluations: chosen.evaluations,
    leftOut: chosen.leftOut,
    backbones: backbones.map((backbone) => {
      return {
        ...backbone,
        groups: chosen.backbones.filter((group) =>
          backbone.sees.some((one) => chosen.groups[group]?.members.includes(one)),
        ),
      };
    }),
    cells,
    stated,
    published: publishedNumbers(overlaps, groups, cells),
    texts,
    exclusions,
    spellings: measureSpellings(measured),
    files,
  };
}

function outcomeOf(
  { training, backbones, evaluations }: AuditGroups,
  groups: readonly GroupReport[],
  cells: readonly CellReport[],
): AnnotationAudit["outcome"] {
  const rows = new Set([...training, ...backbones]);
  const columns = new Set(evaluations);
  const isCompared = [rows, columns].every((side) =>
    groups.some(({ number, pictures }) => side.has(number) && pictures > 0),
  );
  if (!isCompared) return "unchecked";
  const isLeaking = cells.some(
    ({ row, column, kept }) => rows.has(row) && columns.has(column) && kept > 0,
  );
  return isLeaking ? "leaking" : "clean";
}

const MAX_NAMED = 3;

/** Why nothing of a group is listed, as far as can be told: which official files of its name are not there. */
function lackOf(
  { members }: ComparedGroup,
  { absentFiles }: Pick<AnnotatedPictures, "absentFiles">,
): string {
  const files = members.flatMap(({ dataset, parts }) => {
    const absent = absentFiles.get(dataset) ?? [];
    const ofParts = absent.filter(
      (path) => parts !== "everything" && parts.some((part) => path.includes(part)),
    );
    return ofParts.length > 0 ? ofParts : absent;
  });
  const named = files.slice(0, MAX_NAMED).join(", ");
  const more = files.length > MAX_NAMED ? ", …" : "";
  const what = "no picture of it is listed";
  return files.length === 0 ? what : `${what}; not there: ${named}${more}`;
}

const NEEDED_FOR_COPIES = ["coco/train2014", "coco/val2014", "flickr30k/flickr30k-images"];

/** What a published list states of copies, and where these pictures are trained or evaluated on. */
function statedCopies(
  groups: readonly GroupReport[],
  cells: readonly Cell[],
): AnnotationAudit["stated"] {
  const stated = groups.find(({ role }) => role === "stated");
  if (stated === undefined || stated.pictures === 0) return undefined;
  const isOfCoco = ({ row }: Cell): boolean =>
    groups[row]?.role !== "whole" &&
    groups[row]?.members.every(({ dataset }) => dataset === "coco") === true;
  const flickr30k = cells.find(
    ({ row }) => groups[row]?.role === "whole" && groups[row]?.members[0]?.dataset === "flickr30k",
  );
  return {
    pictures: stated.pictures,
    parts: cells
      .filter((cell) => cell.pictures > 0 && isOfCoco(cell))
      .map(({ row, pictures }) => ({ name: groups[row]?.name ?? "", pictures })),
    alsoByName: flickr30k?.pictures,
    needed: NEEDED_FOR_COPIES,
  };
}

/** A whole has its own parts, which says nothing. */
function isOfTwoSets(groups: readonly ComparedGroup[]): (row: number, column: number) => boolean {
  return (row, column) => {
    const [one, other] = [groups[row], groups[column]];
    if (one?.role !== "whole" && other?.role !== "whole") return true;
    return one?.members[0]?.dataset !== other?.members[0]?.dataset;
  };
}
