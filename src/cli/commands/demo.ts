import type { Command } from "commander";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, seedOf, wholeNumber } from "../program.ts";
import { styled } from "../terminal/text-style.ts";

interface DemoFlags {
  readonly out: string;
  readonly steps?: number;
  readonly fresh?: true;
  readonly dryRun?: true;
}

const DEFAULT_SEED = 1;

/** Adds `crossweave demo`. */
export function addDemoCommand(program: Command): void {
  const command = program
    .command("demo")
    .description(
      "Draw a small world with planted leaks, prepare it, audit it, train the three systems on it, evaluate, and write a report.",
    )
    .option("--out <folder>", "where world, shards, run and report go", "runs/demo")
    .option("--steps <number>", "training steps; the recipe's unless given", wholeNumber)
    .option("--fresh", "remove the demo that is in the folder and start over")
    .option("--dry-run", "tell what would be done and where; write nothing")
    .action((flags: DemoFlags) =>
      runCommand<unknown>(
        { command, activity: `the whole way in ${flags.out}`, writesTo: flags.out },
        (context) => {
          const call = { ...flags, seed: seedOf(command) ?? DEFAULT_SEED };
          return flags.dryRun === true ? tellStations(call) : demo(call, context);
        },
      ),
    );
  addExamples(command, ["crossweave demo", "crossweave demo --out /tmp/demo --seed 2"]);
}

interface DemoRequest extends DemoFlags {
  readonly seed: number;
}

async function tellStations({ out, seed, steps }: DemoRequest): Promise<CommandOutcome<unknown>> {
  const { recipeNamed } = await import("../../train/recipes/recipe-named.ts");
  const { demoSystems } = await import("../demo/demo-systems.ts");
  const stations = [
    { folder: `${out}/world`, what: `a small world of seed ${seed} in six official formats` },
    { folder: `${out}/shards/coco-as-published`, what: "its COCO part, prepared and audited" },
    { folder: `${out}/shards/coco`, what: "the same without the pictures that leak" },
    { folder: `${out}/shards/coco-regions`, what: "these with the regions that a detector saw" },
    ...demoSystems.map(({ name, recipe, run }) => {
      const { length } = recipeNamed(recipe).optimisation.duration;
      return { folder: `${out}/${run}`, what: `${name}, trained for ${steps ?? length} steps` };
    }),
    { folder: `${out}/report`, what: "retrieval on held-out scenes: results and page" },
  ];
  const lines = stations.map(({ folder, what }) => `${folder}: ${what}`);
  return {
    result: { seed, stations },
    text: [...lines, "nothing was written (--dry-run)"].join("\n"),
  };
}

async function demo(
  request: DemoRequest,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const { runDemo } = await import("../demo/demo.ts");
  const { promisesOf } = await import("../demo/promises.ts");
  const { paceText } = await import("../runs/pace-text.ts");
  const { retrievalJson, retrievalText } = await import("../runs/retrieval-text.ts");
  const { out, seed, steps, fresh = false } = request;
  const result = await runDemo({ out, seed, steps, fresh }, context);
  const promises = promisesOf(result);
  const kept = promises.every(({ isKept }) => isKept);
  const lines = promises.map(
    ({ text, isKept }) =>
      `${isKept ? styled("green", "met    ") : styled("red", "NOT MET")}  ${text}`,
  );
  return {
    result: {
      planted: result.planted,
      trained: result.trained,
      evaluation: retrievalJson(result.evaluated),
      promises,
      report: result.report,
    },
    text: [
      retrievalText(result.evaluated),
      "",
      ...result.trained.map(({ system, training }) => `${system.name}: ${paceText(training)}`),
      "",
      ...lines,
      "",
      `report: ${result.report}`,
      `again: crossweave eval retrieval --checkpoint ${out}/run --data ${out}/shards/coco --split val`,
    ].join("\n"),
    // The promises are those of the recipe's own number of steps.
    exitCode: kept || steps !== undefined ? 0 : 1,
  };
}
