import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { explainedWriteError, syncFolder } from "../core/files.ts";
import { type LedgerEntry, type LedgerOutcome, ledgerOutcomes } from "../core/records.ts";
import { BodyCursor } from "./arrow/batch-body.ts";
import { type Codec, utf8 } from "./arrow/codec.ts";
import { field, type FieldCodec } from "./arrow/nested-codec.ts";
import { columnDifference } from "./arrow/column-type.ts";
import { parseBatch, readFooter } from "./arrow/file-reader.ts";
import { ArrowFileWriter, encodeBatch, type WrittenFile } from "./arrow/file-writer.ts";
import { ArrowFormatError } from "./arrow/format-error.ts";
import { FileStorage, type ShardStorage } from "./file-storage.ts";
import { restrictedText } from "./scene-columns.ts";
import { metadataDifference, placedFault, sha256OfSource } from "./shard-file.ts";
import { LEDGER_FILE, type LedgerFileEntry, readIndex } from "./shard-set-index.ts";

const ROWS_PER_BATCH = 4096;

const outcomeText: Codec<LedgerOutcome> = restrictedText("missing", (text) =>
  ledgerOutcomes.find((outcome) => outcome === text),
);

const ledgerFields: readonly FieldCodec<LedgerEntry>[] = [
  field("file", utf8, (row) => row.file),
  field("kind", utf8, (row) => row.kind),
  field("record", utf8, (row) => row.record),
  field("id", utf8, (row) => row.id),
  field("outcome", outcomeText, (row) => row.outcome),
  field("reason", utf8, (row) => row.reason),
  field("evidence", utf8, (row) => row.evidence),
];

const metadata: ReadonlyMap<string, string> = new Map([
  ["crossweave.format", "crossweave-ledger"],
  ["crossweave.version", "1"],
]);

/** Writes the ledger, one row for each record that was not written, and gives its entry for the index. */
export async function writeLedger(
  folder: string,
  entries: AsyncIterable<LedgerEntry> | Iterable<LedgerEntry>,
): Promise<LedgerFileEntry> {
  const path = join(folder, LEDGER_FILE);
  try {
    const written = await writeRows(`${path}.part`, entries);
    await rename(`${path}.part`, path);
    await syncFolder(folder);
    const numRows = written.batches.reduce((sum, batch) => sum + batch.numRows, 0);
    return { file: LEDGER_FILE, sizeBytes: written.sizeBytes, sha256: written.sha256, numRows };
  } catch (error) {
    await rm(`${path}.part`, { force: true });
    throw explainedWriteError(error, path);
  }
}

async function writeRows(
  path: string,
  entries: AsyncIterable<LedgerEntry> | Iterable<LedgerEntry>,
): Promise<WrittenFile> {
  await using file = await open(path, "w");
  const writer = await ArrowFileWriter.start(file, ledgerFields, metadata);
  let rows: LedgerEntry[] = [];
  for await (const entry of entries) {
    rows.push(entry);
    if (rows.length < ROWS_PER_BATCH) continue;
    await writer.write(encodeBatch(rows, ledgerFields));
    rows = [];
  }
  if (rows.length > 0) await writer.write(encodeBatch(rows, ledgerFields));
  return await writer.finish();
}

/**
 * The rows of a finished set's ledger in order, after its digest was checked. Throws `SourceError` when
 * there is no finished set, `ShardError` when the ledger is missing or damaged.
 */
export async function* readLedger(folder: string): AsyncGenerator<LedgerEntry> {
  const { ledger } = await readIndex(folder);
  await using storage = new FileStorage(folder);
  try {
    const actual = await sha256OfSource(await storage.open(LEDGER_FILE));
    if (actual !== ledger.sha256) {
      throw new ArrowFormatError(
        `the file has the sha256 ${actual}, the index says ${ledger.sha256}`,
      );
    }
    yield* readLedgerRows(storage);
  } catch (error) {
    throw placedFault(error, { set: folder, file: LEDGER_FILE });
  }
}

/** The rows of a ledger whatever its digest; faults come without their place. */
export async function* readLedgerRows(storage: ShardStorage): AsyncGenerator<LedgerEntry> {
  const source = await storage.open(LEDGER_FILE);
  const footer = await readFooter(source);
  const columns = ledgerFields.map((member) => member.column);
  const difference =
    columnDifference(footer.columns, columns) ?? metadataDifference(footer, metadata);
  if (difference !== undefined) throw new ArrowFormatError(difference);
  for (const { offset, metadataSizeBytes, bodySizeBytes } of footer.batches) {
    yield* ledgerRows(await source.read({ offset, sizeBytes: metadataSizeBytes + bodySizeBytes }));
  }
}

function* ledgerRows(bytes: Uint8Array): Generator<LedgerEntry> {
  const batch = parseBatch(bytes);
  const cursor = new BodyCursor(batch);
  const text = (): ((row: number) => string) => {
    const view = utf8.view(cursor, batch.numRows);
    return (row) => view.get(row);
  };
  const [file, kind, record, id] = [text(), text(), text(), text()];
  const outcome = outcomeText.view(cursor, batch.numRows);
  const [reason, evidence] = [text(), text()];
  cursor.end();
  for (let row = 0; row < batch.numRows; row += 1) {
    yield {
      file: file(row),
      kind: kind(row),
      record: record(row),
      id: id(row),
      outcome: outcome.get(row),
      reason: reason(row),
      evidence: evidence(row),
    };
  }
}
