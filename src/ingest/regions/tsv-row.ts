// R regions, D features, C classes
import type { Detections } from "./detections.ts";
import { RegionFault } from "./region-fault.ts";
import type { RegionPolicy } from "./region-policy.ts";

/** The columns that are read; the others of a file are left alone. */
const columnNames = [
  "image_id",
  "image_w",
  "image_h",
  "num_boxes",
  "boxes",
  "features",
  "objects_conf",
  "cls_prob",
] as const;
type ColumnName = (typeof columnNames)[number];

/** Where each column stands in a row. */
export interface TsvLayout {
  readonly numColumns: number;
  readonly positions: ReadonlyMap<ColumnName, number>;
  /** Whether the first line names the columns. */
  readonly hasHeader: boolean;
}

// The files have no header. The first two forms are of bottom-up attention's own scripts, the third is LXMERT's.
const knownLayouts: readonly (readonly string[])[] = [
  "image_id image_w image_h num_boxes boxes features",
  "image_id image_w image_h num_boxes boxes features cls_prob",
  "image_id image_h image_w objects_id objects_conf attrs_id attrs_conf num_boxes boxes features",
].map((names) => names.split(" "));

/** How a file is laid out, by its first line; undefined when it is none of the known forms and has no header. */
export function layoutOf(firstLine: Buffer): TsvLayout | undefined {
  const fields = fieldsOf(firstLine).map((field) => field.toString("latin1"));
  const named = fields.map((field) => field.replace(/^img_/, "image_"));
  const hasHeader = named.includes("image_id") && named.includes("features");
  const names = hasHeader ? named : knownLayouts.find(({ length }) => length === fields.length);
  if (names === undefined) return undefined;
  const positions = new Map(
    columnNames.flatMap((name) => {
      const position = names.indexOf(name);
      return position === -1 ? [] : [[name, position] as const];
    }),
  );
  const needed = columnNames.slice(0, 6);
  if (!needed.every((name) => positions.has(name))) return undefined;
  return { numColumns: names.length, positions, hasHeader };
}

/** The image id of a row as the file spells it, without looking at the rest of the line. */
export function imageIdOf(line: Buffer, { positions }: TsvLayout): string {
  const [field] = fieldsOf(line.subarray(0, ID_SEARCH_BYTES)).slice(positions.get("image_id"));
  return field?.toString("latin1") ?? "";
}

// Ids stand first in all files known; a long line need not be searched for its columns.
const ID_SEARCH_BYTES = 1024;
const TAB = 0x09;

function fieldsOf(line: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  let start = 0;
  for (let end = line.indexOf(TAB); end !== -1; end = line.indexOf(TAB, start)) {
    fields.push(line.subarray(start, end));
    start = end + 1;
  }
  fields.push(line.subarray(start));
  return fields;
}

const CORNERS = 4;
const BYTES_PER_FLOAT = 4;
const MAX_REGIONS = 4096;
const MAX_SIDE = 1_000_000;

/** What a row says of its picture. Throws RegionFault when it is damaged or not of the policy's sizes. */
export function parseRow(
  line: Buffer,
  layout: TsvLayout,
  { policy, place }: { policy: RegionPolicy; place: string },
): Detections {
  try {
    const row = new TsvRow(line, layout);
    const numRegions = row.wholeNumber("num_boxes", MAX_REGIONS);
    return {
      place,
      corners: row.floats("boxes", numRegions * CORNERS),
      frame: {
        width: row.wholeNumber("image_w", MAX_SIDE),
        height: row.wholeNumber("image_h", MAX_SIDE),
      },
      confidences: row.has("objects_conf") ? row.floats("objects_conf", numRegions) : null,
      features: row.floats("features", numRegions * policy.numFeatures),
      classProbabilities:
        policy.numClasses === 0 ? null : row.floats("cls_prob", numRegions * policy.numClasses),
    };
  } catch (error) {
    if (!(error instanceof RegionFault)) throw error;
    throw new RegionFault(error.code, `${place}: ${error.message}`);
  }
}

class TsvRow {
  readonly #fields: readonly Buffer[];
  readonly #layout: TsvLayout;

  constructor(line: Buffer, layout: TsvLayout) {
    this.#fields = fieldsOf(line);
    this.#layout = layout;
    if (this.#fields.length === layout.numColumns) return;
    const message = `it has ${this.#fields.length} columns, expected ${layout.numColumns}`;
    throw new RegionFault("REG_SHAPE", message);
  }

  has(column: ColumnName): boolean {
    return this.#layout.positions.has(column);
  }

  /** A number from 1 to `largest`. */
  wholeNumber(column: ColumnName, largest: number): number {
    const text = this.#text(column);
    // Pandas writes whole numbers that way when a column has a gap.
    const number = /^\d{1,9}(?:\.0)?$/.test(text) ? Number(text) : Number.NaN;
    if (number >= 1 && number <= largest) return number;
    const shown = JSON.stringify(text.slice(0, 40));
    throw new RegionFault("REG_SHAPE", `${column} is ${shown}; expected 1 to ${largest}`);
  }

  /** Base64 of 32-bit little-endian floats, exactly so many of them. */
  floats(column: ColumnName, numValues: number): Float32Array {
    const text = this.#text(column);
    const sizeBytes = numValues * BYTES_PER_FLOAT;
    const values = new Float32Array(numValues);
    // Node skips what is not base64, which leaves fewer bytes.
    const isWhole =
      text.length === base64Length(sizeBytes) &&
      Buffer.from(values.buffer).write(text, "base64") === sizeBytes;
    if (isWhole) return values;
    const found = `${text.length} characters of base64`;
    const expected = `${base64Length(sizeBytes)} for ${numValues} values`;
    throw new RegionFault("REG_SHAPE", `${column} has ${found}, expected ${expected}`);
  }

  #text(column: ColumnName): string {
    const position = this.#layout.positions.get(column);
    const field = position === undefined ? undefined : this.#fields[position];
    if (field !== undefined) return field.toString("latin1");
    throw new RegionFault(
      "REG_SHAPE",
      `the file has no column ${column}, which the recipe asks for`,
    );
  }
}

function base64Length(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 3) * 4;
}
