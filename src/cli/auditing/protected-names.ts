import assert from "node:assert";
import { stepsOf } from "../../audit/identity/chain-steps.ts";
import { NearestEvaluation } from "../../audit/identity/nearest-evaluation.ts";
import type { RelatedSplit, RelatedSplits } from "../../audit/relate-splits.ts";
import { pictureNames } from "../../core/keys.ts";
import type { ExcludedName } from "../../loader/options.ts";
import type { PictureInfo, SceneHead } from "../../core/records.ts";
import type { ShardSetReader } from "../../shards/shard-set-reader.ts";

/**
 * All names of pictures that are evaluated on, themselves or by a chain through others, each with the chain: what a loader
 * must refuse, whatever set is put in the place of those that were audited.
 */
export async function protectedNames(
  related: RelatedSplits,
  readers: readonly ShardSetReader[],
  signal: AbortSignal,
): Promise<readonly ExcludedName[]> {
  const guard = new Guard(related);
  let first = 0;
  for (const split of related.splits) {
    const isWanted = split.role === "eval" || guard.hasProtected(first, split.pictures);
    if (isWanted) await guard.add(first, headsOf(split, readers, signal));
    first += split.pictures;
  }
  return guard.names();
}

function headsOf(
  { digest, split }: RelatedSplit,
  readers: readonly ShardSetReader[],
  signal: AbortSignal,
): AsyncIterable<SceneHead> {
  const reader = readers.find(({ index }) => index.digest === digest);
  assert(reader !== undefined);
  return reader.split(split).heads(signal);
}

class Guard {
  readonly #related: RelatedSplits;
  readonly #nearest: NearestEvaluation;
  readonly #whys = new Map<string, string>();

  constructor(related: RelatedSplits) {
    this.#related = related;
    this.#nearest = new NearestEvaluation(related.identities);
  }

  /** Whether one of so many pictures is evaluated on by any chain. */
  hasProtected(first: number, count: number): boolean {
    for (let picture = first; picture < first + count; picture += 1) {
      if (this.#nearest.isProtected(picture)) return true;
    }
    return false;
  }

  /** Adds the protected ones of a split's pictures, which are numbered from `first`. */
  async add(first: number, heads: AsyncIterable<SceneHead>): Promise<void> {
    let number = first;
    for await (const { pictures } of heads) {
      for (const picture of pictures) {
        this.#addNames(picture, this.#whyOf(number));
        number += 1;
      }
    }
  }

  names(): readonly ExcludedName[] {
    return Array.from(this.#whys, ([name, why]) => ({ name, why }));
  }

  #addNames(picture: PictureInfo, why: string | undefined): void {
    if (why === undefined) return;
    for (const name of pictureNames(picture)) {
      if (!this.#whys.has(name)) this.#whys.set(name, why);
    }
  }

  /** "vg:7 of lists/all is coco:9 (linked-key), is flickr30k:5 of b/test (same-flickr-photo)"; undefined for what is not protected. */
  #whyOf(picture: number): string | undefined {
    const { identities } = this.#related;
    const links = this.#nearest.chainFrom(picture);
    if (links === undefined) return undefined;
    const { set, split } = identities.source(picture);
    const own = `${identities.key(picture)} of ${set}/${split}`;
    const steps = stepsOf(identities, links);
    if (steps.length === 0) return `${own} is evaluated on`;
    const chain = steps
      .map(({ rule, to, toPlace }) => `${to} of ${toPlace} (${rule})`)
      .join(", is ");
    return `${own} is ${chain}, which is evaluated on`;
  }
}
