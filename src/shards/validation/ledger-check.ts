import type { LedgerEntry, RecordCounts } from "../../core/records.ts";
import { readLedgerRows } from "../ledger.ts";
import { describeReadFault, sha256OfSource } from "../shard-file.ts";
import { INDEX_FILE, LEDGER_FILE, type ShardSetIndex } from "../shard-set-index.ts";
import type { CheckContext } from "./shard-check.ts";

/** Checks that the ledger is what the index says and that every record read is accounted for. */
export async function checkLedger(index: ShardSetIndex, context: CheckContext): Promise<void> {
  const { faults } = context;
  const place = { file: LEDGER_FILE };
  const numFaultsBefore = faults.numFaults;
  const tallies = new Map<string, number>();
  try {
    await checkLedgerFile(index, context);
    for await (const entry of readLedgerRows(context.storage)) {
      context.signal?.throwIfAborted();
      context.checked.numLedgerRows += 1;
      const key = tallyKey(entry, entry.outcome);
      tallies.set(key, (tallies.get(key) ?? 0) + 1);
    }
  } catch (error) {
    const message = describeReadFault(error);
    if (message === undefined) throw error;
    faults.add(place, message);
  }
  if (faults.numFaults > numFaultsBefore) return;
  for (const message of accountFaults(index, tallies)) faults.add({ file: INDEX_FILE }, message);
}

async function checkLedgerFile(index: ShardSetIndex, context: CheckContext): Promise<void> {
  const { sizeBytes, sha256 } = index.ledger;
  const source = await context.storage.open(LEDGER_FILE);
  context.checked.numFiles += 1;
  const actual = await sha256OfSource(source, (size) => {
    context.signal?.throwIfAborted();
    context.checked.sizeBytes += size;
    context.onRead(size);
  });
  if (source.sizeBytes === sizeBytes && actual === sha256) return;
  context.faults.add(
    { file: LEDGER_FILE },
    `${source.sizeBytes} bytes with the sha256 ${actual}, the index says ${sizeBytes} with ${sha256}`,
  );
}

const outcomes = ["excluded", "quarantined", "missing"] as const;

/** Where the index, its counts and the ledger's rows disagree. */
function* accountFaults(
  index: ShardSetIndex,
  tallies: ReadonlyMap<string, number>,
): Generator<string> {
  const numRows = [...tallies.values()].reduce((sum, count) => sum + count, 0);
  if (numRows !== index.ledger.numRows) {
    yield `the ledger has ${numRows} rows, the index says ${index.ledger.numRows}`;
  }
  const unclaimed = new Map(tallies);
  for (const counts of index.counts) {
    const sum = counts.written + counts.excluded + counts.quarantined + counts.missing;
    if (sum !== counts.read) {
      yield `${describeCounts(counts)}: ${counts.read} were read, but ${sum} are accounted for`;
    }
    for (const outcome of outcomes) {
      const key = tallyKey(counts, outcome);
      const found = unclaimed.get(key) ?? 0;
      unclaimed.delete(key);
      if (found === counts[outcome]) continue;
      yield `${describeCounts(counts)}: ${counts[outcome]} ${outcome}, the ledger lists ${found}`;
    }
  }
  for (const [key, count] of unclaimed) {
    yield `the ledger lists ${count} rows of ${key}, which the index does not count`;
  }
}

function tallyKey(record: Pick<LedgerEntry, "file" | "kind">, outcome: string): string {
  return `${outcome} ${record.kind} records of ${record.file}`;
}

function describeCounts(counts: RecordCounts): string {
  return `${counts.kind} records of ${counts.file}`;
}
