import { type Command, Option } from "commander";
import type { RuntimeFacts, SetupPlan } from "../../tensor/setup.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples } from "../program.ts";
import { formatBytes } from "../terminal/terminal-text.ts";

/** Adds `crossweave setup`. */
export function addSetupCommand(program: Command): void {
  const command = program
    .command("setup")
    .description(
      "Bring the TensorFlow runtime: fetch its libraries with pip, compile the binding, prove it with a matrix product.",
    )
    .addOption(
      new Option("--device <device>", "the CPU build, or the CUDA build with its libraries")
        .choices(["cpu", "gpu"])
        .default("cpu"),
    )
    .option("--fresh", "build everything anew")
    .option("--dry-run", "tell what would be fetched and made, and where")
    .action((options: SetupFlags) =>
      runCommand<RuntimeFacts | SetupPlan>({ command, activity: activityOf(options) }, (context) =>
        options.dryRun === true ? tellPlan(options) : setup(options, context),
      ),
    );
  addExamples(command, ["crossweave setup", "crossweave setup --device gpu --dry-run"]);
}

interface SetupFlags {
  readonly device: string;
  readonly fresh?: true;
  readonly dryRun?: true;
}

function activityOf(options: SetupFlags): string {
  return `${options.dryRun === true ? "planning" : "setting up"} TensorFlow, ${options.device.toUpperCase()}`;
}

async function setup(
  options: SetupFlags,
  context: CommandContext,
): Promise<CommandOutcome<RuntimeFacts>> {
  const { parseDevice } = await import("../../tensor/runtime/release.ts");
  const { setupRuntime } = await import("../../tensor/setup.ts");
  const facts = await setupRuntime({
    device: parseDevice(options.device),
    fresh: options.fresh === true,
    progress: context.progress,
    signal: context.signal,
  });
  return { result: facts, text: factsText(facts) };
}

function factsText(facts: RuntimeFacts): string {
  const build = facts.device === "gpu" ? "CUDA build" : "CPU build";
  return [
    `TensorFlow ${facts.tensorFlowVersion} (${build}) ${facts.changed ? "is set up" : "was already set up"} and runs on the ${facts.usesGpu ? "GPU" : "CPU"}`,
    `  folder   ${facts.folder} (${formatBytes(facts.sizeBytes)})`,
    `  binding  compiled by ${facts.compiler}`,
  ].join("\n");
}

async function tellPlan(options: SetupFlags): Promise<CommandOutcome<SetupPlan>> {
  const { parseDevice } = await import("../../tensor/runtime/release.ts");
  const { planSetup } = await import("../../tensor/setup.ts");
  const setupPlan = await planSetup(parseDevice(options.device));
  return { result: setupPlan, text: planText(setupPlan) };
}

function planText(plan: SetupPlan): string {
  if (!plan.fetches && !plan.compiles) return `nothing to do: ${plan.folder} is complete`;
  return [
    `in ${plan.folder}:`,
    ...(plan.fetches ? plan.requirements.map((name) => `  fetch    ${name}`) : []),
    ...(plan.compiles ? ["  compile  the binding, and prove it with a matrix product"] : []),
  ].join("\n");
}
