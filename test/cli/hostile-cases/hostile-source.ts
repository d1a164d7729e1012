import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { JsonValue } from "../../../src/core/digest.ts";
import type { PictureInfo } from "../../../src/core/records.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import {
  cocoCaption,
  cocoImage,
  cocoName,
  drawPicture,
  writeFileBelow,
} from "../../ingest/coco-folder.ts";
import { type MeasuredEnd, measuredRun } from "./measured-program.ts";

export const CAPTIONS = "coco/annotations/captions_train2017.json";
const NUM_SOUND = 2;

/** A picture of which something is wrong or odd. */
interface HostilePicture {
  readonly name: string;
  readonly make: () => Promise<Uint8Array | string> | Uint8Array | string;
  /** The code under which it goes to quarantine, and its caption with it; it is stored without one. */
  readonly fault?: string;
  /** What the set says of it. */
  readonly stored?: Partial<PictureInfo>;
}

export interface PrepareCase {
  /** The number in the list of hostile inputs. */
  readonly number: number;
  readonly name: string;
  readonly exitCode: number;
  /** Why it ends so, where the list has another exit code. */
  readonly why?: string;
  /** They are COCO's images 1 to n, before two sound ones; each of these has a caption. */
  readonly pictures?: readonly HostilePicture[];
  /** Files that are put over those of the source. */
  readonly files?: () => Promise<Files> | Files;
  /** Datasets of which everything is prepared; COCO without it. */
  readonly datasets?: readonly string[];
  /** The parts of a published split that are taken, in one split; everything without it. */
  readonly parts?: readonly string[];
  readonly args?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** For a case that has to take long. */
  readonly giveUpMs?: number;
  /** All of the ledger, as "image quarantined IMG_EMPTY 1", beside the pictures' faults. */
  readonly ledger?: readonly string[];
  /** Records read where `files` has other ones. */
  readonly numRead?: number;
  /** What goes on in the source's folder while the program runs. */
  readonly meanwhile?: (source: string, signal: AbortSignal) => Promise<void>;
  /** What the pictures of the set have to be like. */
  readonly check?: (pictures: readonly PictureInfo[]) => void;
  /** What the document on stdout says somewhere. */
  readonly words?: readonly string[];
}

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** What came of a case. */
export interface PrepareOutcome extends MeasuredEnd {
  readonly ledger: readonly string[];
  /** in, and written + excluded + quarantined + missing */
  readonly balance: readonly [number, number];
  readonly pictures: readonly PictureInfo[];
}

/** What the ledger has to hold: "image quarantined IMG_EMPTY 1". */
export function expectedLedger({ pictures = [], ledger = [] }: PrepareCase): string[] {
  const faults = pictures.flatMap(({ fault }) => fault ?? []);
  const rows = [...new Set(faults)].flatMap((fault) => {
    const count = faults.filter((other) => other === fault).length;
    return ["image", "caption"].map((kind) => `${kind} quarantined ${fault} ${count}`);
  });
  return [...rows, ...ledger].toSorted();
}

/** Whether nothing of a case but its pictures is odd or looked at, so that they can stand among those of others. */
export function isOfPictures(hostile: PrepareCase): boolean {
  const { args, environment, exitCode, files, meanwhile, pictures, words } = hostile;
  const others = [args, environment, files, meanwhile, words].filter((of) => of !== undefined);
  return exitCode === 0 && pictures !== undefined && others.length === 0;
}

/** Cases of pictures alone as one: all of their pictures in one source. */
export function together(cases: readonly PrepareCase[]): PrepareCase {
  return {
    number: 0,
    name: `the pictures of ${cases.length} cases`,
    exitCode: 0,
    pictures: cases.flatMap(({ pictures = [] }) => pictures),
  };
}

/** What is stored of the pictures of one of the cases that were put together, in their order. */
export function storedOf(
  hostile: PrepareCase,
  cases: readonly PrepareCase[],
  stored: readonly PictureInfo[],
): readonly (PictureInfo | undefined)[] {
  const before = together(cases.slice(0, cases.indexOf(hostile))).pictures?.length ?? 0;
  return (hostile.pictures ?? []).map((_, index) =>
    stored.find(({ path }) => path === pathOf(before + index)),
  );
}

/** Records that go in: an image and a caption for each picture. */
export function numRecords({ pictures = [], numRead }: PrepareCase): number {
  return numRead ?? 2 * (pictures.length + NUM_SOUND);
}

/** The path of picture `index` of a case. */
export function pathOf(index: number): string {
  return `coco/train2017/${cocoName(index + 1)}`;
}

/** The captions file of `numPictures` images with one caption each. */
export function captionsOf(numPictures: number): string {
  const ids = Array.from({ length: numPictures }, (_, index) => index + 1);
  return JSON.stringify({
    images: ids.map((id) => cocoImage(id)),
    annotations: ids.map((id) => cocoCaption(1000 + id, id)),
  });
}

const NUMBERS = "1234567,";

/** The sound captions file behind a list of numbers, of so many megabytes, that nobody asks for. */
export function behindNumbers(megabytes: number): PrepareCase {
  return {
    number: 28,
    name: `a captions file behind ${megabytes} MB of numbers`,
    exitCode: 0,
    giveUpMs: 60_000 + 1000 * megabytes,
    files: () => ({
      [CAPTIONS]: Buffer.concat([
        Buffer.from(`{"numbers":[`),
        Buffer.alloc(megabytes * 1e6, NUMBERS),
        Buffer.from(`0],${captionsOf(NUM_SOUND).slice(1)}`),
      ]),
    }),
  };
}

async function filesOf({ pictures = [], files }: PrepareCase): Promise<Files> {
  const all: [string, string | Uint8Array][] = [];
  for (const [index, { make }] of pictures.entries()) all.push([pathOf(index), await make()]);
  for (let sound = 0; sound < NUM_SOUND; sound += 1) {
    all.push([pathOf(all.length), await drawPicture(sound)]);
  }
  return { [CAPTIONS]: captionsOf(all.length), ...Object.fromEntries(all), ...(await files?.()) };
}

const countsSchema = z.object({
  kind: z.string(),
  read: z.int(),
  written: z.int(),
  excluded: z.int(),
  quarantined: z.int(),
  missing: z.int(),
});
const resultSchema = z.object({
  sets: z.tuple([
    z.object({
      counts: z.array(countsSchema),
      reasons: z.array(
        z.object({
          kind: z.string(),
          outcome: z.string(),
          reason: z.string(),
          records: z.int(),
        }),
      ),
    }),
  ]),
});

/** Runs `crossweave prepare` on a case in a folder of its own. */
export async function prepareCase(hostile: PrepareCase): Promise<PrepareOutcome> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-hostile-"));
  try {
    const source = join(folder, "source");
    const files = await filesOf(hostile);
    for (const [path, content] of Object.entries(files)) {
      await writeFileBelow(source, path, content);
    }
    const out = join(folder, "set");
    const recipe = join(folder, "recipe.json");
    await writeFile(recipe, JSON.stringify(recipeOf(hostile)));
    const { args = [], environment, giveUpMs, meanwhile } = hostile;
    const flags = ["--source", source, "--out", out, "--workers", "1", "--json", ...args];
    const running = new AbortController();
    const meddling = meanwhile?.(source, running.signal);
    const ended = await measuredRun(["prepare", recipe, ...flags], environment, giveUpMs);
    running.abort();
    await meddling;
    const told = ended.exitCode === 0 ? resultSchema.parse(JSON.parse(ended.stdout)) : undefined;
    const [{ counts, reasons }] = told?.sets ?? [{ counts: [], reasons: [] }];
    return {
      ...ended,
      ledger: reasons
        .map((row) => `${row.kind} ${row.outcome} ${row.reason} ${row.records}`)
        .toSorted(),
      balance: [sum(counts.map(({ read }) => read)), sum(counts.map(fatesOf))],
      pictures: existsSync(join(out, "index.json")) ? await picturesIn(out) : [],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function recipeOf({ datasets = ["coco"], parts }: PrepareCase): JsonValue {
  return {
    name: "hostile",
    summary: "Everything in one split.",
    datasets: datasets.map((name) => ({ name })),
    splits: [
      {
        name: "train",
        role: "train",
        from: Object.fromEntries(datasets.map((name) => [name, parts ?? "everything"])),
      },
    ],
    policy: "none",
    pictures: { shorterSide: 640, jpegQuality: 95, maxPixels: 50_000_000 },
    shards: { targetBatchBytes: 2 ** 25, maxScenesPerBatch: 128, targetShardBytes: 2 ** 28 },
    quarantineLimit: { share: 1, records: 50 },
  };
}

function fatesOf(counts: z.infer<typeof countsSchema>): number {
  return counts.written + counts.excluded + counts.quarantined + counts.missing;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

async function picturesIn(set: string): Promise<PictureInfo[]> {
  await using reader = await ShardSetReader.open(set);
  const pictures: PictureInfo[] = [];
  for (const { name } of reader.index.splits) {
    for await (const head of reader.split(name).heads()) pictures.push(...head.pictures);
  }
  return pictures;
}
