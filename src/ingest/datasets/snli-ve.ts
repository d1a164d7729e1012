import { isObject, wrongField } from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import { readDatasetManifest } from "../dataset-manifest.ts";
import type {
  DatasetReading,
  Entry,
  Examined,
  FileReading,
  PartMembership,
  RecordFault,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { filesThere, isTaken, noFileOf } from "../official-files.ts";
import type { PublishedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";
import {
  describeFlickr30kPicture,
  flickr30kIdOfName,
  listFlickr30kPictures,
  readFlickr30kSplit,
} from "./flickr30k.ts";

/**
 * SNLI-VE: hypotheses that a picture of Flickr30K entails, contradicts or leaves open. The caption
 * that a hypothesis was written about, the premise of SNLI, is kept as the text's context and never
 * as a text, so that a model that reads it cannot be mistaken for one that sees the picture only.
 *
 * Where none of SNLI-VE's own files is there, those of e-SNLI-VE are read: other pairs, without
 * premises. Their explanations are answers to another task and are left out.
 *
 * The parts of its first published split are its files. They share no picture in the official
 * release; where they do in another, the picture is a scene of each, and the audit finds the leak.
 */
export const snliVe: Source = { dataset: "snli-ve", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  return planDataset(await readSnliVe(options), options);
}

const parts = ["train", "dev", "test"] as const;
type Part = (typeof parts)[number];

interface Release {
  readonly fileOf: (part: Part) => string;
  readonly read: (context: PairContext) => Omit<FileReading, "path">;
}

const releases: readonly Release[] = [
  { fileOf: (part) => `snli-ve/snli_ve_${part}.jsonl`, read: readJsonLines },
  { fileOf: (part) => `snli-ve/esnlive_${part}.csv`, read: readRows },
];

async function readSnliVe(options: SourceOptions): Promise<DatasetReading> {
  const { folder } = options;
  const manifest = await readDatasetManifest(snliVe.dataset);
  const split = await readFlickr30kSplit(manifest, options);
  for (const { fileOf, read } of releases) {
    const there = await filesThere(folder, parts.map(fileOf));
    if (there.length === 0) continue;
    return {
      manifest,
      files: parts
        .map((part) => ({ path: fileOf(part), ...read(contextOf(part, fileOf(part), split)) }))
        .filter(({ path }) => there.includes(path)),
      pictures: await listFlickr30kPictures(folder),
      split,
      absentFiles: parts
        .filter((part) => isTaken(part, options.splits))
        .map(fileOf)
        .filter((path) => !there.includes(path)),
    };
  }
  throw noFileOf(manifest, folder);
}

/** Where the pairs of a file are. */
interface PairContext {
  /** Pairs with one id are doubles, and pairs about one picture a scene, where this is the same. */
  readonly scope: string;
  readonly partOf: (photoId: string) => PartMembership | undefined;
}

function contextOf(part: Part, file: string, split: PublishedSplit | undefined): PairContext {
  if (split !== undefined) return { scope: "", partOf: (photoId) => split.partOf.get(photoId) };
  return { scope: `${part}/`, partOf: () => ({ part, evidence: file }) };
}

function readJsonLines(context: PairContext): Omit<FileReading, "path"> {
  const examine = (entry: Entry): Examined => examinePair(entry, context);
  return { format: "json-lines", lists: { "": pairs(examine, context) } };
}

function readRows(context: PairContext): Omit<FileReading, "path"> {
  const examine = pairsOfTable(context);
  return { format: "csv", lists: { "": pairs(examine, context) } };
}

function pairs(
  examine: (entry: Entry) => Examined,
  { scope }: PairContext,
): FileReading["lists"][string] {
  return { kind: "pair", idSpace: `${scope}pair`, digestsIds: true, examine };
}

/** A line of snli_ve_*.jsonl. */
function examinePair({ value }: Entry, context: PairContext): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const { sentence1: premise, sentence2: hypothesis } = value;
  if (typeof premise !== "string") return shapeFault(wrongField("sentence1", premise, "a text"));
  const fault = textFault(premise);
  if (fault !== undefined) return { ...fault, evidence: `/sentence1: ${fault.evidence}` };
  return pairOf({ ...value, hypothesis }, premise, context);
}

/** Reads the rows of esnlive_*.csv, of which the first says what the columns are. */
function pairsOfTable(context: PairContext): (entry: Entry) => Examined {
  let columns: readonly string[] = [];
  return ({ value, index }) => {
    const row: readonly unknown[] = Array.isArray(value) ? value : [];
    if (index === 0) {
      columns = row.map(String);
      return { noRecord: true };
    }
    if (row.length !== columns.length) {
      return shapeFault(`has ${row.length} columns; expected ${columns.length}`);
    }
    const fields = Object.fromEntries(columns.map((name, column) => [name, row[column]]));
    return pairOf(fields, null, context);
  };
}

function pairOf(
  fields: { readonly [name: string]: unknown },
  premise: string | null,
  { scope, partOf }: PairContext,
): Examined {
  const { pairID: id, hypothesis, gold_label: label } = fields;
  if (typeof id !== "string" || id === "") return shapeFault(wrongField("pairID", id, "an id"));
  const photoId = photoIdOf(fields);
  if (typeof photoId !== "string") return { ...photoId, id };
  if (typeof hypothesis !== "string") {
    return {
      ...shapeFault(
        wrongField(premise === null ? "hypothesis" : "sentence2", hypothesis, "a text"),
      ),
      id,
    };
  }
  const fault = textFault(hypothesis);
  if (fault !== undefined) return { ...fault, id };
  if (label !== "-" && !labels.some((known) => known === label)) {
    return { ...shapeFault(wrongField("gold_label", label, labels.join(", "))), id };
  }
  return {
    id,
    sceneId: `${scope}${photoId}`,
    describe: () => describeFlickr30kPicture(photoId, partOf(photoId)),
    ...(label === "-" ? { leftOut: noAgreement } : {}),
    texts: () => [
      sceneText({
        id,
        kind: "hypothesis",
        text: hypothesis,
        label: String(label),
        context: premise,
      }),
    ],
  };
}

const labels = ["entailment", "neutral", "contradiction"] as const;

// SNLI's own rule, by which SNLI-VE was made: such pairs are neither trained on nor evaluated on.
const noAgreement = {
  outcome: "excluded",
  reason: "no-gold-label",
  evidence: 'its gold_label is "-": most of its annotators did not agree',
} as const;

/** The publishers' spellings of the field that names the picture, the present one first. */
const imageFields = ["Flickr30K_ID", "Flikr30kID", "Flickr30kID"] as const;

function photoIdOf(fields: { readonly [name: string]: unknown }): string | RecordFault {
  const field = imageFields.find((name) => fields[name] !== undefined) ?? imageFields[0];
  const name = fields[field];
  const photoId = typeof name === "string" ? flickr30kIdOfName(name) : undefined;
  return photoId ?? shapeFault(wrongField(field, name, "a photo id, with or without .jpg"));
}

function shapeFault(evidence: string): RecordFault {
  return { fault: "ANN_SHAPE", evidence };
}
