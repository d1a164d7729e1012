import { SourceError } from "../../core/errors.ts";
import { imageKey } from "../../core/keys.ts";
import type { SceneDraft } from "../../core/records.ts";
import {
  type AnnotationFile,
  AnnotationReader,
  findAnnotationFile,
} from "../annotations/annotation-file.ts";
import { isObject } from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { parseJsonLine, readTextLines } from "../annotations/text-lines.ts";
import { flickr30kIdOfName } from "../datasets/flickr30k.ts";
import type { ListedScenes } from "./listed-scenes.ts";
import type { ListingOptions } from "./listed-dataset.ts";

/**
 * SNLI, of whose pairs SNLI-VE is made: nothing here is prepared from it, but text encoders are trained on it, and SNLI-VE
 * deals its pairs out anew by their pictures.
 */
export const snliDataset = "snli";
export const snliParts = ["train", "dev", "test"] as const;

/** A pair of SNLI: its hypothesis with its label, and the photo that its premise describes. */
type Pair = Readonly<Record<"captionID" | "pairID" | "sentence2" | "gold_label", string>>;

const fields = ["captionID", "pairID", "sentence2", "gold_label"] as const;

/** The pairs of `snli/snli_1.0_{train,dev,test}.jsonl`, or `.txt`, part by part; undefined where none of them is there. */
export async function listSnliScenes({
  folder,
  signal,
}: ListingOptions): Promise<ListedScenes | undefined> {
  const files = new Map<string, AnnotationFile>();
  for (const part of snliParts) {
    const file =
      (await findAnnotationFile(folder, `snli/snli_1.0_${part}.jsonl`)) ??
      (await findAnnotationFile(folder, `snli/snli_1.0_${part}.txt`));
    if (file !== undefined) files.set(part, file);
  }
  if (files.size === 0) return undefined;
  return {
    scenes: (part) => {
      const file = files.get(part);
      return file === undefined ? [] : readScenes(new AnnotationReader(file, signal), part);
    },
    [Symbol.dispose]: () => {},
  };
}

/** A scene for each pair. Throws SourceError where a line is none. */
async function* readScenes(reader: AnnotationReader, part: string): AsyncGenerator<SceneDraft> {
  const { path } = reader.file;
  const read = path.includes(".jsonl") ? pairOfJson : pairsOfTable();
  let number = 0;
  for await (const lines of readTextLines(reader)) {
    for (const { bytes } of lines) {
      number += 1;
      const pair = read(bytes);
      if (pair === "no pair") continue;
      if (pair === undefined) throw notAPair(path, number);
      yield sceneOf(pair, part);
    }
  }
}

function pairOfJson(bytes: Buffer): Pair | "no pair" | undefined {
  const { fault, value } = parseJsonLine(bytes);
  if (fault !== null || (value !== undefined && !isObject(value))) return undefined;
  return value === undefined ? "no pair" : pairOf((name) => value[name]);
}

/** Reads lines of tab-separated columns, of which the first names them. */
function pairsOfTable(): (bytes: Buffer) => Pair | "no pair" | undefined {
  let columns: readonly string[] | undefined;
  return (bytes) => {
    const cells = bytes.toString("utf8").split("\t");
    if (columns !== undefined) {
      const places = new Map(columns.map((name, at) => [name, at]));
      return pairOf((name) => cells[places.get(name) ?? -1]); // lines end with the last column they have
    }
    columns = cells;
    return fields.every((name) => cells.includes(name)) ? "no pair" : undefined;
  };
}

function pairOf(valueOf: (name: string) => unknown): Pair | undefined {
  const [captionID, pairID, sentence2, label] = fields.map(valueOf);
  if (typeof captionID !== "string" || typeof pairID !== "string") return undefined;
  if (typeof sentence2 !== "string" || typeof label !== "string") return undefined;
  return { captionID, pairID, sentence2, gold_label: label };
}

/** "-" is the label of pairs that people did not agree about. */
const NO_LABEL = "-";

function sceneOf(
  { captionID, gold_label: label, pairID, sentence2 }: Pair,
  split: string,
): SceneDraft {
  const photo = flickr30kIdOfName(captionID.slice(0, captionID.indexOf("#")));
  // Some captions are Visual Genome's, of which SNLI gives no picture's number.
  const key = photo === undefined ? undefined : imageKey("flickr30k", photo);
  const picture = {
    path: "",
    url: null,
    flickrPhotoId: photo ?? null,
    license: null,
    linkedKeys: [],
  };
  return {
    sceneKey: key ?? `snli:${pairID}`,
    split,
    pictures: key === undefined ? [] : [{ key, ...picture }],
    texts: [
      sceneText({
        id: pairID,
        kind: "hypothesis",
        text: sentence2,
        label: label === NO_LABEL ? null : label,
      }),
    ],
  };
}

function notAPair(file: string, line: number): SourceError {
  return new SourceError(
    `${file} line ${line}: no pair of SNLI; expected the fields ${fields.join(", ")}`,
    { file, record: `line ${line}`, remedy: "download the file again" },
  );
}
