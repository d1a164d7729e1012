import { join } from "node:path";

import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { StreamPosition } from "../../src/loader/batching/epoch-cursor.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import { type Content, digest, loaderFixture, take } from "./loader-fixture.ts";
import { drawnScenes, temporaryFolder, writeSet } from "./shard-set-fixture.ts";

/** A way of running one stream; none of it may change a batch. */
export interface Combination {
  readonly mode: string;
  readonly worldSize: number;
  readonly numWorkers: number;
  readonly prefetchBatches: number;
  readonly from: StreamPosition;
}

/** What a combination's batches are made of. */
export const modes = [
  "pictures",
  "two sets",
  "weights",
  "aspects",
  "weights and aspects",
  "tokens",
  "tokens and weights",
  "tokens, weights and aspects",
  "kept ratio",
  "kept ratio, weights and aspects",
  "crops and colours",
] as const;

/** `count` combinations: up to 440, no two have the mode, the number of ranks and the place in common. */
export function listCombinations(count: number): Combination[] {
  return Array.from({ length: count }, (_, index) => ({
    mode: modes[index % modes.length] ?? "",
    worldSize: 1 + (index % 8),
    numWorkers: [0, 1, 0, 2][Math.floor(index / 2) % 4] ?? 0,
    prefetchBatches: [1, 2, 4][Math.floor(index / 3) % 3] ?? 1,
    from: FROM[index % FROM.length] ?? { epoch: 0, step: 0 },
  }));
}

const BATCHES_TAKEN = 2;
const FROM: readonly StreamPosition[] = [
  { epoch: 0, step: 0 },
  { epoch: 0, step: 2 },
  { epoch: 1, step: 1 },
  { epoch: 0, step: 7 },
  { epoch: 3, step: 0 },
];

/** Two sets, a folder of their own for tables, and what every mode's stream must be. */
export class Combinations implements AsyncDisposable {
  readonly #optionsOf: ReadonlyMap<string, LoaderOptions>;
  readonly #owned: AsyncDisposableStack;
  readonly #expected = new Map<string, Promise<string[]>>();

  private constructor(optionsOf: ReadonlyMap<string, LoaderOptions>, owned: AsyncDisposableStack) {
    this.#optionsOf = optionsOf;
    this.#owned = owned;
  }

  static async open(): Promise<Combinations> {
    await using owned = new AsyncDisposableStack();
    const fixture = owned.use(await loaderFixture());
    const folder = owned.use(await temporaryFolder());
    process.env["CROSSWEAVE_CACHE"] = folder.path;
    const second = join(folder.path, "second");
    await writeSet(second, (await drawnScenes(47)).slice(30));
    const sets = [
      { folder: fixture.set, splits: ["train"], weight: 1 },
      { folder: second, splits: ["train"], weight: 1 },
    ];
    return new Combinations(modesOf(fixture.options(), sets), owned.move());
  }

  /** The digests of the global batches that one rank without workers makes. */
  expected({ from, mode }: Combination): Promise<string[]> {
    const name = `${mode} ${from.epoch}/${from.step}`;
    const known = this.#expected.get(name);
    if (known !== undefined) return known;
    const alone = { worldSize: 1, numWorkers: 0, prefetchBatches: 1 };
    const digests = this.digests({ mode, from, ...alone });
    this.#expected.set(name, digests);
    return digests;
  }

  /** The digests of the global batches, joined from the shares of all ranks; their shapes are the same on all ranks. */
  async digests(
    { from, mode, ...run }: Combination,
    ranksWithWorkers: "all" | "one" = "all",
  ): Promise<string[]> {
    const options = this.#optionsOf.get(mode);
    if (options === undefined) throw new RangeError(`mode ${mode}`);
    const shares: Content[][] = [];
    for (let rank = 0; rank < run.worldSize; rank += 1) {
      const hasWorkers = ranksWithWorkers === "all" || rank === run.worldSize - 1;
      const numWorkers = hasWorkers ? run.numWorkers : 0;
      await using loader = await BatchLoader.open({ ...options, ...run, numWorkers, rank });
      shares.push(await take(loader, from, BATCHES_TAKEN));
    }
    return Array.from({ length: BATCHES_TAKEN }, (_, step) => {
      const parts = shares.flatMap((share) => share[step] ?? []);
      const shapes = new Set(parts.map(({ shape }) => shape));
      if (shapes.size > 1) throw new Error(`ranks have other shapes: ${[...shapes].join(" and ")}`);
      return digest(parts);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

function modesOf(
  plain: LoaderOptions,
  weighted: LoaderOptions["sets"],
): Map<string, LoaderOptions> {
  const both = weighted.map(({ folder, splits }) => ({ folder, splits }));
  const tokens: Partial<LoaderOptions> = {
    batching: {
      kind: "tokens",
      maxTokens: 320,
      multipleOf: 8,
      bucketSize: 32,
      tokensPerPicture: 4,
    },
    pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" },
  };
  const batching = { kind: "pictures", picturesPerBatch: 11 } as const;
  const pictures = { kind: "keep-ratio", shorter: 16, longer: 26, padToMultipleOf: 4 } as const;
  const flip = "if-text-has-no-side-words";
  const crops: LoaderOptions["augment"] = {
    crop: { scale: [0.3, 1], ratio: [0.5, 2] },
    flip: "swap-side-words",
    randAugment: { numOperations: 2, magnitude: 9, without: ["solarize"] },
  };
  return new Map<string, LoaderOptions>([
    ["pictures", plain],
    ["two sets", { ...plain, sets: both, batching }],
    ["weights", { ...plain, sets: weighted }],
    ["aspects", { ...plain, sets: both, grouping: "aspect" }],
    ["weights and aspects", { ...plain, sets: weighted, grouping: "aspect" }],
    ["tokens", { ...plain, ...tokens }],
    ["tokens and weights", { ...plain, sets: weighted, ...tokens }],
    [
      "tokens, weights and aspects",
      { ...plain, sets: weighted, ...tokens, grouping: "aspect", augment: { ...crops, flip } },
    ],
    ["kept ratio", { ...plain, pictures }],
    ["kept ratio, weights and aspects", { ...plain, pictures, sets: weighted, grouping: "aspect" }],
    ["crops and colours", { ...plain, augment: crops, pairing: { kind: "exact-half" } }],
  ]);
}
