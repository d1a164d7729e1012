import type { Examined, ExaminedRecord, NoRecord, RecordFault } from "./dataset-reading.ts";

export function isFault(examined: Examined): examined is RecordFault {
  return "fault" in examined;
}

export function isNoRecord(examined: Examined): examined is NoRecord {
  return "noRecord" in examined;
}

/** Text that is equal for two records with one id that say the same. */
export function essenceOf(record: ExaminedRecord): string {
  if (record.essence !== undefined) return record.essence();
  const { sceneId, joinKey = null } = record;
  const texts = record.texts?.() ?? [];
  const nested = record.nested?.map((item) => ("fault" in item ? item.fault : item.text())) ?? [];
  const pictures = record.describe?.().pictures ?? null;
  return JSON.stringify([sceneId, joinKey, pictures, texts, record.adds?.() ?? null, nested]);
}
