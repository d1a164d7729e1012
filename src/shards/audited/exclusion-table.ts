import type { ExclusionRow, ExclusionStepRow } from "../../core/attestation/exclusion-row.ts";
import { SourceError } from "../../core/errors.ts";
import { BodyCursor } from "../arrow/batch-body.ts";
import { type ColumnView, utf8 } from "../arrow/codec.ts";
import { columnDifference } from "../arrow/column-type.ts";
import { type ByteSource, parseBatch, readFooter } from "../arrow/file-reader.ts";
import { ArrowFileWriter, encodeBatch } from "../arrow/file-writer.ts";
import { ArrowFormatError } from "../arrow/format-error.ts";
import { field, type FieldCodec, list, nullable, struct } from "../arrow/nested-codec.ts";
import { metadataDifference } from "../shard-file.ts";

/** An exclusion manifest as an Arrow file holds it. */
export interface ExclusionTable {
  readonly auditDigest: string;
  /** Canonical JSON of what the audit was asked to do. */
  readonly settings: string;
  /** What names the manifest, as Arrow file and as JSON. */
  readonly digest: string;
  readonly rows: readonly ExclusionRow[];
}

const optionalText = nullable(utf8);

const chainStep = struct<ExclusionStepRow>({
  fields: [
    field("from", utf8, (row) => row.from),
    field("to", utf8, (row) => row.to),
    field("rule", utf8, (row) => row.rule),
    field("evidence", utf8, (row) => row.evidence),
    field("from_place", utf8, (row) => row.fromPlace),
    field("to_place", utf8, (row) => row.toPlace),
    field("near", optionalText, (row) => row.near),
  ],
  blank: { from: "", to: "", rule: "", evidence: "", fromPlace: "", toPlace: "", near: null },
  view(cursor, numRows) {
    const [from, to, rule] = [
      texts(cursor, numRows),
      texts(cursor, numRows),
      texts(cursor, numRows),
    ];
    const evidence = texts(cursor, numRows);
    const [fromPlace, toPlace] = [texts(cursor, numRows), texts(cursor, numRows)];
    const near = optionalText.view(cursor, numRows);
    return (row) => ({
      from: from.get(row),
      to: to.get(row),
      rule: rule.get(row),
      evidence: evidence.get(row),
      fromPlace: fromPlace.get(row),
      toPlace: toPlace.get(row),
      near: near.get(row),
    });
  },
});
const chain = list(chainStep);

function texts(cursor: BodyCursor, numRows: number): ColumnView<string> {
  return utf8.view(cursor, numRows);
}

const fields: readonly FieldCodec<ExclusionRow>[] = [
  field("key", utf8, (row) => row.key),
  field("dataset", utf8, (row) => row.dataset),
  field("set", utf8, (row) => row.set),
  field("split", utf8, (row) => row.split),
  field("rule", utf8, (row) => row.rule),
  field("evidence", utf8, (row) => row.evidence),
  field("eval_set", utf8, (row) => row.evalSet),
  field("eval_split", utf8, (row) => row.evalSplit),
  field("eval_key", utf8, (row) => row.evalKey),
  field("chain", chain, (row) => row.chain),
  field("policy", optionalText, (row) => row.policy),
  field("tool_version", utf8, (row) => row.toolVersion),
];

const FORMAT: ReadonlyMap<string, string> = new Map([
  ["crossweave.format", "crossweave-exclusions"],
  ["crossweave.version", "2"],
]);
const AUDIT_DIGEST = "crossweave.audit_digest";
const SETTINGS = "crossweave.settings";
const DIGEST = "crossweave.digest";
const ROWS_PER_BATCH = 4096;

/** The bytes of an exclusion manifest as an Arrow IPC file; equal manifests give equal bytes. */
export async function exclusionTableBytes(table: ExclusionTable): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const memory = {
    writev: async (written: readonly Uint8Array[]) => {
      parts.push(...written);
      return { bytesWritten: written.reduce((sum, { byteLength }) => sum + byteLength, 0) };
    },
    sync: async () => {},
  };
  const writer = await ArrowFileWriter.start(
    memory,
    fields,
    new Map([
      ...FORMAT,
      [AUDIT_DIGEST, table.auditDigest],
      [SETTINGS, table.settings],
      [DIGEST, table.digest],
    ]),
  );
  for (let start = 0; start < table.rows.length; start += ROWS_PER_BATCH) {
    await writer.write(encodeBatch(table.rows.slice(start, start + ROWS_PER_BATCH), fields));
  }
  await writer.finish();
  return Buffer.concat(parts);
}

/** Whether bytes are those of an Arrow file, whatever it holds. */
export function isArrowFile(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, MAGIC.length)).toString("latin1") === MAGIC;
}

const MAGIC = "ARROW1";

/**
 * Reads an exclusion manifest. Throws SourceError when `bytes`, the content of `file`, are none, or not those that
 * `exclusionTableBytes` makes of what they say; whether the digest is that of the rows is for the caller to check.
 */
export async function readExclusionTable(bytes: Uint8Array, file: string): Promise<ExclusionTable> {
  try {
    const table = await parseTable(bytes);
    if (Buffer.compare(await exclusionTableBytes(table), bytes) === 0) return table;
  } catch (error) {
    // The codecs say RangeError of offsets that lead out of a damaged file.
    if (!(error instanceof ArrowFormatError) && !(error instanceof RangeError)) throw error;
    throw notAsWritten(file, error.message, error);
  }
  throw notAsWritten(file, "it is not as it was written; the file was changed");
}

async function parseTable(bytes: Uint8Array): Promise<ExclusionTable> {
  const source: ByteSource = {
    sizeBytes: bytes.byteLength,
    read: ({ offset, sizeBytes }) => bytes.subarray(offset, offset + sizeBytes),
  };
  const footer = await readFooter(source);
  const columns = fields.map(({ column }) => column);
  const difference =
    metadataDifference(footer, FORMAT) ?? columnDifference(footer.columns, columns);
  if (difference !== undefined) throw new ArrowFormatError(difference);
  const rows: ExclusionRow[] = [];
  for (const { offset, metadataSizeBytes, bodySizeBytes } of footer.batches) {
    const sizeBytes = metadataSizeBytes + bodySizeBytes;
    for (const row of rowsOf(await source.read({ offset, sizeBytes }))) rows.push(row);
  }
  const { metadata } = footer;
  return {
    auditDigest: metadata.get(AUDIT_DIGEST) ?? "",
    settings: metadata.get(SETTINGS) ?? "",
    digest: metadata.get(DIGEST) ?? "",
    rows,
  };
}

function* rowsOf(bytes: Uint8Array): Generator<ExclusionRow> {
  const batch = parseBatch(bytes);
  const { numRows } = batch;
  const cursor = new BodyCursor(batch);
  const [key, dataset] = [texts(cursor, numRows), texts(cursor, numRows)];
  const [set, split] = [texts(cursor, numRows), texts(cursor, numRows)];
  const [rule, evidence] = [texts(cursor, numRows), texts(cursor, numRows)];
  const [evalSet, evalSplit] = [texts(cursor, numRows), texts(cursor, numRows)];
  const evalKey = texts(cursor, numRows);
  const steps = chain.view(cursor, numRows);
  const policy = optionalText.view(cursor, numRows);
  const toolVersion = texts(cursor, numRows);
  cursor.end();
  for (let row = 0; row < numRows; row += 1) {
    yield {
      key: key.get(row),
      dataset: dataset.get(row),
      set: set.get(row),
      split: split.get(row),
      rule: rule.get(row),
      evidence: evidence.get(row),
      evalSet: evalSet.get(row),
      evalSplit: evalSplit.get(row),
      evalKey: evalKey.get(row),
      chain: steps.get(row),
      policy: policy.get(row),
      toolVersion: toolVersion.get(row),
    };
  }
}

function notAsWritten(file: string, found: string, cause?: unknown): SourceError {
  return new SourceError(`${file}: not an exclusion manifest of version 2: ${found}`, {
    file,
    remedy: "write the file again: crossweave audit <set…> --exclusions FILE",
    cause,
  });
}
