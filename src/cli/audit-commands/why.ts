import type { Command } from "commander";
import type { JsonValue } from "../../core/digest.ts";
import { runCommand, type CommandContext, type CommandOutcome } from "../frame.ts";
import { addNearOptions, nearChoiceOf, type NearFlags } from "../auditing/near-flags.ts";
import { addExamples } from "../program.ts";

/** Adds `crossweave why`. */
export function addWhyCommand(program: Command): void {
  const command = program
    .command("why")
    .description(
      "Show the chain that makes a picture an evaluation picture, step by step with what shows it, or against what none was found.",
    )
    .argument("<key>", "the picture's key, such as vg:2345 or coco:391895")
    .argument("[set...]", "folders of shard sets, or https://… or s3://…")
    .option(
      "--through <set...>",
      "sets on neither side, whose pictures may lead from one to another",
    )
    .option("--annotations <dir>", "a folder of official annotation files, instead of shard sets")
    .action((key: string, folders: readonly string[], options: WhyFlags) => {
      if ((options.annotations === undefined) === (folders.length === 0)) {
        command.error("name shard sets, or a folder with --annotations");
      }
      return runCommand({ command, activity: `looking for what ${key} is` }, (context) =>
        why({ key, folders, options }, context),
      );
    });
  addNearOptions(command);
  addExamples(command, [
    "crossweave why vg:2345 shards/vg shards/coco",
    "crossweave why flickr30k:1007129816 --annotations ../data --json",
  ]);
}

interface WhyFlags extends NearFlags {
  readonly through?: readonly string[];
  readonly annotations?: string;
}

interface WhyCall {
  readonly key: string;
  readonly folders: readonly string[];
  readonly options: WhyFlags;
}

interface WhyResult {
  readonly answer: string;
  readonly explanation: JsonValue;
}

async function why(
  { folders, key, options }: WhyCall,
  context: CommandContext,
): Promise<CommandOutcome<WhyResult>> {
  const { explainKey } = await import("../why/explain-key.ts");
  const { answerOf, explanationText } = await import("../why/why-text.ts");
  const { explanationJson } = await import("../../audit/explain-picture.ts");
  const { annotations, through = [] } = options;
  const { checked, explanation } = await explainKey(
    key,
    { folders, through, annotations, near: nearChoiceOf(options) },
    context,
  );
  return {
    result: { answer: answerOf(explanation), explanation: explanationJson(explanation) },
    text: explanationText(explanation, checked),
  };
}
