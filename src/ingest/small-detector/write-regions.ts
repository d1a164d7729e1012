import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { canonicalJson } from "../../core/digest.ts";
import { errnoOf, SourceError } from "../../core/errors.ts";
import { writeFileAtomically } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import { RandomStream } from "../../core/random.ts";
import { colors, shapes } from "../small-world/scene.ts";
import { NUM_CLASSES, NUM_FEATURES, type SeenPicture, seenRegions } from "./detector.ts";
import { npzBytes } from "./npz-file.ts";

export interface RegionFilesOptions {
  /** D; bottom-up attention's 2048 when left out. */
  readonly numFeatures?: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The region features that lie in a small world's folder. */
export interface RegionFilesSummary {
  readonly format: "crossweave-small-world-regions";
  readonly version: 1;
  /** The world's own digest. */
  readonly world: string;
  readonly numFeatures: number;
  readonly numClasses: number;
  readonly numPictures: number;
  readonly numRegions: number;
  readonly sizeBytes: number;
}

// Written last: it says that the files are complete.
const MARKER = "regions/small-world-regions.json";
const worldSchema = z.object({ seed: z.number(), digest: z.string() });
const summarySchema = z.object({
  format: z.literal("crossweave-small-world-regions"),
  version: z.literal(1),
  world: z.string(),
  numFeatures: z.number(),
  numClasses: z.number(),
  numPictures: z.number(),
  numRegions: z.number(),
  sizeBytes: z.number(),
});
const pictureSchema = z.object({
  key: z.string(),
  path: z.string(),
  dataset: z.string(),
  width: z.number(),
  height: z.number(),
  objects: z.array(
    z.object({
      shape: z.enum(shapes),
      color: z.enum(colors),
      box: z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }),
    }),
  ),
});
type TruePicture = z.infer<typeof pictureSchema>;

/** UNITER's names of feature files, by the names of the pictures; other datasets of the world get none. */
const nameForms: Readonly<Record<string, (fileName: string) => string>> = {
  coco: (name) => name.toLowerCase(),
  vg: (name) => `vg_${name}`,
};

/**
 * Writes what the small world's detector sees in its COCO and Visual Genome pictures to `regions/coco/` and `regions/vg/`, in
 * UNITER's format: an npz file a picture with `norm_bb`, `conf`, `features` and `soft_labels` of 16-bit floats. The same
 * world gives the same bytes; files that are complete are left as they are. SourceError when the folder holds no complete
 * small world.
 */
export async function writeRegionFiles(
  world: string,
  options: RegionFilesOptions,
): Promise<RegionFilesSummary> {
  const { numFeatures = NUM_FEATURES, progress, signal } = options;
  const { digest, seed } = await readWorld(world);
  const known = await readSummary(world);
  if (known?.world === digest && known.numFeatures === numFeatures) return known;
  const pictures = await readPictures(world);
  for (const dataset of Object.keys(nameForms)) {
    await mkdir(join(world, "regions", dataset), { recursive: true });
  }
  let [numRegions, sizeBytes] = [0, 0];
  for (const [index, picture] of pictures.entries()) {
    signal.throwIfAborted();
    const draws = new RandomStream(seed, DETECTOR_STREAM, index);
    const written = await writeRegions(world, picture, { draws, numFeatures });
    numRegions += written.numRegions;
    sizeBytes += written.sizeBytes;
    const activity = "detecting the small world's regions";
    progress.report({ activity, done: index + 1, total: pictures.length, unit: "pictures" });
  }
  const summary = {
    format: "crossweave-small-world-regions",
    version: 1,
    world: digest,
    numFeatures,
    numClasses: NUM_CLASSES,
    numPictures: pictures.length,
    numRegions,
    sizeBytes,
  } as const;
  await writeFileAtomically(join(world, MARKER), `${canonicalJson(summary)}\n`);
  return summary;
}

// The datasets of a small world draw by 1 to 6.
const DETECTOR_STREAM = 7;

async function readWorld(world: string): Promise<z.infer<typeof worldSchema>> {
  const path = join(world, "small-world.json");
  const found = worldSchema.safeParse(parsed(await readText(path)));
  if (found.success) return found.data;
  throw new SourceError(`${world} holds no complete small world`, {
    file: path,
    remedy: "draw it first",
  });
}

async function readSummary(world: string): Promise<RegionFilesSummary | undefined> {
  return summarySchema.safeParse(parsed(await readText(join(world, MARKER)))).data;
}

/** The pictures that get region features, in the world's order. */
async function readPictures(world: string): Promise<TruePicture[]> {
  const text = await readFile(join(world, "scenes.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => pictureSchema.parse(JSON.parse(line)))
    .filter(({ dataset }) => dataset in nameForms);
}

async function writeRegions(
  world: string,
  picture: TruePicture & SeenPicture,
  { draws, numFeatures }: { readonly draws: RandomStream; readonly numFeatures: number },
): Promise<{ readonly numRegions: number; readonly sizeBytes: number }> {
  const seen = seenRegions(picture, draws, numFeatures);
  const { numRegions } = seen;
  const bytes = await npzBytes({
    norm_bb: { shape: [numRegions, 6], values: seen.corners },
    conf: { shape: [numRegions], values: seen.confidences },
    features: { shape: [numRegions, numFeatures], values: seen.features },
    soft_labels: { shape: [numRegions, NUM_CLASSES], values: seen.classProbabilities },
  });
  const { dataset } = picture;
  const path = join(world, "regions", dataset, fileNameOf(picture));
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
  return { numRegions, sizeBytes: bytes.length };
}

function fileNameOf({ dataset, path }: TruePicture): string {
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.[a-z]+$/, ".npz");
  return nameForms[dataset]?.(name) ?? name;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
