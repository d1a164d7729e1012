import { mixSeed } from "../../core/random.ts";
import { epochOrder, permutation } from "../order.ts";
import type { Members } from "./members.ts";
import { MixingSchedule } from "./mixing.ts";

/** A visit of a unit (a scene or a text, by its number); `cycle` counts its visits before. */
export interface Visit {
  readonly unit: number;
  readonly cycle: number;
}

/** Units that are passed through in one shuffled order, again and again. */
export interface PoolPart {
  readonly units: Members;
  readonly weight: number;
  /** Tells this part's orders from those of all other parts of all pools; 0 for the first. */
  readonly ordinal: number;
}

/**
 * An endless stream of visits, cut into epochs of `visitsPerEpoch`. Several parts take turns by their weights, each
 * going on with its own next pass when its units are used up. Any visit is found in constant time.
 */
export class SamplePool {
  readonly visitsPerEpoch: number;
  readonly #parts: readonly PoolPart[];
  readonly #schedule: MixingSchedule;
  readonly #seed: number;
  /** The order of each part's latest pass. */
  readonly #orders = new Map<number, { cycle: number; at: (position: number) => number }>();

  constructor(parts: readonly PoolPart[], options: { visitsPerEpoch: number; seed: number }) {
    this.#parts = parts;
    this.#schedule = new MixingSchedule(parts.map(({ weight }) => weight));
    this.#seed = options.seed;
    this.visitsPerEpoch = options.visitsPerEpoch;
  }

  /** The visit at a position of an epoch. */
  visit(epoch: number, position: number): Visit {
    const { part: index, count } = this.#schedule.at(epoch * this.visitsPerEpoch + position);
    const part = this.#parts[index];
    if (part === undefined) throw new RangeError(`part ${index} of ${this.#parts.length}`);
    const cycle = Math.floor(count / part.units.size);
    const place = this.#order(part, cycle)(count - cycle * part.units.size);
    return { unit: part.units.at(place), cycle };
  }

  #order({ ordinal, units }: PoolPart, cycle: number): (position: number) => number {
    const known = this.#orders.get(ordinal);
    if (known?.cycle === cycle) return known.at;
    const seed = ordinal === 0 ? this.#seed : mixSeed(this.#seed, ordinal);
    const at = permutation(epochOrder(units.size, { seed, epoch: cycle }));
    this.#orders.set(ordinal, { cycle, at });
    return at;
  }
}
