import { describe, expect, it } from "vitest";
import type {
  Candidate,
  CandidateMemory,
  ShardCandidates,
} from "../../../src/audit/near/shard-candidates.ts";
import { findCandidates } from "../../../src/audit/near/find-candidates.ts";
import type { FoundCandidates } from "../../../src/audit/near/merge-candidates.ts";
import { nearSettings, recordedViews } from "../../../src/audit/near/near-settings.ts";
import { hashDistance } from "../../../src/audit/perceptual/hash.ts";
import { randomWords } from "../hamming/made-up-hashes.ts";
import { madeUpHashes, type MadeUpPicture, madeUpSide, moved } from "./made-up-records.ts";

const both = nearSettings(10, {});
const evalOnly = nearSettings(10, { windows: "eval" });

async function search(
  sides: { readonly train: readonly MadeUpPicture[]; readonly eval: readonly MadeUpPicture[] },
  settings = both,
  { partRows, perShard }: { readonly partRows?: number; readonly perShard?: number } = {},
): Promise<Found> {
  const kind = settings.windows === "both" ? "passing" : "whole";
  const train = await madeUpSide(kind, sides.train, perShard);
  const evaluated = await madeUpSide("bank", sides.eval, perShard);
  return listed(
    await findCandidates({ train, eval: evaluated, settings }, { numThreads: 1, partRows }),
  );
}

interface Found {
  readonly candidates: readonly Candidate[];
  readonly numUncompared: number;
}

function listed({ candidates, numUncompared }: FoundCandidates): Found {
  return { candidates: Array.from(candidates), numUncompared };
}

function picture(
  kind: "passing" | "bank" | "whole",
  seed: number,
  like?: MadeUpPicture,
): MadeUpPicture {
  const pixels = like?.pixels ?? `${kind} ${seed}`;
  return { pixels, hashes: madeUpHashes(kind, seed) };
}

/** Pictures with the same hashes and each its own pixels. */
function lookAlikes(name: string, count: number, hashes: readonly Uint8Array[]): MadeUpPicture[] {
  return Array.from({ length: count }, (_, at) => ({ pixels: `${name} ${at}`, hashes }));
}

/** All pairs by looking at each pair of views. */
function byLooking(
  train: readonly MadeUpPicture[],
  evaluated: readonly MadeUpPicture[],
  distance: number,
): Candidate[] {
  return train.flatMap((one, at) =>
    evaluated.flatMap((other, to) => {
      const near: Candidate[] = [];
      for (const [evalView, hash] of other.hashes.entries()) {
        for (const [trainView, passing] of one.hashes.entries()) {
          if (evalView > 0 && trainView > 0) continue;
          const distanceBits = hashDistance(hash, passing);
          const place = { train: at, eval: to, distanceBits, trainView, evalView };
          if (distanceBits <= distance) near.push(place);
        }
      }
      return near
        .toSorted((a, b) => a.distanceBits - b.distanceBits || a.evalView - b.evalView)
        .slice(0, 1);
    }),
  );
}

/** A memory that holds what it is given, and which shards that were. */
class HeldCandidates implements CandidateMemory {
  readonly written: string[] = [];
  readonly #held = new Map<number, ReadonlyMap<number, ShardCandidates>>();

  read = (trainShard: number): Promise<ReadonlyMap<number, ShardCandidates>> =>
    Promise.resolve(this.#held.get(trainShard) ?? new Map<number, ShardCandidates>());

  write = (trainShard: number, found: ReadonlyMap<number, ShardCandidates>): Promise<void> => {
    for (const evalShard of found.keys()) this.written.push(`${trainShard}-${evalShard}`);
    this.#held.set(trainShard, new Map([...(this.#held.get(trainShard) ?? []), ...found]));
    return Promise.resolve();
  };
}

/** Pictures of which many on both sides have one hash and pixels of their own. */
function crowdedSides(): { readonly train: MadeUpPicture[]; readonly eval: MadeUpPicture[] } {
  const original = picture("bank", 1);
  const copies = Array.from({ length: 40 }, (_, at) => ({ ...original, pixels: `copy ${at}` }));
  const others = [2, 3].map((seed) => picture("bank", seed));
  const train = [...copies.slice(0, 8), ...others].flatMap((of, at) => [
    { pixels: `near ${at}`, hashes: [moved(of.hashes[0] ?? new Uint8Array(32), 4 * (at % 3))] },
    picture("whole", 50 + at),
    { pixels: `copy ${at}`, hashes: of.hashes.slice(0, 1) },
  ]);
  return { train, eval: [...copies.slice(0, 20), ...others, ...copies.slice(20)] };
}

/** The search for so many of the crowded pictures, three or eighteen a shard. */
async function remembered(
  numTrain: number,
  numEval: number,
  memory?: HeldCandidates,
): Promise<Found> {
  const pictures = crowdedSides();
  const train = await madeUpSide("whole", pictures.train.slice(0, numTrain));
  const evaluated = await madeUpSide("bank", pictures.eval.slice(0, numEval), 18);
  const sides = { train, eval: evaluated, settings: evalOnly };
  return listed(await findCandidates(sides, { numThreads: 1, memory }));
}

describe("a search for near-duplicates that knows of shards from before", () => {
  it("finds what a search from nothing finds when shards come to either side", async () => {
    const memory = new HeldCandidates();
    for (const [numTrain, numEval] of [
      [9, 18],
      [30, 18],
      [30, 42],
    ] as const) {
      const whole = await remembered(numTrain, numEval);
      expect(whole.candidates.length).toBeGreaterThan(16);
      expect(whole.numUncompared).toBeGreaterThan(0);
      expect(await remembered(numTrain, numEval, memory)).toEqual(whole);
    }
  });

  it("searches each pair of shards once", async () => {
    const memory = new HeldCandidates();
    await remembered(9, 18, memory);
    expect(memory.written.splice(0)).toEqual(["0-0", "1-0", "2-0"]);
    await remembered(12, 36, memory);
    expect(memory.written.splice(0)).toEqual(["0-1", "1-1", "2-1", "3-0", "3-1"]);
    await remembered(12, 36, memory);
    expect(memory.written).toEqual([]);
  });
});

describe("the candidates of a search for near-duplicates", () => {
  it("are the pairs that a look at every pair of views finds", async () => {
    const next = randomWords(5);
    const evaluated = Array.from({ length: 6 }, (_, at) => picture("bank", at));
    const train = Array.from({ length: 12 }, (_, at) => {
      const own = picture("passing", 100 + at);
      const of = evaluated[next() % 6]?.hashes ?? [];
      const [fromView, toView] = at % 2 === 0 ? [next() % 56, 0] : [0, next() % 49];
      const near = moved(of[fromView] ?? new Uint8Array(32), next() % 60);
      return { ...own, hashes: own.hashes.map((hash, view) => (view === toView ? near : hash)) };
    });
    const expected = byLooking(train, evaluated, 48);
    expect(expected.length).toBeGreaterThan(6);
    expect((await search({ train, eval: evaluated })).candidates).toEqual(expected);
    expect((await search({ train, eval: evaluated }, both, { partRows: 100 })).candidates).toEqual(
      expected,
    );
  });

  it("are within the distance of whole pictures for whole ones and within that of parts for parts", async () => {
    const [evaluated] = [picture("bank", 1)];
    const train = [0, 7, 8, 55].map((view) => ({
      pixels: `near view ${view}`,
      hashes: [moved(evaluated.hashes[view] ?? new Uint8Array(32), 40)],
    }));
    const settings = { ...evalOnly, wholeDistance: 31 };
    const { candidates } = await search({ train, eval: [evaluated] }, settings);
    expect(candidates.map(({ train: at, evalView }) => [at, evalView])).toEqual([
      [2, 8],
      [3, 55],
    ]);
  });

  it("look for parts of training pictures only where those are recorded", async () => {
    const evaluated = picture("bank", 1);
    const own = picture("passing", 2);
    const part = moved(evaluated.hashes[0] ?? new Uint8Array(32), 20);
    const train = { ...own, hashes: own.hashes.with(17, part) };
    const found = await search({ train: [train], eval: [evaluated] });
    expect(found.candidates).toEqual([
      { train: 0, eval: 0, distanceBits: 20, trainView: 17, evalView: 0 },
    ]);
    const whole = { ...train, hashes: train.hashes.slice(0, 1) };
    expect((await search({ train: [whole], eval: [evaluated] }, evalOnly)).candidates).toEqual([]);
  });

  it("are none where there is too little in a picture, so that flat pictures are not pooled (case 12)", async () => {
    const hash = moved(new Uint8Array(32), 3);
    const flat = (at: number, numViews: number): MadeUpPicture => ({
      pixels: `flat ${at}`,
      hashes: Array.from({ length: numViews }, () => hash),
      quality: 49,
    });
    const train = Array.from({ length: 10 }, (_, at) => flat(at, 49));
    const evaluated = Array.from({ length: 10 }, (_, at) => flat(100 + at, 56));
    const found = await search({ train, eval: evaluated });
    expect(found).toEqual({ candidates: [], numUncompared: 0 });
    expect(recordedViews.bank).toHaveLength(56);
  });

  it("of pictures with equal pixels are those of the first, however many there are (case 56)", async () => {
    const original = picture("bank", 1);
    const hashes = [moved(original.hashes[0] ?? new Uint8Array(32), 5)];
    const train = Array.from({ length: 20_000 }, () => ({ pixels: "one picture", hashes }));
    const evaluated = Array.from({ length: 30 }, () => original);
    const { candidates, numUncompared } = await search({ train, eval: evaluated }, evalOnly, {
      partRows: 3000,
    });
    expect(candidates).toEqual([{ train: 0, eval: 0, distanceBits: 5, trainView: 0, evalView: 0 }]);
    expect(numUncompared).toBe(0);
  });

  it("of pictures with equal hashes but other pixels are few for each training picture; the others are counted", async () => {
    const original = picture("bank", 1);
    const evaluated = Array.from({ length: 100 }, (_, at) => ({
      ...original,
      pixels: `copy ${at}`,
    }));
    const train = [0, 1].map((at) => ({
      pixels: `training ${at}`,
      hashes: original.hashes.slice(0, 1),
    }));
    const { candidates, numUncompared } = await search({ train, eval: evaluated }, evalOnly);
    expect(candidates).toHaveLength(2 * 16);
    expect(numUncompared).toBe(2 * 84);
  });

  it("of very many pictures with one hash but other pixels are one for each training picture (case 56)", async () => {
    const original = picture("bank", 1);
    const train = lookAlikes("training", 10_000, original.hashes.slice(0, 1));
    const sides = { train, eval: lookAlikes("evaluation", 30, original.hashes) };
    const { candidates, numUncompared } = await search(sides, evalOnly, { perShard: 5000 });
    expect(candidates.map(({ train: at }) => at)).toEqual(train.map((_, at) => at));
    expect(numUncompared).toBe(10_000 * 29);
  });

  it("leave out pairs with equal pixels, which are known", async () => {
    const original = picture("bank", 1);
    const same = { pixels: original.pixels, hashes: original.hashes.slice(0, 1) };
    expect((await search({ train: [same], eval: [original] }, evalOnly)).candidates).toEqual([]);
  });
});
