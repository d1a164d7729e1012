import type { RandomStream } from "../../../src/core/random.ts";
import {
  type BatchEntry,
  commitIndex,
  INDEX_FILE,
  LEDGER_FILE,
  type ShardEntry,
  type ShardSetIndex,
  type SplitEntry,
} from "../../../src/shards/shard-set-index.ts";
import type { Damage, DamagedSet } from "./damaged-set.ts";

type Content = Omit<ShardSetIndex, "digest">;

function other(digest: string, random: RandomStream): string {
  const place = random.nextInt(64);
  const digit = (Number.parseInt(digest.charAt(place), 16) + 1 + random.nextInt(15)) % 16;
  return digest.slice(0, place) + digit.toString(16) + digest.slice(place + 1);
}

const batchChanges: readonly ((entry: BatchEntry, random: RandomStream) => Partial<BatchEntry>)[] =
  [
    ({ offset }, random) => ({ offset: offset + 64 * (1 + random.nextInt(20)) }),
    ({ sizeBytes }, random) => ({ sizeBytes: sizeBytes + 64 * (1 + random.nextInt(20)) }),
    ({ sizeBytes }) => ({ sizeBytes: sizeBytes - 64 }),
    ({ sha256 }, random) => ({ sha256: other(sha256, random) }),
    ({ numScenes }) => ({ numScenes: numScenes + 1 }),
    ({ headSizeBytes }) => ({ headSizeBytes: headSizeBytes - 64 }),
    ({ headSizeBytes }) => ({ headSizeBytes: headSizeBytes + 1 }),
    ({ headSha256 }, random) => ({ headSha256: other(headSha256, random) }),
  ];

const shardChanges: readonly ((entry: ShardEntry, random: RandomStream) => Partial<ShardEntry>)[] =
  [
    ({ sizeBytes }) => ({ sizeBytes: sizeBytes + 1 }),
    ({ sizeBytes }) => ({ sizeBytes: sizeBytes - 1 }),
    ({ sha256 }, random) => ({ sha256: other(sha256, random) }),
    ({ numScenes }) => ({ numScenes: numScenes + 1 }),
    ({ batches }) => ({ batches: batches.slice(0, -1) }),
    ({ batches }) => ({ batches: batches.toReversed() }),
    ({ batches }) => ({ batches: [...batches, ...batches.slice(-1)] }),
  ];

const splitChanges: readonly ((entry: SplitEntry) => Partial<SplitEntry>)[] = [
  ({ numScenes }) => ({ numScenes: numScenes + 1 }),
  ({ numPictures }) => ({ numPictures: numPictures - 1 }),
  ({ numTexts }) => ({ numTexts: numTexts + 2 }),
  ({ shards }) => ({ shards: shards.toReversed() }),
  ({ shards }) => ({ shards: [...shards, ...shards.slice(0, 1)] }),
  ({ role }) => ({ role: role === "eval" ? "train" : "eval" }),
];

function changeBatch(content: Content, random: RandomStream): [Content, Damage] {
  return changeShardWith(content, random, (shard) => {
    const place = random.nextInt(shard.batches.length);
    const change = batchChanges[random.nextInt(batchChanges.length)];
    const batches = shard.batches.map((entry, index) =>
      index === place ? Object.assign({}, entry, change?.(entry, random)) : entry,
    );
    return [{ batches }, `batch ${place}`];
  });
}

function changeShard(content: Content, random: RandomStream): [Content, Damage] {
  return changeShardWith(content, random, (shard) => {
    const choices = shardChanges.slice(0, shard.batches.length > 1 ? undefined : 5);
    const which = random.nextInt(choices.length);
    return [choices[which]?.(shard, random) ?? {}, `change ${which}`];
  });
}

function changeShardWith(
  content: Content,
  random: RandomStream,
  change: (shard: ShardEntry) => [Partial<ShardEntry>, string],
): [Content, Damage] {
  const files = content.splits.flatMap(({ shards }) => shards.map(({ file }) => file));
  const file = files[random.nextInt(files.length)] ?? "";
  let what = "";
  const splits = content.splits.map((split) =>
    Object.assign({}, split, {
      shards: split.shards.map((shard) => {
        if (shard.file !== file) return shard;
        const [facts, name] = change(shard);
        what = name;
        return Object.assign({}, shard, facts);
      }),
    }),
  );
  return [
    { ...content, splits },
    { what: `${what} of ${file} in the index`, places: [{ file }] },
  ];
}

function changeSplit(content: Content, random: RandomStream): [Content, Damage] {
  const place = random.nextInt(content.splits.length);
  const several = (content.splits[place]?.shards.length ?? 0) > 1;
  const choices = splitChanges.filter((_, index) => several || index !== 3);
  const which = random.nextInt(choices.length);
  const change = choices[which];
  const splits = content.splits.map((split, index) =>
    index === place ? Object.assign({}, split, change?.(split)) : split,
  );
  const isRole = change === splitChanges.at(-1);
  const file = isRole ? (content.splits[place]?.shards[0]?.file ?? "") : INDEX_FILE;
  return [
    { ...content, splits },
    { what: `split ${place}, change ${which}`, places: [{ file }] },
  ];
}

function changeLedger(content: Content, random: RandomStream): [Content, Damage] {
  const { ledger } = content;
  const changes = [
    [{ sizeBytes: ledger.sizeBytes + 1 }, LEDGER_FILE],
    [{ sha256: other(ledger.sha256, random) }, LEDGER_FILE],
    [{ numRows: ledger.numRows + 1 }, INDEX_FILE],
  ] as const;
  const [change, file] = changes[random.nextInt(changes.length)] ?? [{}, ""];
  const what = `the ledger's ${Object.keys(change).join()}`;
  return [
    { ...content, ledger: { ...ledger, ...change } },
    { what, places: [{ file }] },
  ];
}

function changeCounts(content: Content, random: RandomStream): [Content, Damage] {
  const names = ["read", "written", "excluded", "quarantined", "missing"] as const;
  const name = names[random.nextInt(names.length)] ?? "read";
  const place = random.nextInt(content.counts.length);
  const counts = content.counts.map((count, index) =>
    index === place ? { ...count, [name]: count[name] + 1 } : count,
  );
  const damage = { what: `count ${place} ${name}`, places: [{ file: INDEX_FILE }] };
  return [{ ...content, counts }, damage];
}

/** Puts an index in place whose own digest and croissant.json are right and one of whose statements is wrong. */
export async function changedIndex(set: DamagedSet, random: RandomStream): Promise<Damage> {
  const { digest: _digest, ...content } = set.index;
  const changes = [changeBatch, changeBatch, changeShard, changeSplit, changeLedger, changeCounts];
  const change = changes[random.nextInt(changes.length)] ?? changeBatch;
  const [changed, damage] = change(content, random);
  await commitIndex(set.path, changed);
  return damage;
}
