import * as tf from "@tensorflow/tfjs-core";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  compact,
  compactPairs,
  spread,
  type SlotCounts,
} from "../../../src/models/uniter/compaction.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";

beforeAll(loadTensorFlow);

/** The slots of each pair that hold something, in order: what is left when pads are removed. */
function withoutPads(
  texts: readonly number[],
  regions: readonly number[],
  slots: SlotCounts,
): number[][] {
  const width = slots.text + slots.regions;
  return texts.map((numTokens, pair) => {
    const all = Array.from({ length: width }, (_, slot) => slot);
    const used = all.filter((slot) =>
      slot < slots.text ? slot < numTokens : slot - slots.text < (regions[pair] ?? 0),
    );
    return used.map((slot) => pair * width + slot);
  });
}

function sequencesOf(
  texts: readonly number[],
  regions: readonly number[],
  slots: SlotCounts,
): number[][] {
  const { length, mask, sources } = compactPairs({ texts, regions }, slots);
  return texts.map((_, pair) => {
    const row = [...sources.subarray(pair * length, (pair + 1) * length)];
    return row.filter((_slot, token) => mask[pair * length + token] === 1);
  });
}

const pairs = fc.array(fc.record({ text: fc.integer({ min: 0, max: 14 }), regions: fc.integer({ min: 0, max: 12 }) }), { minLength: 1, maxLength: 6 }); // prettier-ignore

describe("the compaction of pads", () => {
  it("U-4: is the naive removal of pads, for any lengths", () => {
    fc.assert(
      fc.property(pairs, (drawn) => {
        const [texts, regions] = [drawn.map(({ text }) => text), drawn.map((pair) => pair.regions)];
        const slots = { text: 14, regions: 12 };
        expect(sequencesOf(texts, regions, slots)).toEqual(withoutPads(texts, regions, slots));
        const { length, mask } = compactPairs({ texts, regions }, slots);
        const longest = Math.max(...drawn.map(({ regions: count, text }) => text + count));
        expect(length).toBeGreaterThanOrEqual(longest);
        expect(length).toBeLessThan(Math.max(longest, 1) + 16);
        expect(mask.reduce((sum, value) => sum + value, 0)).toBe(
          drawn.reduce((sum, { regions: count, text }) => sum + text + count, 0),
        );
      }),
    );
  });

  it("U-4: of texts of 9, 14 and 7 tokens with 5, 7 and 10 regions", () => {
    const [texts, regions, slots] = [[9, 14, 7], [5, 7, 10], { text: 14, regions: 10 }] as const; // prettier-ignore
    const sequences = sequencesOf(texts, regions, slots);
    expect(sequences).toEqual(withoutPads(texts, regions, slots));
    expect(sequences.map((sequence) => sequence.length)).toEqual([14, 21, 17]);
    // The regions of the last text stand in its own slots, behind the longest text's.
    expect(sequences[2]?.slice(7, 12)).toEqual([62, 63, 64, 65, 66]);
  });

  it("U-4: with one picture's regions beside many texts, and one text beside many pictures", () => {
    const slots = { text: 14, regions: 10 };
    const lengths = [9, 14, 7];
    const counts = [5, 7, 10];
    // Hard negatives of a picture: its five regions behind each text; the code that was released took the last text's length.
    expect(sequencesOf(lengths, [5, 5, 5], slots)).toEqual(withoutPads(lengths, [5, 5, 5], slots));
    expect(sequencesOf(lengths, [5, 5, 5], slots)[0]?.slice(9)).toEqual([14, 15, 16, 17, 18]);
    // Hard negatives of a text: each negative picture's own number of regions.
    expect(sequencesOf([7, 7, 7], counts, slots)).toEqual(withoutPads([7, 7, 7], counts, slots));
  });

  it("U-4: brings each output back to its own slot", () => {
    const [texts, regions, slots] = [[2, 3], [2, 0], { text: 4, regions: 3 }] as const; // prettier-ignore
    const { length, mask, places, sources } = compactPairs({ texts, regions }, slots);
    const tensors = {
      sources: tf.tensor1d(sources, "int32"),
      mask: tf.tensor2d(mask, [2, length], "int32"),
      places: tf.tensor1d(places, "int32"),
    };
    const slotNumbers = tf.reshape<tf.Rank.R3>(tf.range(0, 14), [2, 7, 1]);
    const back = spread(compact(slotNumbers, tensors), tensors).dataSync();
    const used = withoutPads(texts, regions, slots).flat();
    expect(used.map((slot) => back[slot])).toEqual(used);
  });
});
