import type { RecordFault } from "../joining/dataset-reading.ts";

/** What `recordId` takes, in words. */
export const ID_EXPECTED = "a whole number from 0 to 2^53 - 1, or its digits";

/**
 * A publisher's id as its digits without leading zeros; undefined for anything else. A number beyond
 * 2^53 has lost its last digits by the time it is read, so it names no record; digits in quotation
 * marks may be longer.
 */
export function recordId(value: unknown): string | undefined {
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
  }
  if (typeof value !== "string" || !/^\d{1,32}$/.test(value)) return undefined;
  return value.replace(/^0+(?=\d)/, "");
}

export function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is wrong with a record's field, for the ledger. */
export function wrongField(name: string, value: unknown, expected: string): string {
  return `/${name} is ${shown(value)}; expected ${expected}`;
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  const text = (JSON.stringify(value) ?? "").slice(0, 80);
  // The file may say 9007199254740993, and all that is known of it is 9007199254740992.
  const isRounded = typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return isRounded ? `about ${text} (past 2^53 a number has lost its last digits)` : text;
}

/** A record with a field that is missing or of the wrong type; its id where that can be read. */
export function shapeFault(evidence: string, id?: string): RecordFault {
  return { fault: "ANN_SHAPE", evidence, ...(id === undefined ? {} : { id }) };
}

export function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
