import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "../../tensor/gather.ts";
import { tensor3 } from "../ranks.ts";

// B pairs, n text tokens, m region slots, L tokens of the joint sequence, D hidden size

/** How many of its token and region slots each pair uses; both come first. */
export interface PairLengths {
  /** [B] */
  readonly texts: ArrayLike<number>;
  /** [B] */
  readonly regions: ArrayLike<number>;
}

/** Where the tokens of joint sequences come from, and where they go back to. */
export interface Compaction {
  readonly length: number;
  /** [B * L], rows of [B * (n + m)]: a pair's text, its regions, then pads, which point to the pair's last slot. */
  readonly sources: Int32Array;
  /** [B * L], 1 = real, 0 = pad */
  readonly mask: Int32Array;
  /** [B * (n + m)], rows of [B * L]: where each slot's output is; of unused slots the pair's first row. */
  readonly places: Int32Array;
}

export interface SlotCounts {
  /** n */
  readonly text: number;
  /** m */
  readonly regions: number;
}

/** Joint sequences are padded to a multiple of this, so that few shapes have to be compiled. */
const LENGTH_STEP = 16;

/**
 * UNITER's dynamic sequences (ChenRocks/UNITER#86): [text, regions, pads] of each pair, so that no pad stands between a
 * text and its regions and the batch is as long as its longest pair. Each pair has its own lengths, also where pairs
 * share a text or a picture, as they do while hard negatives are looked for.
 */
export function compactPairs(lengths: PairLengths, slots: SlotCounts): Compaction {
  const width = slots.text + slots.regions;
  const numPairs = lengths.texts.length;
  const totals = Array.from(lengths.texts, (text, pair) => text + (lengths.regions[pair] ?? 0));
  const length = Math.min(width, Math.ceil(Math.max(1, ...totals) / LENGTH_STEP) * LENGTH_STEP);
  const sources = new Int32Array(numPairs * length);
  const mask = new Int32Array(numPairs * length);
  const places = new Int32Array(numPairs * width);
  for (let pair = 0; pair < numPairs; pair += 1) {
    const numTokens = lengths.texts[pair] ?? 0;
    const total = totals[pair] ?? 0;
    sources.fill((pair + 1) * width - 1, pair * length, (pair + 1) * length);
    places.fill(pair * length, pair * width, (pair + 1) * width);
    for (let token = 0; token < total; token += 1) {
      const slot = token < numTokens ? token : slots.text + token - numTokens;
      sources[pair * length + token] = pair * width + slot;
      mask[pair * length + token] = 1;
      places[pair * width + slot] = pair * length + token;
    }
  }
  return { length, sources, mask, places };
}

/** A compaction on the device. */
export interface CompactionTensors {
  /** [B * L] */
  readonly sources: tf.Tensor1D;
  /** [B, L] */
  readonly mask: tf.Tensor2D;
  /** [B * (n + m)] */
  readonly places: tf.Tensor1D;
}

/** [B, n + m, D] to [B, L, D]. */
export function compact(slots: tf.Tensor3D, { mask, sources }: CompactionTensors): tf.Tensor3D {
  const [numPairs, , hiddenSize] = slots.shape;
  const rows = gatherRows(tf.reshape(slots, [-1, hiddenSize]), sources);
  return tensor3(tf.reshape(rows, [numPairs, mask.shape[1], hiddenSize]));
}

/** [B, L, D] back to [B, n + m, D]; unused slots hold what nobody may read. */
export function spread(joint: tf.Tensor3D, { places }: CompactionTensors): tf.Tensor3D {
  const [numPairs, , hiddenSize] = joint.shape;
  const rows = gatherRows(tf.reshape(joint, [-1, hiddenSize]), places);
  return tensor3(tf.reshape(rows, [numPairs, -1, hiddenSize]));
}
