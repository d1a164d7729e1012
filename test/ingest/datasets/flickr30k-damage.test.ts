import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, asyncProperty, constantFrom, nat, record, type Arbitrary } from "fast-check";
import { describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { flickr30k } from "../../../src/ingest/datasets/flickr30k.ts";
import { nlvr2 } from "../../../src/ingest/datasets/nlvr2.ts";
import { snliVe } from "../../../src/ingest/datasets/snli-ve.ts";
import type { Source } from "../../../src/ingest/source.ts";
import { everything } from "../coco-folder.ts";
import { allScenes, folderWith, jsonLines, planOf, realFile } from "./flickr30k-folder.ts";

const NUM_RUNS = 60;

interface DamagedFile {
  readonly source: Source;
  readonly path: string;
  readonly content: () => Promise<Buffer>;
}

async function headOf(lines: number, ...parts: readonly string[]): Promise<Buffer> {
  const text = (await realFile(...parts)).toString("utf8");
  return Buffer.from(text.split("\n").slice(0, lines).join("\n"));
}

/** A few real records of every form. */
const files: readonly DamagedFile[] = [
  {
    source: flickr30k,
    path: "flickr30k/results_20130124.token",
    content: () => realFile("flickr30k/results_20130124.token.first10"),
  },
  {
    source: flickr30k,
    path: "flickr30k/results.csv",
    content: () => realFile("flickr30k/results.sample1.csv"),
  },
  {
    source: flickr30k,
    path: "flickr30k/dataset_flickr30k.json",
    content: async () => {
      const lines = (await headOf(3, "flickr30k/karpathy_val_ann.jsonl")).toString().split("\n");
      const images = lines.map((line, imgid) => {
        const { sentences, id }: { sentences: string[]; id: string } = JSON.parse(line);
        const raws = sentences.map((raw, n) => ({ raw, imgid, sentid: 5 * imgid + n }));
        return { sentences: raws, imgid, split: "val", filename: `${id}.jpg` };
      });
      return Buffer.from(JSON.stringify({ images, dataset: "flickr30k" }));
    },
  },
  {
    source: snliVe,
    path: "snli-ve/snli_ve_dev.jsonl",
    content: () => headOf(4, "snli_ve/sample_pairs.jsonl"),
  },
  {
    source: snliVe,
    path: "snli-ve/esnlive_dev.csv",
    content: () => headOf(8, "snli_ve/esnlive_dev.csv.gz"),
  },
  { source: nlvr2, path: "nlvr2/dev.json", content: () => headOf(4, "nlvr2/dev.json.gz") },
  {
    source: nlvr2,
    path: "nlvr2/train.json",
    content: async () => {
      const pairs = [0, 1, 2].map((pair) => ({
        sentence: `There are ${pair} dogs — öäü 字.`,
        left_url: "https://example.org/a.jpg",
        right_url: "https://example.org/b.jpg",
        label: "True",
        identifier: `train-1-${pair}-0`,
        directory: 1,
      }));
      return Buffer.from(jsonLines(...pairs));
    },
  },
];

const damage = record({
  kind: constantFrom("flip", "cut", "remove", "insert", "swap", "repeat"),
  at: nat(10_000),
  length: nat(40),
  byte: nat(255),
});
type Damage = typeof damage extends Arbitrary<infer T> ? T : never;

function damagedBy({ kind, at: anywhere, length, byte }: Damage, bytes: Buffer): Buffer {
  const at = anywhere % bytes.length;
  const [before, some, after] = [
    bytes.subarray(0, at),
    bytes.subarray(at, at + length),
    bytes.subarray(at + length),
  ];
  const pieces = {
    flip: [before, some.map((value) => value ^ byte), after],
    cut: [before],
    remove: [before, after],
    insert: [before, Buffer.alloc(length, byte), some, after],
    swap: [before, Buffer.from(some.toReversed()), after],
    repeat: [before, some, some, after, bytes],
  } as const satisfies Readonly<Record<string, readonly Uint8Array[]>>;
  return Buffer.concat(pieces[kind]);
}

/** "adds up" or "refused clearly", or what is wrong. */
async function verdictOf({ source, path }: DamagedFile, folder: string): Promise<string> {
  try {
    using plan = await planOf(source, folder, { splits: everything });
    const written = (await allScenes(plan)).flatMap(({ records }) => records);
    const ledger = await Array.fromAsync(plan.ledger());
    const places = new Set([...written, ...ledger].map((entry) => entry.record));
    const numRead = plan.counts.reduce((sum, { read }) => sum + read, 0);
    const isWhole = places.size === written.length + ledger.length && places.size === numRead;
    const addsUp = plan.counts.every(
      (count) => count.written + count.excluded + count.quarantined + count.missing === count.read,
    );
    return isWhole && addsUp ? "adds up" : `${numRead} records, ${places.size} places`;
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return error.file === path && error.remedy !== undefined ? "refused clearly" : error.message;
  }
}

describe("A damaged file of Flickr30K, SNLI-VE or NLVR2", () => {
  it.each(files)("adds up or is refused clearly: $path", async (file) => {
    const content = await file.content();
    await using folder = await folderWith({ [file.path]: content });
    const path = join(folder.path, file.path);
    expect(await verdictOf(file, folder.path)).toBe("adds up");
    await assert(
      asyncProperty(damage, async (how) => {
        await writeFile(path, damagedBy(how, content));
        expect(["adds up", "refused clearly"]).toContain(await verdictOf(file, folder.path));
      }),
      { numRuns: NUM_RUNS },
    );
  });
});
