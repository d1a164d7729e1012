// How long it takes to verify the proof of a set of 1,000 shards, and of that how much is hashing (issue 6, G16):
// `node bench/verify-proof.ts`. Some 10 seconds. CPU time, as other work on the machine does not lengthen it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { auditShardSets } from "../src/cli/auditing/shard-set-audit.ts";
import { readProofFile, readVerifyingKey, writeKeyPair } from "../src/cli/proving/proof-files.ts";
import { verifyProof } from "../src/cli/proving/proof-verification.ts";
import { planProof, writeProof } from "../src/cli/proving/proof-writing.ts";
import { silentProgress } from "../src/core/progress.ts";
import { readIndex } from "../src/shards/shard-set-index.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../test/shards/small-set.ts";
import { median, report } from "./shard-reading/measures.ts";

const NUM_SHARDS = 1000;
const SCENES_PER_SHARD = 5;
const NUM_RUNS = 5;

const context = { progress: silentProgress, signal: new AbortController().signal, json: false };
await using folder = await temporaryFolder();
const [trained, evaluated] = ["trained", "evaluated"].map((name) => join(folder.path, name));
const layout = { targetBatchBytes: 1e6, maxScenesPerBatch: SCENES_PER_SHARD, targetShardBytes: 1 };
const scenes = madeUpScenes(NUM_SHARDS * SCENES_PER_SHARD);
await writeShardSet(trained ?? "", [{ split: "train", scenes }], layout);
const test = { split: "test", role: "eval", scenes: madeUpScenes(10, 1_000_000) } as const;
await writeShardSet(evaluated ?? "", [test]);
const keys = await writeKeyPair(join(folder.path, "key"));
const proofFile = join(folder.path, "proof.json");
const plan = await planProof({ proof: proofFile, key: keys.privateKey, bind: true });
const sets = [trained ?? "", evaluated ?? ""];
if (plan !== undefined) await writeProof(plan, await auditShardSets(sets, context));
const key = await readVerifyingKey(keys.publicKey);
const files = (await readIndex(trained ?? "")).splits.flatMap(({ shards }) => shards);
report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
report(
  "set",
  `${files.length} shards, ${files.reduce((sum, file) => sum + file.sizeBytes, 0)} bytes`,
);

const verifying: number[] = [];
const hashing: number[] = [];
for (let run = 0; run < NUM_RUNS; run += 1) {
  verifying.push(await cpuMs(verifyAll));
  hashing.push(await cpuMs(hashAll));
}
report(
  "verify, CPU",
  `${median(verifying).toFixed(0)} ms (hashing alone ${median(hashing).toFixed(0)} ms)`,
);

async function verifyAll(): Promise<void> {
  const proof = await readProofFile(proofFile);
  await verifyProof({ proof, folders: [trained ?? ""], key, exclusions: [] }, context);
}

function hashAll(): void {
  for (const { file } of files) {
    createHash("sha256")
      .update(readFileSync(join(trained ?? "", file)))
      .digest("hex");
  }
}

async function cpuMs(work: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { system, user } = process.cpuUsage(before);
  return (system + user) / 1000;
}
