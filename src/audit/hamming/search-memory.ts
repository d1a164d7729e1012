import { HASH_BYTES } from "../perceptual/hash.ts";
import { MAX_MASKS, MAX_SLOTS, maxSlotBits, type Slot } from "./slot-plan.ts";

/** How large a search can be. */
export interface SearchLimits {
  readonly maxLeft: number;
  /** 0 where a set is only compared with itself. */
  readonly maxRight: number;
  readonly numThreads: number;
}

/** Where the hashes of one side lie, and what is made of them; places in bytes. */
export interface SidePlaces {
  readonly hashes: number;
  /** Of each row, which of the distinct hashes it has. */
  readonly groups: number;
  readonly heads: number;
  readonly rows: number;
  /** Behind a word of 0. */
  readonly ends: number;
  /** For finding equal hashes; overlaps `heads` and what follows. */
  readonly table: number;
}

/** What lies where in the memory that the threads of a search share. */
export interface SearchLayout {
  readonly control: number;
  readonly join: number;
  readonly slots: number;
  readonly masks: number;
  readonly bitTables: number;
  readonly cursors: number;
  readonly found: number;
  readonly left: SidePlaces;
  readonly right: SidePlaces;
  readonly end: number;
}

/** The words at `control`, which threads change by atomic operations. */
export const controlWords = { nextTask: 0, stop: 1, numPairs: 2 } as const;

/** Words of a found pair: left row, right row, distance. */
export const PAIR_WORDS = 3;
/** Pairs that a thread finds before they are taken away. */
export const FOUND_CAPACITY: number = 1 << 14;
export const CURSOR_BYTES = 64;
/** native/hamming.c's Cursor: where it keeps the place of its pairs, their limit and their number. */
export const cursorWords = { firstKey: 0, found: 5, capacity: 6, numFound: 7 } as const;

const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;
const SLOT_WORDS = 3;
/** Heads behind the last one that the loops read. */
const HEADS_BEHIND = 3;
const HEAD_BYTES = HASH_BYTES / 2;
const BYTE_VALUES = 256;
const HASH_BITS = 256;
// Every bit goes to another place, so that bits of neighbouring frequencies, which are alike in many pictures,
// come into different slots. Any odd number permutes the 256 places.
const BIT_STRIDE = 101;

export function layOutSearch({ maxLeft, maxRight, numThreads }: SearchLimits): SearchLayout {
  let end = 0;
  const take = (numBytes: number): number => {
    const start = end;
    end = Math.ceil((start + numBytes) / 64) * 64;
    return start;
  };
  const control = take(64);
  const join = take(64);
  const slots = take(MAX_SLOTS * SLOT_WORDS * WORD_BYTES);
  const masks = take(MAX_MASKS * WORD_BYTES);
  const bitTables = take(HASH_BYTES * BYTE_VALUES * HASH_BYTES);
  const cursors = take(numThreads * CURSOR_BYTES);
  const found = take(numThreads * FOUND_CAPACITY * PAIR_WORDS * WORD_BYTES);
  const numKeys = 2 ** maxSlotBits(Math.max(maxLeft, maxRight));
  const left = layOutSide({ maxRows: maxLeft, numKeys, take });
  const right = maxRight === 0 ? left : layOutSide({ maxRows: maxRight, numKeys, take });
  return { control, join, slots, masks, bitTables, cursors, found, left, right, end };
}

function layOutSide(side: {
  readonly maxRows: number;
  readonly numKeys: number;
  readonly take: (numBytes: number) => number;
}): SidePlaces {
  const { maxRows, numKeys, take } = side;
  const hashes = take(maxRows * HASH_BYTES + WORD_BYTES); // a key's word may reach beyond the last
  const groups = take(maxRows * WORD_BYTES);
  const heads = take((maxRows + HEADS_BEHIND) * HEAD_BYTES);
  const rows = take(maxRows * WORD_BYTES);
  const ends = take((numKeys + 1) * WORD_BYTES) + WORD_BYTES;
  return { hashes, groups, heads, rows, ends, table: heads };
}

/** Places of the table of `numRows` hashes: a power of two, at least half as many again. */
export function tablePlaces(numRows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, numRows) * 1.5));
}

let knownBitMoves: Uint8Array | undefined;

/** Of each byte's place and value, the hash with its bits where they are moved to: [32, 256, 32]. */
export function bitMoves(): Uint8Array {
  knownBitMoves ??= madeBitMoves();
  return knownBitMoves;
}

function madeBitMoves(): Uint8Array {
  const tables = new Uint8Array(HASH_BYTES * BYTE_VALUES * HASH_BYTES);
  for (let row = 0; row < HASH_BYTES * BYTE_VALUES; row += 1) {
    for (let bits = row % BYTE_VALUES; bits !== 0; bits &= bits - 1) {
      const bit = Math.floor(row / BYTE_VALUES) * 8 + 31 - Math.clz32(bits & -bits);
      const to = (bit * BIT_STRIDE) % HASH_BITS;
      const at = row * HASH_BYTES + (to >> 3);
      tables[at] = (tables[at] ?? 0) | (1 << (to & 7));
    }
  }
  return tables;
}

/** The half of a hash that a slot is not in, or less of it: the byte where it starts. */
export function headOffset({ firstBit, numBits }: Slot): number {
  return firstBit + numBits / 2 < HASH_BITS / 2 ? HEAD_BYTES : 0;
}

/** native/hamming.c's Join, its slots and the masks of one of them. */
export function writeJoin(
  memory: WebAssembly.Memory,
  layout: SearchLayout,
  join: {
    readonly slots: readonly Slot[];
    readonly slotIndex: number;
    readonly blockKeys: number;
    readonly maxDistance: number;
    readonly same: boolean;
  },
): void {
  const words = new Uint32Array(memory.buffer);
  const slot = join.slots[join.slotIndex];
  const masks = slot?.masks ?? [];
  words.set(masks, layout.masks / WORD_BYTES);
  const bits = join.slots.flatMap(({ firstBit, numBits, radius }) => [firstBit, numBits, radius]);
  words.set(bits, layout.slots / WORD_BYTES);
  const left = sideWords(layout.left);
  const right = sideWords(join.same ? layout.left : layout.right);
  const rest = [layout.masks, masks.length, join.blockKeys, join.maxDistance];
  const last = [layout.slots, join.slotIndex, Number(join.same)];
  words.set([...left, ...right, ...rest, ...last], layout.join / WORD_BYTES);
}

function sideWords({ heads, rows, ends, hashes }: SidePlaces): readonly number[] {
  return [heads, rows, ends, hashes];
}
