import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { preparationExclusions } from "../../../src/cli/preparation/exclusions.ts";
import { prepareSet } from "../../../src/cli/preparation/prepare-set.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { readRecipe } from "../../../src/ingest/recipe.ts";
import { writeSmallWorld } from "../../../src/ingest/small-world/small-world.ts";
import { type EndedProgram, RunningProgram } from "../running-program.ts";

export const main: string = join(import.meta.dirname, "../../../src/cli/main.ts");

/** A small world and two shard sets of its COCO part. */
export interface TinyWorld extends AsyncDisposable {
  /** A folder for everything that a test makes; removed with the world. */
  readonly folder: string;
  readonly world: string;
  readonly vocabulary: string;
  /** 112 scenes in one training split: nothing to leak into. */
  readonly fit: string;
  /** Karpathy's splits with the leaks that were planted. */
  readonly leaking: string;
}

export async function drawTinyWorld(): Promise<TinyWorld> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-hardship-"));
  const context = { progress: silentProgress, signal: new AbortController().signal };
  const world = join(folder, "world");
  await writeSmallWorld(world, { seed: 1, scale: 0.05, ...context });
  const set = async (name: string): Promise<string> => {
    const outFolder = join(folder, name);
    const recipe = await readRecipe(name);
    // As the program does it, so that both lead to the same digest.
    const choice = { sourceFolder: world, allowMissing: false };
    const call = {
      recipe,
      sourceFolder: world,
      outFolder,
      allowMissing: false,
      acceptUnknownRelease: false,
      ...(await preparationExclusions(recipe, choice, context)),
      strict: false,
      quarantineLimit: recipe.quarantineLimit,
      numWorkers: 2,
      fresh: false,
    };
    await prepareSet(call, context);
    return outFolder;
  };
  return {
    folder,
    world,
    vocabulary: join(world, "vocab.txt"),
    fit: await set("coco-fit"),
    leaking: await set("coco"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const TINY_SETTINGS = {
  "model.swin.imageSize": "32",
  "model.swin.depths": "[1,1]",
  "model.swin.heads": "[2,4]",
  "model.swin.windowSize": "4",
  "model.swin.embedDim": "16",
  "model.transformer.hiddenSize": "32",
  "model.transformer.layers": "1",
  "model.transformer.heads": "2",
  "model.transformer.intermediateSize": "64",
  "data.picturesPerBatch": "8",
  "objectives.mfrMaskedTokens": "2",
  "optimisation.warmupSteps": "2",
  "optimisation.duration.length": "12",
  "checkpoints.everySteps": "5",
} as const;

/** The arguments of a training of twelve steps into `out`, a second of work. */
export function trainArguments(
  { fit, vocabulary }: TinyWorld,
  out: string,
  more: readonly string[] = [],
): string[] {
  const settings = Object.entries({ ...TINY_SETTINGS, "data.vocabulary": vocabulary });
  const set = settings.flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  return ["train", "demo", "--data", fit, "--out", out, ...set, ...more];
}

export function start(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): RunningProgram {
  return new RunningProgram(main, args, environment);
}

export function run(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<EndedProgram> {
  return start(args, environment).ended;
}

/** What a run of twelve steps comes to: its losses and its weights, as text. */
export async function outcomeOf(runFolder: string): Promise<string[]> {
  const model = join("checkpoints", "step-00000012", "model.safetensors");
  return Promise.all(
    ["metrics.jsonl", model].map((file) => readFile(join(runFolder, file), "latin1")),
  );
}
