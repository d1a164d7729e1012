import { hash } from "node:crypto";
import { flickrPhotoId, imageKey } from "../../core/keys.ts";
import { shapeFault } from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import { readDatasetManifest } from "../dataset-manifest.ts";
import type {
  DatasetReading,
  Entry,
  Examined,
  FileReading,
  SceneDescription,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { filesThere, noFileOf } from "../official-files.ts";
import { DigestNamedPictures } from "../pictures/digest-named-pictures.ts";
import { wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";

/**
 * Conceptual Captions (3.3 million): one caption and one URL a line, with a tab between them and no
 * quoting. A picture is named by the sha256 of its URL as published, as are its key and its file:
 *
 *     cc3m/pictures/<first two hex digits>/<sha256>.<jpg, png, …>     as `crossweave fetch` lays them out
 *     cc3m/training/<sha256>.<…>  cc3m/validation/<sha256>.<…>
 *
 * Lines with one URL are one scene with all their captions, equal ones too. The publisher gives no ids:
 * a caption's is "training-12", the 12th line of its file. The validation
 * file is read first, so that a URL of both files is of the validation, and the training lines that
 * have it are quarantined unless a recipe puts both into one split.
 */
export const conceptualCaptions: Source = { dataset: "conceptual-captions", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  return planDataset(await readConceptualCaptions(options), options);
}

const parts = ["validation", "training"] as const;
type Part = (typeof parts)[number];

const fileOf: Readonly<Record<Part, string>> = {
  validation: "cc3m/Validation_GCC-1.1.0-Validation.tsv",
  training: "cc3m/Train_GCC-training.tsv",
};

/** Labels that a machine gave to the pictures of two million of the training lines. */
const IMAGE_LABELS = "cc3m/Image_Labels_Subset_Train_GCC-Labels-training.tsv";

async function readConceptualCaptions(options: SourceOptions): Promise<DatasetReading> {
  const { folder, progress, splits } = options;
  const manifest = await readDatasetManifest(conceptualCaptions.dataset);
  wantedSplit(manifest.splits, options);
  const there = await filesThere(folder, [...parts.map((part) => fileOf[part]), IMAGE_LABELS]);
  if (there.includes(IMAGE_LABELS)) {
    progress.say(
      `${IMAGE_LABELS} is left unread: it repeats captions and adds labels by a machine`,
    );
  }
  const taken = parts.filter((part) => splits.some((split) => split.parts.includes(part)));
  // Of three million training pictures nobody need hear who asks for those of the validation.
  const wanted = options.picturesOnly === true && taken.length > 0 ? taken : parts;
  const read = wanted.filter((part) => there.includes(fileOf[part]));
  if (read.length === 0) throw noFileOf(manifest, folder);
  return {
    manifest,
    files: read.map(readingOf),
    pictures: new DigestNamedPictures(folder, ["cc3m/training", "cc3m/validation"]),
    absentFiles: taken.map((part) => fileOf[part]).filter((path) => !there.includes(path)),
  };
}

function readingOf(part: Part): FileReading {
  const examine = (entry: Entry): Examined => examineLine(entry, part);
  return { path: fileOf[part], format: "lines", lists: { "": { kind: "caption", examine } } };
}

/** A line of either file. */
function examineLine({ value, index }: Entry, part: Part): Examined {
  const line = String(value);
  const [text = "", url, ...others] = line.split("\t");
  if (url === undefined) return shapeFault(`has no tab: ${shown(line)}`);
  if (others.length > 0) {
    return shapeFault(`has ${others.length + 2} columns; expected a caption and a URL`);
  }
  if (!/^https?:\/\/./i.test(url) || !URL.canParse(url)) {
    return shapeFault(`its second column is ${shown(url)}; expected a URL`);
  }
  const fault = textFault(text);
  if (fault !== undefined) return fault;
  return {
    id: "",
    sceneId: url,
    describe: () => describePicture(url, part),
    texts: () => [sceneText({ id: `${part}-${index + 1}`, kind: "caption", text })],
  };
}

function describePicture(url: string, part: Part): SceneDescription {
  const name = hash("sha256", url, "hex");
  const key = imageKey("cc3m", name);
  const picture = {
    key,
    name,
    folder: `cc3m/pictures/${name.slice(0, 2)}`,
    url,
    flickrPhotoId: flickrPhotoId(url) ?? null,
    license: null,
    linkedKeys: [],
  };
  return { sceneKey: key, part: { part, evidence: fileOf[part] }, pictures: [picture] };
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
