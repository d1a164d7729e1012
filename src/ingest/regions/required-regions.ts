import type { LedgerEntry, RecordCounts } from "../../core/records.ts";
import type { PlannedScene, PlannedSplit, SourcePlan } from "../source.ts";
import type { RegionSource } from "./region-source.ts";

type Known = Pick<RegionSource, "has">;

/** How many pictures without features are named in an error. */
const EXAMPLES_SHOWN = 5;

/**
 * The same plan without the scenes of which a picture has no region features: their records are missing, with the
 * reason "no-regions". Scenes are only counted through, once; what is kept of them is one bit each.
 */
export async function requireRegions(plan: SourcePlan, regions: Known): Promise<SourcePlan> {
  const losses: SplitLoss[] = [];
  for (const split of plan.splits) losses.push(await lossOf(split, plan, regions));
  const lost = (file: string, kind: string): number =>
    losses.reduce((sum, { records }) => sum + (records.get(listName(file, kind)) ?? 0), 0);
  const examples = losses.flatMap((loss) => loss.examples);
  const numPictures = losses.reduce((sum, loss) => sum + loss.numWithout, 0);
  return {
    ...plan,
    partial: plan.partial || numPictures > 0,
    splits: losses.map(({ rest }) => rest),
    counts: plan.counts.map((count) => withMissing(count, lost(count.file, count.kind))),
    missing: {
      numPictures: plan.missing.numPictures + numPictures,
      examples: [...plan.missing.examples, ...examples].slice(0, EXAMPLES_SHOWN),
    },
    scenes: (split, firstScene = 0) => scenesWith(plan, lossNamed(losses, split), firstScene),
    ledger: () => wholeLedger(plan, losses, regions),
    [Symbol.dispose]: () => plan[Symbol.dispose](),
  };
}

/** What a split loses for want of features. */
interface SplitLoss {
  readonly name: string;
  /** The planned scenes that are lost, by position. */
  readonly isLost: Bits;
  readonly rest: PlannedSplit;
  /** Records lost, per file and kind. */
  readonly records: ReadonlyMap<string, number>;
  readonly numWithout: number;
  readonly examples: readonly string[];
}

async function lossOf(split: PlannedSplit, plan: SourcePlan, regions: Known): Promise<SplitLoss> {
  const isLost = new Bits(split.numScenes);
  const records = new Map<string, number>();
  const examples: string[] = [];
  let numWithout = 0;
  let [numScenes, numPictures, numTexts] = [split.numScenes, split.numPictures, split.numTexts];
  let position = 0;
  for await (const scene of plan.scenes(split.name)) {
    const without = keysWithout(scene, regions);
    if (without.length > 0) {
      isLost.set(position);
      numScenes -= 1;
      numPictures -= scene.draft.pictures.length;
      numTexts -= scene.draft.texts.length;
      numWithout += without.length;
      if (examples.length < EXAMPLES_SHOWN) examples.push(`region features of ${without.join()}`);
      for (const { file, kind } of scene.records) {
        const list = listName(file, kind);
        records.set(list, (records.get(list) ?? 0) + 1);
      }
    }
    position += 1;
  }
  const rest = { name: split.name, numScenes, numPictures, numTexts };
  return { name: split.name, isLost, rest, records, numWithout, examples };
}

function keysWithout({ draft }: PlannedScene, regions: Known): string[] {
  return draft.pictures.map(({ key }) => key).filter((key) => !regions.has(key));
}

function listName(file: string, kind: string): string {
  return `${file} ${kind}`;
}

function withMissing(count: RecordCounts, numLost: number): RecordCounts {
  return { ...count, written: count.written - numLost, missing: count.missing + numLost };
}

function lossNamed(losses: readonly SplitLoss[], split: string): SplitLoss {
  const loss = losses.find(({ name }) => name === split);
  if (loss === undefined) throw new Error(`there is no split ${split}`);
  return loss;
}

async function* scenesWith(
  plan: SourcePlan,
  { name, isLost }: SplitLoss,
  firstScene: number,
): AsyncGenerator<PlannedScene> {
  let position = isLost.positionOfClear(firstScene);
  for await (const scene of plan.scenes(name, position)) {
    if (!isLost.has(position)) yield scene;
    position += 1;
  }
}

async function* wholeLedger(
  plan: SourcePlan,
  losses: readonly SplitLoss[],
  regions: Known,
): AsyncGenerator<LedgerEntry> {
  yield* plan.ledger();
  for (const { name, numWithout } of losses) {
    if (numWithout === 0) continue;
    for await (const scene of plan.scenes(name)) {
      const without = keysWithout(scene, regions);
      if (without.length === 0) continue;
      const evidence = `no region features of ${without.join(" and ")}`;
      for (const { file, kind, record, id } of scene.records) {
        yield { file, kind, record, id, outcome: "missing", reason: "no-regions", evidence };
      }
    }
  }
}

/** A set of small whole numbers. */
class Bits {
  readonly #bytes: Uint8Array;

  constructor(size: number) {
    this.#bytes = new Uint8Array(Math.ceil(size / 8));
  }

  set(position: number): void {
    const byte = position >>> 3;
    this.#bytes[byte] = (this.#bytes[byte] ?? 0) | (1 << (position & 7));
  }

  has(position: number): boolean {
    return ((this.#bytes[position >>> 3] ?? 0) & (1 << (position & 7))) !== 0;
  }

  /** The position of the n-th that is not in the set, counted from 0. */
  positionOfClear(index: number): number {
    let position = 0;
    for (let numClear = 0; ; position += 1) {
      if (this.has(position)) continue;
      if (numClear === index) return position;
      numClear += 1;
    }
  }
}
