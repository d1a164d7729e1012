// What a data-parallel step costs: a gradient summed by rings of N ranks, behind the computing and not beside it, as
// Crossweave does it.

/** A network as a ring sees it. */
export interface Network {
  /** Bytes that each rank sends, and at the same time receives, in a second. */
  readonly bytesPerSecond: number;
  /** Seconds for a message to the next rank. */
  readonly latency: number;
}

/** Ranks in machines: fast links between the ranks of one, slower ones between machines. */
export interface Fabric {
  readonly name: string;
  readonly ranksOfMachine: number;
  readonly inside: Network;
  /** Of each rank, which has a network card of its own. */
  readonly between: Network;
}

/** What each rank sends in a ring all-reduce of `bytes`: a reduce-scatter and an all-gather of N - 1 pieces each. */
export function bytesSent(bytes: number, numRanks: number): number {
  return (2 * (numRanks - 1) * bytes) / numRanks;
}

/** Seconds of one ring all-reduce. */
export function ringSeconds(bytes: number, numRanks: number, network: Network): number {
  return bytesSent(bytes, numRanks) / network.bytesPerSecond + 2 * (numRanks - 1) * network.latency;
}

/**
 * Seconds of an all-reduce over machines: a reduce-scatter inside each, a ring between machines of the piece that each rank
 * then has, an all-gather inside.
 */
export function allReduceSeconds(bytes: number, numRanks: number, fabric: Fabric): number {
  const inMachine = Math.min(numRanks, fabric.ranksOfMachine);
  const numMachines = numRanks / inMachine;
  const piece = bytes / inMachine;
  return (
    ringSeconds(bytes, inMachine, fabric.inside) + ringSeconds(piece, numMachines, fabric.between)
  );
}

/** The network that two measured all-reduces of N ranks tell: (bytes, seconds) of a small one and a large one. */
export function fittedNetwork(
  numRanks: number,
  [small, large]: readonly [Measured, Measured],
): Network {
  const bytes = bytesSent(large.bytes, numRanks) - bytesSent(small.bytes, numRanks);
  const bytesPerSecond = bytes / (large.seconds - small.seconds);
  const sending = bytesSent(small.bytes, numRanks) / bytesPerSecond;
  return {
    bytesPerSecond,
    latency: Math.max(0, small.seconds - sending) / (2 * (numRanks - 1)),
  };
}

export interface Measured {
  readonly bytes: number;
  readonly seconds: number;
}
