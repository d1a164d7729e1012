import type { ByteSource } from "../arrow/file-reader.ts";
import type { PlannedRead } from "./plan-reads.ts";

/**
 * Carries out a plan on a file, memory or a server: the bytes of the wanted ranges in the order in which they
 * were wanted, as views into what was read. Reads of a source that answers later run at the same time.
 */
export async function executeReads(
  source: ByteSource,
  reads: readonly PlannedRead[],
): Promise<Uint8Array[]> {
  const answers = await Promise.all(reads.map(async (read) => source.read(read.range)));
  const values: Uint8Array[] = [];
  for (const [index, { parts }] of reads.entries()) {
    const bytes = answers[index] ?? new Uint8Array(0);
    for (const { index: place, range } of parts) {
      values[place] = bytes.subarray(range.offset, range.offset + range.sizeBytes);
    }
  }
  return values;
}
