import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { type Arbitrary, constantFrom, nat, oneof, record } from "fast-check";
import { isObject } from "../../../src/ingest/annotations/record-fields.ts";
import { zipOf } from "../../tensor/zip-fixture.ts";
import { bytesOf, type WholeFile } from "./whole-files.ts";

/** What happens to a file: to its bytes, to its records and fields, and whether before it is packed. */
export interface Damage {
  readonly how: ByteDamage | RecordDamage;
  readonly packing: "" | ".gz" | ".zip";
  /** Whether the packed file is damaged, and not what is inside. */
  readonly isOutside: boolean;
}

interface ByteDamage {
  readonly of: "bytes";
  readonly kind: "flip" | "cut" | "remove" | "insert" | "reverse" | "repeat";
  readonly at: number;
  readonly length: number;
  readonly byte: number;
}

interface RecordDamage {
  readonly of: "records";
  readonly kind: "drop" | "duplicate" | "swap" | "odd";
  /** Which list, line or object of the file. */
  readonly at: number;
  /** Which item of it, and the other one of a swap. */
  readonly item: number;
  readonly other: number;
}

export const damages: Arbitrary<Damage> = record({
  how: oneof<Arbitrary<ByteDamage | RecordDamage>[]>(
    record({
      of: constantFrom("bytes" as const),
      kind: constantFrom(...(["flip", "cut", "remove", "insert", "reverse", "repeat"] as const)),
      at: nat(),
      length: nat(40),
      byte: nat(255),
    }),
    record({
      of: constantFrom("records" as const),
      kind: constantFrom(...(["drop", "duplicate", "swap", "odd"] as const)),
      at: nat(),
      item: nat(),
      other: nat(),
    }),
  ),
  packing: constantFrom(...(["", "", ".gz", ".zip"] as const)),
  isOutside: constantFrom(false, false, true),
});

/** The damaged file's bytes as they lie in the folder, under its path with the packing's ending. */
export function damagedFile(path: string, file: WholeFile, damage: Damage): Buffer {
  const { how, packing, isOutside } = damage;
  if (how.of === "records") return packed(path, withRecords(file, how), packing);
  if (isOutside) return withBytes(packed(path, bytesOf(file), packing), how);
  return packed(path, withBytes(bytesOf(file), how), packing);
}

/** A file's bytes, packed as publishers and users pack them. */
export function packed(path: string, bytes: Buffer, packing: Damage["packing"]): Buffer {
  if (packing === "") return bytes;
  if (packing === ".gz") return gzipSync(bytes);
  return zipOf({ [basename(path)]: bytes });
}

function withBytes(bytes: Buffer, { kind, at: anywhere, length, byte }: ByteDamage): Buffer {
  const at = anywhere % bytes.length;
  const [before, some, after] = [
    bytes.subarray(0, at),
    bytes.subarray(at, at + length),
    bytes.subarray(at + length),
  ];
  const pieces = {
    flip: [before, some.map((value) => value ^ byte), after],
    cut: [before],
    remove: [before, after],
    insert: [before, Buffer.alloc(length, byte), some, after],
    reverse: [before, Buffer.from(some.toReversed()), after],
    repeat: [before, some, some, after],
  } as const satisfies Readonly<Record<string, readonly Uint8Array[]>>;
  return Buffer.concat(pieces[kind]);
}

const oddValues = [
  null,
  -1,
  0,
  1.5,
  2 ** 53,
  Number.MAX_VALUE,
  "",
  " ",
  "x",
  "\uD800",
  "7",
  [],
  {},
];

function withRecords(file: WholeFile, damage: RecordDamage): Buffer {
  if (Buffer.isBuffer(file)) return withLines(file, damage);
  const containers = containersOf(file.value);
  const chosen = containers[damage.at % containers.length];
  return bytesOf({ ...file, value: changedAt(file.value, chosen, damage) });
}

/** All lists and objects of a document that have items. */
function containersOf(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  const items = Object.values(value);
  return [...(items.length > 0 ? [value] : []), ...items.flatMap(containersOf)];
}

function changedAt(value: unknown, chosen: object | undefined, damage: RecordDamage): unknown {
  if (value === chosen) return changed(value, damage);
  if (Array.isArray(value)) return value.map((item) => changedAt(item, chosen, damage));
  if (!isObject(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, changedAt(item, chosen, damage)]));
}

function changed(value: unknown, damage: RecordDamage): unknown {
  if (Array.isArray(value)) return changedItems(value, damage);
  if (!isObject(value)) return value;
  const names = Object.keys(value);
  // Of an object the names stay in their order, and a duplicate has a name of its own.
  const items = changedItems(Object.values(value), damage);
  if (damage.kind === "drop") names.splice(damage.item % names.length, 1);
  return Object.fromEntries(items.map((item, at) => [names[at] ?? "another", item]));
}

function changedItems(
  items: readonly unknown[],
  { kind, item: anyItem, other: anyOther }: RecordDamage,
): unknown[] {
  const [at, other] = [anyItem % items.length, anyOther % items.length];
  switch (kind) {
    case "drop":
      return items.toSpliced(at, 1);
    case "duplicate":
      return items.toSpliced(other, 0, items[at]);
    case "swap":
      return items.with(at, items[other]).with(other, items[at]);
    case "odd":
      return items.with(at, oddValues[anyOther % oddValues.length]);
  }
}

// Of a text file either lines or the fields of one line change place; fields end at tabs, commas and bars.
function withLines(bytes: Buffer, damage: RecordDamage): Buffer {
  const lines = bytes.toString().split("\n");
  if (damage.at % 2 === 0) return Buffer.from(textsOf(changedItems(lines, damage)).join("\n"));
  const at = damage.at % lines.length;
  const pieces = (lines[at] ?? "").split(/([\t,|])/);
  return Buffer.from(lines.with(at, textsOf(changedItems(pieces, damage)).join("")).join("\n"));
}

function textsOf(items: readonly unknown[]): string[] {
  return items.map((item) => (typeof item === "string" ? item : JSON.stringify(item)));
}
