import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import pLimit from "p-limit";
import { z } from "zod";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { ConfigError, errnoOf, RefusedError } from "../../core/errors.ts";
import { writeFileAtomically } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import { describeCoco, drawCocoPictures, plantInCoco } from "./coco.ts";
import { planFlickr30k } from "./flickr30k.ts";
import { planNlvr2 } from "./nlvr2.ts";
import { wordsOf } from "./phrases.ts";
import { renderPicture } from "./picture.ts";
import { planSnliVe } from "./snli-ve.ts";
import { planVisualGenome } from "./visual-genome.ts";
import { planVqa2 } from "./vqa2.ts";
import {
  datasetNames,
  jsonLines,
  PicturePool,
  streamOf,
  worldSizes,
  type WorldDocument,
  type WorldPart,
  type WorldPicture,
} from "./world.ts";

export interface SmallWorldOptions {
  readonly seed: number;
  /** 1 gives 2,900 pictures; smaller worlds keep the planted leaks. */
  readonly scale?: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What lies in a small world's folder; the same for the same seed and scale. */
export interface SmallWorldSummary {
  readonly format: "crossweave-small-world";
  readonly version: 1;
  readonly seed: number;
  readonly scale: number;
  readonly numPictures: number;
  readonly numFiles: number;
  readonly numPlantedLeaks: number;
  /** Pictures of each dataset and split. */
  readonly pictures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Texts of each dataset and split (or kind). */
  readonly texts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Digest of the list of all files with their digests. */
  readonly digest: string;
}

// What the folder's marker holds: the summary once the world is complete, its options before.
const MARKER = "small-world.json";

const summarySchema = z.object({
  format: z.literal("crossweave-small-world"),
  version: z.literal(1),
  seed: z.number(),
  scale: z.number(),
  numPictures: z.number(),
  numFiles: z.number(),
  numPlantedLeaks: z.number(),
  pictures: z.record(z.string(), z.record(z.string(), z.number())),
  texts: z.record(z.string(), z.record(z.string(), z.number())),
  digest: z.string(),
});

const markerSchema = z.union([
  summarySchema,
  z.object({ incomplete: z.literal(true), seed: z.number(), scale: z.number() }),
]);

/**
 * Draws the small world and writes it to `folder` as six datasets in their official formats (DESIGN
 * section 3), with `vocab.txt`, `scenes.jsonl` (what every picture shows) and `planted-leaks.json`.
 * The same seed and scale give the same bytes; a world that is complete is left as it is, an
 * interrupted one is drawn anew over what is there. Throws ConfigError for a scale that is no
 * positive number, RefusedError when the folder holds anything else.
 */
export async function writeSmallWorld(
  folder: string,
  options: SmallWorldOptions,
): Promise<SmallWorldSummary> {
  const { seed, scale = 1, progress, signal } = options;
  if (!(scale > 0 && scale <= 100)) {
    throw new ConfigError(`the small world's scale is ${scale}, expected a number in (0, 100]`);
  }
  signal.throwIfAborted();
  const complete = await readMarker(folder, { seed, scale });
  if (complete !== undefined) return complete;
  await mkdir(folder, { recursive: true });
  const marker = join(folder, MARKER);
  await writeFileAtomically(marker, `${canonicalJson({ incomplete: true, seed, scale })}\n`);
  const parts = planSmallWorld(seed, scale);
  const files = await writeFiles(folder, Object.values(parts), { progress, signal });
  const summary = summarize(parts, { seed, scale, files });
  await writeFileAtomically(marker, `${JSON.stringify(summary, undefined, 2)}\n`);
  return summary;
}

async function readMarker(
  folder: string,
  expected: { readonly seed: number; readonly scale: number },
): Promise<SmallWorldSummary | undefined> {
  const names = await namesIn(folder);
  if (names.length === 0) return undefined;
  const remedy = "name an empty folder, or remove this one";
  if (!names.includes(MARKER)) {
    throw new RefusedError(`${folder} is not empty and holds no small world`, {
      file: folder,
      remedy,
    });
  }
  const found = markerSchema.safeParse(parsed(await readFile(join(folder, MARKER), "utf8")));
  const { seed, scale } = found.data ?? {};
  if (seed !== expected.seed || scale !== expected.scale) {
    throw new RefusedError(
      `${folder} holds the small world of seed ${seed} and scale ${scale}, ` +
        `asked for are seed ${expected.seed} and scale ${expected.scale}`,
      { file: join(folder, MARKER), remedy },
    );
  }
  return found.data !== undefined && "digest" in found.data ? found.data : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

type WorldParts = Readonly<Record<(typeof datasetNames)[number], WorldPart>>;

/** The whole world but the bytes of its pictures: a pure function of its arguments. */
function planSmallWorld(seed: number, scale: number): WorldParts {
  const sizes = worldSizes(scale);
  const flickr30k = planFlickr30k(seed, sizes.flickr30k);
  const flickr30kPool = new PicturePool(flickr30k.pictures, streamOf(seed, "flickr30k", 0, 1));
  const drawn = drawCocoPictures(seed, sizes.coco);
  const pool = new PicturePool(drawn, streamOf(seed, "coco", 0, 3));
  const planted = plantInCoco(seed, pool, flickr30kPool);
  const replaced = new Map(planted.pictures.map((picture) => [picture.key, picture]));
  const pictures = drawn.map((picture) => replaced.get(picture.key) ?? picture);
  const vg = planVisualGenome(seed, sizes.vg, {
    coco: pool,
    flickr30k: flickr30kPool,
    stepping: planted.steppingStones,
    cocoPictures: pictures,
  });
  const restval = [pool.take("restval"), pool.take("restval")];
  const vqa2 = planVqa2(seed, {
    pictures,
    train: pool.untouched("train").slice(0, sizes.vqa2TrainPictures),
    restval,
    pairs: planted.twins,
  });
  return {
    coco: { ...describeCoco(seed, pictures), leaks: planted.leaks },
    vg,
    flickr30k,
    vqa2,
    nlvr2: planNlvr2(seed, sizes.nlvr2Sets, flickr30kPool),
    "snli-ve": planSnliVe(seed, flickr30k.captioned, flickr30kPool),
  };
}

/** The files beside the six datasets: vocabulary, ground truth, list of planted leaks. */
function ownDocuments(parts: readonly WorldPart[]): WorldDocument[] {
  const texts = parts.flatMap((part) => part.texts);
  const pictures = parts.flatMap((part) => part.pictures);
  const leaks = parts.flatMap((part) => part.leaks);
  return [
    { path: "vocab.txt", text: `${vocabularyOf(texts).join("\n")}\n` },
    { path: "scenes.jsonl", text: jsonLines(pictures.map(truthOf)) },
    { path: "planted-leaks.json", text: `${JSON.stringify({ leaks }, undefined, 1)}\n` },
  ];
}

// Every word of the world, then single characters, so that no other text has an unknown word either.
function vocabularyOf(texts: readonly string[]): string[] {
  const letters = Array.from("abcdefghijklmnopqrstuvwxyz0123456789");
  const marks = Array.from("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
  const words = new Set(texts.flatMap((text) => wordsOf(text)));
  return [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ...marks,
    ...letters,
    ...letters.map((letter) => `##${letter}`),
    ...[...words].filter((word) => word.length > 1).toSorted(),
  ];
}

function truthOf(picture: WorldPicture): object {
  const { key, path, dataset, split, photograph, rendering, view } = picture;
  return {
    key,
    path,
    dataset,
    split,
    photograph: photograph.id,
    rendering: rendering.kind,
    ...view,
  };
}

/** Writes everything; gives the digest of each file, by path. */
async function writeFiles(
  folder: string,
  parts: readonly WorldPart[],
  { progress, signal }: Pick<SmallWorldOptions, "progress" | "signal">,
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const { path, text } of [
    ...parts.flatMap((part) => part.documents),
    ...ownDocuments(parts),
  ]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFileAtomically(join(folder, path), text);
    digests[path] = sha256(text);
  }
  const pictures = parts.flatMap((part) => part.pictures);
  for (const parent of new Set(pictures.map(({ path }) => dirname(path)))) {
    await mkdir(join(folder, parent), { recursive: true });
  }
  let done = 0;
  const total = pictures.length;
  const limit = pLimit({ concurrency: 2 * availableParallelism(), rejectOnClear: true });
  const drawings = pictures.map((picture) =>
    limit(async () => {
      signal.throwIfAborted();
      digests[picture.path] = await writePicture(folder, picture);
      done += 1;
      progress.report({ activity: "drawing the small world", done, total, unit: "pictures" });
    }),
  );
  try {
    await Promise.all(drawings);
  } catch (error) {
    limit.clearQueue();
    await Promise.allSettled(drawings); // nothing writes any more once the caller knows
    throw error;
  }
  return digests;
}

// No fsync for each of thousands of pictures: the marker says whether the world is complete.
async function writePicture(folder: string, picture: WorldPicture): Promise<string> {
  const bytes = await renderPicture(picture.photograph, picture.rendering, picture.format);
  const path = join(folder, picture.path);
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
  return sha256(bytes);
}

interface Written {
  readonly seed: number;
  readonly scale: number;
  readonly files: Readonly<Record<string, string>>;
}

function summarize(parts: WorldParts, { seed, scale, files }: Written): SmallWorldSummary {
  const all = Object.values(parts);
  const countedBy = <V>(value: (part: WorldPart) => V): Record<string, V> =>
    Object.fromEntries(datasetNames.map((dataset) => [dataset, value(parts[dataset])]));
  return {
    format: "crossweave-small-world",
    version: 1,
    seed,
    scale,
    numPictures: all.reduce((sum, part) => sum + part.pictures.length, 0),
    numFiles: Object.keys(files).length,
    numPlantedLeaks: all.reduce((sum, part) => sum + part.leaks.length, 0),
    pictures: countedBy(({ pictures }) => countSplits(pictures)),
    texts: countedBy(({ numTexts }) => numTexts),
    digest: sha256(canonicalJson(files)),
  };
}

function countSplits(pictures: readonly WorldPicture[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { split } of pictures) counts[split] = (counts[split] ?? 0) + 1;
  return counts;
}
