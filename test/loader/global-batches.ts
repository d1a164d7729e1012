import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { StreamPosition } from "../../src/loader/batching/epoch-cursor.ts";
import type { Batch, LoaderOptions } from "../../src/loader/options.ts";
import { type Content, contentOf, digest } from "./loader-fixture.ts";

/** A way of running a stream; none of it may change a batch. */
export interface Run {
  readonly worldSize: number;
  /** Of the last rank; the others build on the calling thread, as starting threads is what takes time. */
  readonly numWorkers: number;
  readonly prefetchBatches: number;
}

/** What one rank saw of a global batch. */
interface Share {
  readonly content: Content;
  readonly skipped: Batch["statistics"]["skipped"];
}

/**
 * The global batches from a place on, joined from the shares of all ranks: a digest of each, of its shape and of what
 * was skipped. Throws when ranks have other shapes.
 */
export async function globalBatches(
  options: LoaderOptions,
  run: Run,
  { count, ...from }: StreamPosition & { readonly count: number },
): Promise<string[]> {
  const ranks = Array.from({ length: run.worldSize }, (_, rank) => rank);
  const shares = await Promise.all(
    ranks.map((rank) => {
      const numWorkers = rank === run.worldSize - 1 ? run.numWorkers : 0;
      return sharesOf({ ...options, ...run, numWorkers, rank }, from, count);
    }),
  );
  return Array.from({ length: count }, (_, step) => {
    const parts = shares.flatMap((share) => share[step] ?? []);
    const shapes = new Set(parts.map(({ content }) => bothSides(content.shape)));
    if (shapes.size !== 1) throw new Error(`ranks have other shapes: ${[...shapes].join(" and ")}`);
    const skipped = parts.flatMap((part) => part.skipped);
    return `${[...shapes].join()} ${digest(parts.map(({ content }) => content))} ${JSON.stringify(skipped)}`;
  });
}

/** A shape without what depends on the number of ranks. */
function bothSides(shape: string): string {
  return shape.replace(/"numPictures":\d+,/, "");
}

async function sharesOf(
  options: LoaderOptions,
  from: StreamPosition,
  count: number,
): Promise<Share[]> {
  await using loader = await BatchLoader.open(options);
  const shares: Share[] = [];
  for await (const batch of loader.batches(from)) {
    shares.push({ content: contentOf(batch), skipped: batch.statistics.skipped });
    if (shares.length === count) break;
  }
  return shares;
}
