import type { Command } from "commander";
import type { JsonValue } from "../../core/digest.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, collect } from "../program.ts";

/** Adds `crossweave proof keygen` and `crossweave proof verify`. */
export function addProofCommand(program: Command): void {
  const proof = program
    .command("proof")
    .description(
      "Make keys for the proofs that crossweave audit --proof signs, and verify proofs.",
    );
  addKeygen(proof);
  addVerify(proof);
}

function addKeygen(proof: Command): void {
  const command = proof
    .command("keygen")
    .description("Make an Ed25519 key pair: KEY for its owner alone, KEY.pub for everybody.")
    .requiredOption("--out <key>", "the private key's file; never overwritten")
    .action((flags: { readonly out: string }) =>
      runCommand({ command, activity: `making a key pair in ${flags.out}` }, () => keygen(flags)),
    );
  addExamples(command, ["crossweave proof keygen --out keys/audit"]);
}

function addVerify(proof: Command): void {
  const command = proof
    .command("verify")
    .description(
      "Check a proof against its key and every byte of the sets; anything that was changed is named, exit code 22.",
    )
    .argument(
      "<set...>",
      "the training sets that the proof speaks of, and any of its evaluation sets",
    )
    .requiredOption("--proof <file>", "the proof that crossweave audit --proof wrote")
    .option("--public-key <file>", "the public key of who signed it")
    .option(
      "--unsigned",
      "do not ask who signed it: the files are checked, and nobody vouches for the rest",
    )
    .option(
      "--exclusions <file>",
      "an exclusion list that the sets were prepared with; repeatable",
      collect,
    )
    .option("--decisions <file>", "the reviewer's list that the audit kept to")
    .option(
      "--against <file>",
      "the hashes of a hidden test set that it is for; repeatable",
      collect,
    )
    .action((folders: readonly string[], flags: VerifyFlags) =>
      runCommand(
        { command, activity: `checking ${flags.proof} against ${folders.join(", ")}` },
        (context) => verify(folders, flags, context),
      ),
    );
  addExamples(command, [
    "crossweave proof verify shards/coco --proof proof.json --public-key keys/audit.pub",
    "crossweave proof verify shards/vg shards/coco --proof proof.json --public-key keys/audit.pub --exclusions exclusions.json",
  ]);
}

async function keygen({ out }: { readonly out: string }): Promise<CommandOutcome<JsonValue>> {
  const { writeKeyPair } = await import("../proving/proof-files.ts");
  const { keyWrittenText } = await import("../proving/proof-text.ts");
  const keys = await writeKeyPair(out);
  return { result: { ...keys }, text: keyWrittenText(keys) };
}

interface VerifyFlags {
  readonly proof: string;
  readonly publicKey?: string;
  readonly unsigned?: true;
  readonly exclusions?: readonly string[];
  readonly decisions?: string;
  readonly against?: readonly string[];
}

async function verify(
  folders: readonly string[],
  flags: VerifyFlags,
  context: CommandContext,
): Promise<CommandOutcome<JsonValue>> {
  const { ConfigError } = await import("../../core/errors.ts");
  const { proof: file, publicKey, unsigned = false } = flags;
  if ((publicKey === undefined) !== unsigned) {
    throw new ConfigError(
      unsigned
        ? "--public-key and --unsigned exclude one another"
        : "a proof is worth its signature",
      {
        remedy:
          "name the signer's public key with --public-key, or say --unsigned to check the files alone",
      },
    );
  }
  const { readProofFile, readVerifyingKey } = await import("../proving/proof-files.ts");
  const { verifyProof } = await import("../proving/proof-verification.ts");
  const { verificationJson, verificationText } = await import("../proving/proof-text.ts");
  const key = publicKey === undefined ? undefined : await readVerifyingKey(publicKey);
  const proof = await readProofFile(file);
  const { against, decisions, exclusions = [] } = flags;
  const call = { proof, folders, key, exclusions, decisions, against };
  const verified = { proof, keyId: key?.keyId ?? null, ...(await verifyProof(call, context)) };
  return { result: verificationJson(verified), text: verificationText(verified) };
}
