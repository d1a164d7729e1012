import type { Command } from "commander";
import { addNearOptions, nearChoiceOf, type NearFlags } from "../auditing/near-flags.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples } from "../program.ts";

interface VerifyFlags extends NearFlags {
  readonly data: readonly string[];
  readonly through?: readonly string[];
  readonly decisions?: string;
}

/** What a run that was trained in spite of leaks ends with, though all that it says of itself is true. */
const EXIT_LEAKING = 20;

/** Adds `crossweave verify`. */
export function addVerifyCommand(program: Command): void {
  const command = program
    .command("verify")
    .description(
      "Check a checkpoint against the shards: its bytes, theirs, and the leak verdict, found again from the pictures.",
    )
    .argument("<checkpoint>", "the folder of a run, or of one of its checkpoints")
    .requiredOption(
      "--data <set...>",
      "the sets that it was trained on, and others that it must share no picture with",
    )
    .option("--through <set...>", "the --through of the training")
    .option("--decisions <file>", "the --decisions of the training")
    .action((checkpoint: string, flags: VerifyFlags) =>
      runCommand(
        { command, activity: `verifying ${checkpoint} by ${flags.data.join(", ")}` },
        (context) => verify(checkpoint, flags, context),
      ),
    );
  addNearOptions(command);
  addExamples(command, [
    "crossweave verify runs/coco --data shards/coco",
    "crossweave verify runs/coco/checkpoints/step-00001000 --data shards/coco shards/vqa2 --json",
  ]);
}

async function verify(
  checkpoint: string,
  flags: VerifyFlags,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const { verifyRun } = await import("../verifying/verify-run.ts");
  const { data, decisions, through } = flags;
  const verified = await verifyRun(
    { checkpoint, folders: data, near: nearChoiceOf(flags), through, decisionsFile: decisions },
    context,
  );
  const { auditDigest, others, outcome, recipe, step, summary } = verified;
  const isLeaking = outcome === "leaking";
  const against = others.length === 0 ? [] : [`no picture is shared with ${others.join(", ")}`];
  const text = [
    `${checkpoint}: step ${step} of ${recipe}`,
    `checkpoint and shards are what they say they are`,
    `audit: ${summary} (${auditDigest.slice(0, 12)}, as the checkpoint says)`,
    ...against,
    ...(isLeaking ? ["it was trained in spite of the leaks (--allow-leaks)"] : []),
  ].join("\n");
  return { result: verified, text, exitCode: isLeaking ? EXIT_LEAKING : 0 };
}
