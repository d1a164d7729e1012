import { PickleFault } from "./pickle-bytes.ts";
import { isDict, isList, type PickledDict } from "./pickle-stack.ts";

/** How deep lists and dicts may be nested; references of RefCOCO are four deep. */
const MAX_DEPTH = 64;
/**
 * How large the data may be when every reference is followed, in values and characters. What is
 * shared costs nothing in the file, and ten lists of ten times the list before are ten thousand million.
 */
const MAX_SIZE = 2 ** 28;

interface Extent {
  readonly size: number;
  readonly depth: number;
}

type Extents = Map<object, Extent | "open">;

/**
 * Throws PickleFault when walking the value would not end, or not soon: it contains itself, is nested
 * too deep, or is too large with everything that is shared counted each time. Looks at each list and
 * dict once.
 */
export function requirePlainTree(value: unknown): void {
  extentOf(value, 1, new Map());
}

function extentOf(value: unknown, level: number, extents: Extents): Extent {
  if (typeof value === "string") return { size: 1 + value.length, depth: 0 };
  if (!isList(value) && !isDict(value)) return { size: 1, depth: 0 };
  const known = extents.get(value);
  if (known === "open") throw new PickleFault("the data contains itself");
  if (known !== undefined) return known;
  if (level > MAX_DEPTH) throw tooDeep();
  extents.set(value, "open");
  const extent = sumOfItems(value, level, extents);
  extents.set(value, extent);
  return extent;
}

function sumOfItems(value: unknown[] | PickledDict, level: number, extents: Extents): Extent {
  const keys = isList(value) ? [] : Object.keys(value);
  let size = 1 + keys.reduce((sum, key) => sum + key.length, 0);
  let depth = 0;
  for (const item of isList(value) ? value : Object.values(value)) {
    const extent = extentOf(item, level + 1, extents);
    size += extent.size;
    depth = Math.max(depth, extent.depth);
  }
  if (size > MAX_SIZE) {
    const problem = `more than ${MAX_SIZE} values and characters when all references are followed`;
    throw new PickleFault(`the data has ${problem}`);
  }
  if (depth >= MAX_DEPTH) throw tooDeep();
  return { size, depth: depth + 1 };
}

function tooDeep(): PickleFault {
  return new PickleFault(`the data is nested more than ${MAX_DEPTH} deep`);
}
