import { strict as assert } from "node:assert";

/** Bits that all hashes are sorted by once; near pairs are looked for among those whose bits here are near. */
export interface Slot {
  readonly firstBit: number;
  readonly numBits: number;
  /** In how many bits of the slot the two hashes of a pair may differ. */
  readonly radius: number;
  /** All ways to differ in at most so many of them, ascending. */
  readonly masks: Uint32Array;
}

export interface SearchSize {
  readonly numLeft: number;
  readonly numRight: number;
  /** Whether both are one set, of which each pair is looked at once. */
  readonly same: boolean;
  readonly maxDistance: number;
}

/** Above it, nearly every hash would have to be compared with every other. */
const MAX_DISTANCE = 48;
/** Masks that a plan has for one slot. */
export const MAX_MASKS: number = 1 << 16;
export const MAX_SLOTS: number = MAX_DISTANCE + 1;
const MAX_SLOT_BITS = 24;
const MIN_SLOT_BITS = 10;
const HASH_BITS = 256;

// Nanoseconds, measured; they only say which plan is likely the fastest. All plans find the same pairs.
const PAIR_NS = 1.1;
const HASH_NS = 2.5;
const KEYS_NS = 15;
const SORT_NS = 25;

/**
 * The slots of the fastest exact search (multi-index hashing; Norouzi, Punjani and Fleet, CVPR 2012, section
 * 3.3): two hashes that differ in no more than `maxDistance` bits differ in no more than `radius` bits of some slot,
 * because the sum of radius + 1 over all slots is maxDistance + 1. For a distance of 31 and a million hashes these
 * are 16 slots of 16 bits with radius 1; the more hashes, the fewer and wider slots.
 */
export function planSlots(size: SearchSize): readonly Slot[] {
  assert(
    size.maxDistance >= 0 && size.maxDistance <= MAX_DISTANCE,
    "a distance that can be searched",
  );
  const numbers = Array.from({ length: size.maxDistance + 1 }, (_, at) => at + 1);
  const maxBits = maxSlotBits(Math.max(size.numLeft, size.numRight));
  const plans = numbers
    .map((numSlots) => layOutSlots({ numSlots, maxBits, maxDistance: size.maxDistance }))
    .filter((plan) =>
      plan.every(({ numBits, radius }) => countMasks(numBits, radius) <= MAX_MASKS),
    );
  const costs = plans.map((plan) => plan.reduce((sum, slot) => sum + slotCost(slot, size), 0));
  const best = plans[costs.indexOf(Math.min(...costs))] ?? [];
  return best.map((slot) => ({ ...slot, masks: masksWithin(slot.numBits, slot.radius) }));
}

/** Slots with many more keys than there are hashes are not worth their memory. */
export function maxSlotBits(numRows: number): number {
  const bits = Math.ceil(Math.log2(numRows + 1)) + 2;
  return Math.min(MAX_SLOT_BITS, Math.max(MIN_SLOT_BITS, bits));
}

type SlotBits = Omit<Slot, "masks">;

function layOutSlots(plan: {
  readonly numSlots: number;
  readonly maxBits: number;
  readonly maxDistance: number;
}): readonly SlotBits[] {
  const { numSlots, maxBits, maxDistance } = plan;
  const numWider = HASH_BITS % numSlots;
  const numLarger = (maxDistance + 1) % numSlots;
  const radius = Math.floor((maxDistance + 1) / numSlots) - 1;
  let firstBit = 0;
  return Array.from({ length: numSlots }, (_, at) => {
    const share = Math.floor(HASH_BITS / numSlots) + (at < numWider ? 1 : 0);
    const slot = {
      firstBit,
      numBits: Math.min(maxBits, share),
      radius: radius + (at < numLarger ? 1 : 0),
    };
    firstBit += share;
    return slot;
  });
}

function slotCost({ numBits, radius }: SlotBits, { numLeft, numRight, same }: SearchSize): number {
  const numKeys = 2 ** numBits;
  const share = same ? 0.5 : 1;
  const numMasks = countMasks(numBits, radius);
  const sorting = (numLeft + (same ? 0 : numRight) + numKeys) * SORT_NS;
  const pairs = (numLeft * numRight) / numKeys;
  const comparing = pairs * PAIR_NS + numLeft * HASH_NS + numKeys * KEYS_NS;
  return sorting + numMasks * share * comparing;
}

function countMasks(numBits: number, radius: number): number {
  let ways = 1;
  let sum = 1;
  for (let chosen = 1; chosen <= radius; chosen += 1) {
    ways = (ways * (numBits - chosen + 1)) / chosen;
    sum += ways;
  }
  return sum;
}

function masksWithin(numBits: number, radius: number): Uint32Array {
  const masks = [0];
  let last = [0];
  for (let chosen = 1; chosen <= radius; chosen += 1) {
    last = last.flatMap((mask) => withOneBitAbove(mask, numBits));
    masks.push(...last);
  }
  return Uint32Array.from(masks).toSorted();
}

function withOneBitAbove(mask: number, numBits: number): number[] {
  const wider: number[] = [];
  for (let bit = 1 << (numBits - 1); bit > mask; bit >>= 1) wider.push(mask | bit);
  return wider;
}
