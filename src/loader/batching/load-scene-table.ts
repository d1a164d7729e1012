import { canonicalJson, sha256 } from "../../core/digest.ts";
import { ConfigError } from "../../core/errors.ts";
import type { SceneHead } from "../../core/records.ts";
import { rowLength } from "../labelled/labelled-rows.ts";
import { labelledText, type LabelledTask } from "../labelled/labelled-task.ts";
import { uprightSize } from "../pictures/view-geometry.ts";
import { isPairable } from "../pairing/scene-texts.ts";
import type { WordPieceTokenizer } from "../text/word-piece.ts";
import { NOT_PAIRED, type SceneTable } from "./scene-table.ts";
import { bytesOf, readOrCompute, tableFile } from "../tables/table-file.ts";

/** A split of which tables are made; `setDigest` and `name` say which, so that a table can be found again. */
export interface TableSplit {
  readonly setDigest: string;
  readonly name: string;
  readonly numScenes: number;
  readonly numTexts: number;
  heads(signal?: AbortSignal): AsyncIterable<SceneHead>;
  /** Of each scene the regions of its picture. */
  regionCounts(signal?: AbortSignal): AsyncIterable<number>;
}

/** Which columns are wanted. */
export interface TableNeeds {
  readonly portrait: boolean;
  readonly regions: boolean;
  /** Present where the texts' lengths are needed. */
  readonly tokenizer: WordPieceTokenizer | undefined;
  /** Present where the texts are labelled: it says which of them are samples, and what is read of them. */
  readonly task?: LabelledTask | undefined;
}

// Raised by every change of the files below, of the tokenizer and of what counts as portrait.
const TABLE_VERSION = 1;
// What 16 bits hold.
const MAX_COUNT = 0xffff;
// [CLS] and [SEP]
const NUM_SPECIALS = 2;

/**
 * The wanted columns of all scenes of these splits, in order, in shared memory. A split's columns are computed
 * once, by reading all its heads, and kept in the cache folder under the digests of what they depend on: nothing
 * is written beside the sets. A damaged file is computed anew; where nothing can be written, each start computes.
 */
export async function loadSceneTable(
  splits: readonly TableSplit[],
  needs: TableNeeds,
): Promise<SceneTable> {
  const table = allocate(splits, needs);
  let [scene, text] = [0, 0];
  for (const split of splits) {
    const columns = columnsOf(table, { split, scene, text }, needs);
    await fillColumns(columns, { split, needs });
    scene += split.numScenes;
    text += split.numTexts;
  }
  return table;
}

/** A part of the table that has a file of its own. */
interface Column {
  readonly kind: "portrait" | "texts" | "regions";
  /** The arrays of the column, as they follow one another in its file. */
  readonly arrays: readonly (Uint8Array | Uint16Array)[];
}

function allocate(splits: readonly TableSplit[], needs: TableNeeds): SceneTable {
  const numScenes = splits.reduce((sum, split) => sum + split.numScenes, 0);
  const numTexts = splits.reduce((sum, split) => sum + split.numTexts, 0);
  const [pictures, regions, scenes, texts] = [
    needs.portrait ? numScenes : 0,
    needs.regions ? numScenes : 0,
    needs.tokenizer === undefined ? 0 : numScenes,
    needs.tokenizer === undefined ? 0 : numTexts,
  ];
  return {
    portrait: new Uint8Array(new SharedArrayBuffer(pictures)),
    textCounts: new Uint16Array(new SharedArrayBuffer(2 * scenes)),
    textLengths: new Uint16Array(new SharedArrayBuffer(2 * texts)),
    regionCounts: new Uint16Array(new SharedArrayBuffer(2 * regions)),
  };
}

function columnsOf(
  table: SceneTable,
  at: { split: TableSplit; scene: number; text: number },
  needs: TableNeeds,
): Column[] {
  const { scene, split, text } = at;
  const portrait = table.portrait.subarray(scene, scene + split.numScenes);
  const textCounts = table.textCounts.subarray(scene, scene + split.numScenes);
  const textLengths = table.textLengths.subarray(text, text + split.numTexts);
  const regionCounts = table.regionCounts.subarray(scene, scene + split.numScenes);
  return [
    ...(needs.regions ? [{ kind: "regions", arrays: [regionCounts] } as const] : []),
    ...(needs.portrait ? [{ kind: "portrait", arrays: [portrait] } as const] : []),
    ...(needs.tokenizer === undefined
      ? []
      : [{ kind: "texts", arrays: [textCounts, textLengths] } as const]),
  ];
}

interface TableContext {
  readonly split: TableSplit;
  readonly needs: TableNeeds;
}

async function fillColumns(columns: readonly Column[], context: TableContext): Promise<void> {
  for (const column of columns) {
    await readOrCompute(columnFile(column, context), {
      read: (payload) => readColumn(payload, column),
      compute: async () => {
        await computeColumn(column, context);
        return column.arrays.map((array) => bytesOf(array));
      },
    });
  }
}

function columnFile({ kind }: Column, { needs, split }: TableContext): string {
  const { digest = null, letterCase = null } = kind === "texts" ? (needs.tokenizer ?? {}) : {};
  const { task } = needs;
  const ofTask = kind === "texts" && task !== undefined ? { task: taskName(task) } : {};
  return tableFile({
    version: TABLE_VERSION,
    kind,
    setDigest: split.setDigest,
    split: split.name,
    vocabulary: digest,
    letterCase,
    ...ofTask,
  });
}

function taskName(task: LabelledTask): string {
  return sha256(canonicalJson({ ...task }));
}

function readColumn(payload: Uint8Array, { arrays }: Column): boolean {
  const sizeBytes = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (payload.length !== sizeBytes) return false;
  let offset = 0;
  for (const array of arrays) {
    bytesOf(array).set(payload.subarray(offset, offset + array.byteLength));
    offset += array.byteLength;
  }
  return true;
}

async function computeColumn({ arrays, kind }: Column, context: TableContext): Promise<void> {
  const [first, lengths] = arrays;
  if (kind === "regions") return countRegions(first, context.split);
  let [scene, text] = [0, 0];
  for await (const head of context.split.heads()) {
    if (first === undefined) return;
    first[scene] = kind === "portrait" ? Number(isPortrait(head)) : countOf(head);
    scene += 1;
    if (lengths === undefined) continue;
    lengths.set(lengthsOf(head, context.needs), text);
    text += head.texts.length;
  }
}

async function countRegions(
  counts: Uint8Array | Uint16Array | undefined,
  split: TableSplit,
): Promise<void> {
  let scene = 0;
  for await (const count of split.regionCounts()) {
    if (counts !== undefined) counts[scene] = Math.min(MAX_COUNT, count);
    scene += 1;
  }
}

function countOf({ sceneKey, texts }: SceneHead): number {
  if (texts.length <= MAX_COUNT) return texts.length;
  throw new ConfigError(`scene ${sceneKey} has ${texts.length} texts, more than ${MAX_COUNT}`, {
    record: sceneKey,
    remedy: 'use batching.kind "pictures"',
  });
}

function lengthsOf({ texts }: SceneHead, { task, tokenizer }: TableNeeds): number[] {
  return texts.map((text) => {
    if (task !== undefined && tokenizer !== undefined) {
      const rows = labelledText(text, task)?.rows ?? [];
      const lengths = rows.map((row) => rowLength(row, tokenizer));
      return Math.min(MAX_COUNT, Math.max(NOT_PAIRED, ...lengths));
    }
    if (!isPairable(text)) return NOT_PAIRED;
    const length = (tokenizer?.encode(text.text).length ?? 0) + NUM_SPECIALS;
    return Math.min(MAX_COUNT, length);
  });
}

function isPortrait({ pictures: [picture] }: SceneHead): boolean {
  if (picture === undefined) return false;
  const { height, width } = uprightSize(picture);
  return height > width;
}
