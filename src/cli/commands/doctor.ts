import type { Command } from "commander";
import type { RuntimeFinding, RuntimeReport } from "../../tensor/inspect.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import type { RecipeWork } from "../model-work/recipe-work.ts";
import { addExamples, collect } from "../program.ts";
import { escapeLines } from "../terminal/terminal-text.ts";
import { styled } from "../terminal/text-style.ts";

/** Adds `crossweave doctor`. */
export function addDoctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .description(
      "Tell what is on this machine, what is missing for training, and how to get it; or what a recipe's model holds and computes.",
    )
    .option("--model <recipe>", "weights and multiply-adds of each part of a recipe's model")
    .option(
      "--set <key=value>",
      "with --model: replace a constant of the recipe; repeatable",
      collect,
    )
    .action((flags: DoctorFlags) =>
      flags.model === undefined
        ? runCommand({ command, activity: "looking at this machine" }, inspect)
        : runCommand({ command, activity: `counting ${flags.model}` }, () => describe(flags)),
    );
  addExamples(command, [
    "crossweave doctor",
    "crossweave doctor --json",
    "crossweave doctor --model pretrain/visual-parsing --set data.maxTextTokens=60",
  ]);
}

interface DoctorFlags {
  readonly model?: string;
  readonly set?: readonly string[];
}

async function describe({
  model = "",
  set = [],
}: DoctorFlags): Promise<CommandOutcome<RecipeWork>> {
  const { recipeNamed } = await import("../../train/recipes/recipe-named.ts");
  const { overrideRecipe } = await import("../../train/recipe-parser.ts");
  const { recipeWork, recipeWorkText } = await import("../model-work/recipe-work.ts");
  const result = recipeWork(overrideRecipe(recipeNamed(model), set));
  return { result, text: recipeWorkText(result) };
}

async function inspect(context: CommandContext): Promise<CommandOutcome<RuntimeReport>> {
  const { inspectRuntime } = await import("../../tensor/inspect.ts");
  const report = await inspectRuntime(context.signal);
  const own: readonly RuntimeFinding[] = [
    found("Node", `${process.version}, ${process.execPath}`),
    await pictureDecoder(),
  ];
  const findings = [...own, ...report.findings];
  return {
    result: { canTrain: report.canTrain, findings },
    text: reportText({ ...report, findings }),
  };
}

async function pictureDecoder(): Promise<RuntimeFinding> {
  try {
    const { pictureDecoders } = await import("../../pixels/decoders.ts");
    return found("pictures", (await pictureDecoders()).join(", "));
  } catch (error) {
    const remedy = "install crossweave's packages for this platform again (npm ci)";
    return { name: "pictures", state: "missing", detail: String(error), remedy };
  }
}

function found(name: string, detail: string): RuntimeFinding {
  return { name, state: "found", detail, remedy: null };
}

function markOf(state: RuntimeFinding["state"]): string {
  if (state === "found") return styled("green", "ok     ");
  return state === "absent" ? styled("dim", "none   ") : styled("red", "missing");
}

function reportText(report: RuntimeReport): string {
  const width = Math.max(...report.findings.map((finding) => finding.name.length));
  const indent = " ".repeat(width + 11);
  const lines = report.findings.flatMap(({ name, state, detail, remedy }) => [
    `${markOf(state)}  ${name.padEnd(width)}  ${escapeLines(detail).replaceAll("\n", `\n${indent}`)}`,
    ...(remedy === null ? [] : [`${indent}remedy: ${remedy}`]),
  ]);
  const verdict = report.canTrain
    ? "training: available; the data commands too"
    : "training: not available, run crossweave setup; the data commands work";
  return [...lines, "", verdict].join("\n");
}
