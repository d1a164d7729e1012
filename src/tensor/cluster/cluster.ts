import * as tf from "@tensorflow/tfjs-core";

/**
 * The processes that train one model together. Every rank makes the same calls in the same order; each waits until
 * all have made it. What a call gives is the same, digit for digit, on all ranks.
 */
export interface Cluster extends Disposable {
  /** 0 is the rank that writes. */
  readonly rank: number;
  readonly size: number;
  /** The sum of all ranks' tensors, which are of one shape; the caller's to dispose, as is the argument. */
  allReduceSum<R extends tf.Rank>(tensor: tf.Tensor<R>): Promise<tf.Tensor<R>>;
  /** Rank 0's tensor; the others' tell shape and type only. The caller's to dispose, as is the argument. */
  broadcast<R extends tf.Rank>(tensor: tf.Tensor<R>): Promise<tf.Tensor<R>>;
  /** Every rank's numbers, by rank; equally many on all ranks. */
  gather(numbers: readonly number[]): Promise<readonly (readonly number[])[]>;
  /** Leaves the cluster: nothing is asked of the others any more, and they may end. May be called again. */
  [Symbol.dispose](): void;
}

/** One process that trains alone. */
export const soloCluster: Cluster = {
  rank: 0,
  size: 1,
  allReduceSum: (tensor) => Promise.resolve(tf.clone(tensor)),
  broadcast: (tensor) => Promise.resolve(tf.clone(tensor)),
  gather: (numbers) => Promise.resolve([numbers]),
  [Symbol.dispose]: () => {},
};

/** The sums of all ranks' numbers, place by place, added in the order of the ranks. */
export async function sumOverRanks(
  cluster: Cluster,
  numbers: readonly number[],
): Promise<readonly number[]> {
  const all = await cluster.gather(numbers);
  return numbers.map((_, place) => all.reduce((sum, own) => sum + (own[place] ?? 0), 0));
}
