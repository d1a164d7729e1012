import type { Command } from "commander";
import type { JsonValue } from "../../core/digest.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples } from "../program.ts";

interface ExportFlags {
  readonly out: string;
  readonly salt?: string;
  readonly near: boolean;
}

/** Adds `crossweave hashes export`. */
export function addHashesCommand(program: Command): void {
  const hashes = program
    .command("hashes")
    .description(
      "Tell hashes of a hidden test set, so that others can audit against it and learn nothing else of it.",
    );
  const command = hashes
    .command("export")
    .description(
      "Write the hashes of all evaluation pictures of the sets, for crossweave audit --against: names hashed with a salt, digests of files, perceptual hashes; no keys, addresses, texts or pictures.",
    )
    .argument("<set...>", "folders of shard sets with evaluation splits, or https://… or s3://…")
    .requiredOption("--out <file>", "the file to write")
    .option(
      "--salt <text>",
      "hashed with every name and told in the file; the sets' digests unless given",
    )
    .option("--no-near", "leave the perceptual hashes out: then only identical pictures are found")
    .action((folders: readonly string[], flags: ExportFlags) =>
      runCommand(
        {
          command,
          activity: `hashing the evaluation pictures of ${folders.join(", ")}`,
          writesTo: flags.out,
        },
        (context) => exportHashes(folders, flags, context),
      ),
    );
  addExamples(command, ["crossweave hashes export shards/hidden-test --out hidden-test.hashes"]);
}

async function exportHashes(
  folders: readonly string[],
  flags: ExportFlags,
  context: CommandContext,
): Promise<CommandOutcome<JsonValue>> {
  const { hashesOfSets } = await import("../proving/hashes-export.ts");
  const { hashesWrittenText, refuseOtherThanHashes, writeHashes } =
    await import("../proving/hashes-files.ts");
  await refuseOtherThanHashes(flags.out);
  const hashes = await hashesOfSets(folders, flags, context);
  const written = await writeHashes(flags.out, hashes);
  return { result: { ...written }, text: hashesWrittenText(written) };
}
