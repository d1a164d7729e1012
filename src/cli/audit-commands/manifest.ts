import type { Command } from "commander";
import type { JsonValue } from "../../core/digest.ts";
import { type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples } from "../program.ts";

interface DiffFlags {
  readonly requireSame?: true;
}

/** Adds `crossweave manifest diff`. */
export function addManifestCommand(program: Command): void {
  const manifest = program
    .command("manifest")
    .description("Look at the exclusion manifests that crossweave audit --exclusions wrote.");
  const command = manifest
    .command("diff")
    .description(
      "Tell which pictures a new manifest adds, no longer has, or has for another reason, and which settings changed. Ends with 0 whether or not the two differ.",
    )
    .argument("<old>", "an exclusion manifest, JSON or Arrow")
    .argument("<new>", "another one")
    .option("--require-same", "end with 22 when the two differ")
    .action((old: string, now: string, flags: DiffFlags) =>
      runCommand({ command, activity: `comparing ${old} with ${now}` }, () =>
        diff({ old, now }, flags),
      ),
    );
  addExamples(command, [
    "crossweave manifest diff exclusions-may.json exclusions.json",
    "crossweave manifest diff exclusions-may.json exclusions.json --require-same --json",
  ]);
}

const EXIT_DIFFERENT = 22;

async function diff(
  files: { readonly old: string; readonly now: string },
  { requireSame }: DiffFlags,
): Promise<CommandOutcome<JsonValue>> {
  const { readManifest } = await import("../proving/manifest-files.ts");
  const { diffManifests } = await import("../../audit/manifests/manifest-diff.ts");
  const { diffJson, diffText } = await import("../proving/manifest-text.ts");
  const [old, now] = [await readManifest(files.old), await readManifest(files.now)];
  const found = diffManifests(old, now);
  return {
    result: diffJson(found, { old, now }),
    text: diffText(found),
    exitCode: requireSame === true && !found.same ? EXIT_DIFFERENT : 0,
  };
}
