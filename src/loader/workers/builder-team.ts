import { strict as assert } from "node:assert";

import { joinedParts } from "../collating/joined-parts.ts";
import type { Builder } from "./builder-thread.ts";
import type { BuildOutcome, SlotJob } from "./worker-messages.ts";

/** A batch that was asked for. */
export interface RequestedBatch {
  readonly outcome: Promise<BuildOutcome>;
  /** The builder's number; of several the first one's. */
  readonly builder: number;
  /** How many builders work on it. */
  readonly numParts: number;
}

/** The builders of a loader. */
export class BuilderTeam implements AsyncDisposable {
  readonly #builders: readonly Builder[];
  #turn = 0;

  constructor(builders: readonly Builder[]) {
    this.#builders = builders;
  }

  /** One builder builds it; they take turns, so that batches are ready about in order. */
  build(job: SlotJob): RequestedBatch {
    const number = this.#turn % this.#builders.length;
    const builder = this.#builders[number];
    assert(builder !== undefined, "the loader has no builder");
    this.#turn += 1;
    return { outcome: builder.build(job), builder: number, numParts: 1 };
  }

  /** All builders build it, each a part of its rows: for a batch that somebody waits for while no other one is wanted. */
  buildTogether(job: SlotJob): RequestedBatch {
    const numParts = this.#builders.length;
    if (numParts === 1) return this.build(job);
    this.#turn = 1;
    const parts = this.#builders.map((builder, index) =>
      builder.build({ ...job, part: { index, numParts } }),
    );
    return { outcome: Promise.all(parts).then(joinedOutcome), builder: 0, numParts };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#builders.map((builder) => builder[Symbol.asyncDispose]()));
  }
}

/** The first fault in the batch's order, or the whole batch. */
function joinedOutcome(outcomes: readonly BuildOutcome[]): BuildOutcome {
  const built = outcomes.flatMap((outcome) => (outcome.kind === "built" ? [outcome] : []));
  const failed = outcomes.find(({ kind }) => kind === "failed");
  const shape = built[0]?.batch.shape;
  if (failed !== undefined) return failed;
  assert(shape !== undefined, "a batch of no parts");
  return {
    kind: "built",
    batch: joinedParts(
      shape,
      built.map(({ batch }) => batch),
    ),
    buildMs: Math.max(...built.map(({ buildMs }) => buildMs)),
  };
}
