import { strict as assert } from "node:assert";

import type { BatchComposer, BatchPlace, EpochPlan } from "./batch-composer.ts";

/** Where in the stream of batches: a step past the epoch's end counts on into later epochs. */
export interface StreamPosition {
  readonly epoch: number;
  readonly step: number;
}

/** A batch to build: which it is, and where its samples come from. */
export interface BatchJob {
  readonly epoch: number;
  readonly batchIndex: number;
  readonly place: BatchPlace;
}

/** Goes through the batches of epoch after epoch; the next epoch is planned while the one before it is used. */
export class EpochCursor implements Disposable {
  readonly #composer: BatchComposer;
  readonly #ended = new AbortController();
  #plan: EpochPlan;
  #step: number;
  #nextPlan: Promise<EpochPlan | undefined> | undefined;

  private constructor(composer: BatchComposer, plan: EpochPlan, step: number) {
    this.#composer = composer;
    this.#plan = plan;
    this.#step = step;
  }

  /** Takes the same time for every step of an epoch. */
  static async at(from: StreamPosition, composer: BatchComposer): Promise<EpochCursor> {
    let plan = await composer.epochPlan(from.epoch);
    let { step } = from;
    if (composer.epochsAreEqual && step >= plan.numBatches) {
      const epoch = from.epoch + Math.floor(step / plan.numBatches);
      return new EpochCursor(composer, await composer.epochPlan(epoch), step % plan.numBatches);
    }
    while (step >= plan.numBatches) {
      step -= plan.numBatches;
      plan = await composer.epochPlan(plan.epoch + 1);
    }
    return new EpochCursor(composer, plan, step);
  }

  /** The position of the next batch. */
  get position(): StreamPosition {
    return { epoch: this.#plan.epoch, step: this.#step };
  }

  async next(): Promise<BatchJob> {
    const { numBatches, epoch } = this.#plan;
    if (this.#step === numBatches) {
      const plan = await this.#planAhead();
      assert(plan !== undefined, "the stream has ended");
      this.#plan = plan;
      this.#nextPlan = undefined;
      this.#step = 0;
      return this.next();
    }
    const batchIndex = this.#step;
    this.#step += 1;
    // Not with the first batch, which somebody waits for.
    if (this.#step > 1) void this.#planAhead();
    return { epoch, batchIndex, place: this.#plan.place(batchIndex) };
  }

  /** Gives up planning ahead. */
  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  #planAhead(): Promise<EpochPlan | undefined> {
    const { signal } = this.#ended;
    this.#nextPlan ??= this.#composer
      .epochPlan(this.#plan.epoch + 1, signal)
      .catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
    return this.#nextPlan;
  }
}
