import * as tf from "@tensorflow/tfjs-core";
import type { Cluster } from "../../src/tensor/cluster/cluster.ts";

/** What all ranks hand in at one call; settled when the last has come. */
class Meeting<Part> {
  readonly #parts = new Map<number, Part>();
  readonly #numRanks: number;
  readonly #met = Promise.withResolvers<readonly Part[]>();

  constructor(numRanks: number) {
    this.#numRanks = numRanks;
  }

  async bring(rank: number, part: Part): Promise<readonly Part[]> {
    this.#parts.set(rank, part);
    if (this.#parts.size === this.#numRanks) {
      const ranks = Array.from({ length: this.#numRanks }, (_, place) => place);
      this.#met.resolve(ranks.flatMap((place) => this.#parts.get(place) ?? []));
    }
    return await this.#met.promise;
  }
}

/** Ranks of one process, which meet in its memory. */
export function memoryClusters(numRanks: number): Cluster[] {
  const meetings: Meeting<{ readonly tensor?: tf.Tensor; readonly numbers: readonly number[] }>[] =
    [];
  return Array.from({ length: numRanks }, (_, rank) => {
    let call = 0;
    const meet = async (part: { tensor?: tf.Tensor; numbers: readonly number[] }) => {
      const meeting = (meetings[call] ??= new Meeting(numRanks));
      call += 1;
      // Clones, since who came first may have disposed its tensor.
      const { tensor, numbers } = part;
      return await meeting.bring(
        rank,
        tensor === undefined ? { numbers } : { tensor: tf.clone(tensor), numbers },
      );
    };
    const tensorsOf = async <R extends tf.Rank>(tensor: tf.Tensor<R>): Promise<tf.Tensor<R>[]> => {
      const parts = await meet({ tensor, numbers: [] });
      return parts.flatMap((part) =>
        part.tensor === undefined ? [] : [tf.reshape<R>(part.tensor, tensor.shape)],
      );
    };
    return {
      rank,
      size: numRanks,
      allReduceSum: async (tensor) => tf.addN(await tensorsOf(tensor)),
      broadcast: async (tensor) => {
        const [first] = await tensorsOf(tensor);
        if (first === undefined) throw new RangeError("there is no rank");
        return first;
      },
      gather: async (numbers) => (await meet({ numbers })).map((part) => part.numbers),
      [Symbol.dispose]: () => {},
    };
  });
}
