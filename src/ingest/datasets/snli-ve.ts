import { isObject, shapeFault, wrongField } from "../annotations/record-fields.ts";
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
import { filesThere, isTaken, isToldByIds, noFileOf, requireKind } from "../official-files.ts";
import { wantedSplit } from "../published-split.ts";
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
  readonly format: "json-lines" | "csv";
  readonly pairsIn: (context: PairContext) => (entry: Entry) => Examined;
}

const releases: readonly Release[] = [
  {
    fileOf: (part) => `snli-ve/snli_ve_${part}.jsonl`,
    format: "json-lines",
    pairsIn: (context) => (entry) => examinePair(entry, context),
  },
  { fileOf: (part) => `snli-ve/esnlive_${part}.csv`, format: "csv", pairsIn: pairsOfTable },
];

async function readSnliVe(options: SourceOptions): Promise<DatasetReading> {
  const { folder } = options;
  const manifest = await readDatasetManifest(snliVe.dataset);
  requireKind("hypothesis", manifest, options);
  const split = await readFlickr30kSplit(manifest, options);
  const hasParts = wantedSplit(manifest.splits, options) !== undefined;
  for (const release of releases) {
    const { fileOf } = release;
    const there = await filesThere(folder, parts.map(fileOf));
    if (there.length === 0) continue;
    return {
      manifest,
      files: parts
        .filter((part) => there.includes(fileOf(part)))
        .map((part) => readingOf(part, release, { manifest, split, hasParts })),
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

function readingOf(
  part: Part,
  { fileOf, format, pairsIn }: Release,
  {
    manifest,
    split,
    hasParts,
  }: Pick<DatasetReading, "manifest" | "split"> & { readonly hasParts: boolean },
): FileReading {
  const path = fileOf(part);
  const context: PairContext =
    split === undefined
      ? { scope: hasParts ? `${part}/` : "", partOf: () => ({ part, evidence: path }) }
      : { scope: "", partOf: (photoId) => split.partOf.get(photoId) };
  const idSpace = `${context.scope}pair`;
  const digestsIds = isToldByIds(path, manifest);
  const list = { kind: "pair", idSpace, digestsIds, examine: pairsIn(context) };
  return { path, format, lists: { "": list } };
}

/** A line of snli_ve_*.jsonl. */
function examinePair({ value }: Entry, context: PairContext): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  return pairOf(
    { fields: value, hypothesisField: "sentence2", premiseField: "sentence1" },
    context,
  );
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
    return pairOf({ fields, hypothesisField: "hypothesis", premiseField: null }, context);
  };
}

type Fields = Readonly<Record<string, unknown>>;

interface PairFields {
  readonly fields: Fields;
  readonly hypothesisField: string;
  /** Null in files that have no premises. */
  readonly premiseField: string | null;
}

function pairOf(
  { fields, hypothesisField, premiseField }: PairFields,
  { scope, partOf }: PairContext,
): Examined {
  const { pairID: id, gold_label: label } = fields;
  if (typeof id !== "string" || id === "") return shapeFault(wrongField("pairID", id, "an id"));
  const photoId = photoIdOf(fields);
  if (typeof photoId !== "string") return { ...photoId, id };
  const text = textOf(fields, hypothesisField);
  if (typeof text !== "string") return { ...text, id };
  const context = premiseField === null ? null : textOf(fields, premiseField);
  if (context !== null && typeof context !== "string") return { ...context, id };
  if (typeof label !== "string" || !labels.includes(label)) {
    return { ...shapeFault(wrongField("gold_label", label, labels.join(", "))), id };
  }
  return {
    id,
    sceneId: `${scope}${photoId}`,
    describe: () => describeFlickr30kPicture(photoId, partOf(photoId)),
    ...(label === NO_AGREEMENT ? { leftOut: noAgreement } : {}),
    texts: () => [sceneText({ id, kind: "hypothesis", text, label, context })],
  };
}

const NO_AGREEMENT = "-";
const labels: readonly string[] = ["entailment", "neutral", "contradiction", NO_AGREEMENT];

// SNLI's own rule, by which SNLI-VE was made: such pairs are neither trained on nor evaluated on.
const noAgreement = {
  outcome: "excluded",
  reason: "no-gold-label",
  evidence: 'its gold_label is "-": its annotators did not agree',
} as const;

/** The publishers' spellings of the field that names the picture, the present one first. */
const imageFields = ["Flickr30K_ID", "Flikr30kID", "Flickr30kID"] as const;

function photoIdOf(fields: Fields): string | RecordFault {
  const field = imageFields.find((name) => fields[name] !== undefined) ?? imageFields[0];
  const name = fields[field];
  const photoId = typeof name === "string" ? flickr30kIdOfName(name) : undefined;
  return photoId ?? shapeFault(wrongField(field, name, "a photo id, with or without .jpg"));
}

function textOf(fields: Fields, field: string): string | RecordFault {
  const text = fields[field];
  if (typeof text !== "string") return shapeFault(wrongField(field, text, "a text"));
  const fault = textFault(text);
  return fault === undefined
    ? text
    : { fault: fault.fault, evidence: `/${field}: ${fault.evidence}` };
}
