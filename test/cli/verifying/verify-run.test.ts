import { appendFile, cp, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { latestCheckpoint } from "../../../src/train/checkpoints/read-checkpoint.ts";
import { drawTinyWorld, run, trainArguments, type TinyWorld } from "../hardship/tiny-world.ts";

const document = z.object({
  step: z.int(),
  outcome: z.string(),
  auditDigest: z.string(),
  others: z.array(z.string()),
});
const fault = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

let world: TinyWorld;
let trained = "";
beforeAll(async () => {
  world = await drawTinyWorld();
  trained = join(world.folder, "run");
  const { exitCode, stderr } = await run(trainArguments(world, trained));
  if (exitCode !== 0) throw new Error(stderr);
});
afterAll(() => world[Symbol.asyncDispose]());

async function verified(checkpoint: string, data: readonly string[]) {
  const { exitCode, stdout } = await run(["verify", checkpoint, "--data", ...data, "--json"]);
  const json: unknown = JSON.parse(stdout);
  return { exitCode, json };
}

const faultOf = async (checkpoint: string, data: readonly string[]) => {
  const { exitCode, json } = await verified(checkpoint, data);
  return { exitCode, ...fault.parse(json).error };
};

describe("crossweave verify", () => {
  it("finds the verdict of a run, or of a checkpoint alone, again from the shards", async () => {
    const latest = await latestCheckpoint(join(trained, "checkpoints"));
    for (const checkpoint of [trained, latest?.folder ?? ""]) {
      const { exitCode, json } = await verified(checkpoint, [world.fit]);
      expect(exitCode).toBe(0);
      expect(document.parse(json)).toMatchObject({ step: 12, outcome: "unchecked", others: [] });
    }
  });

  it("ends with 22 after one picture was planted in the shards", async () => {
    const planted = join(world.folder, "planted");
    await cp(world.fit, planted, { recursive: true });
    const shard = join(planted, "train", "00000.arrow");
    const bytes = await readFile(shard);
    const [first, second] = [
      bytes.indexOf("\xff\xd8\xff", 0, "latin1"),
      bytes.lastIndexOf("\xff\xd8\xff", undefined, "latin1"),
    ];
    bytes.copy(bytes, second, first, first + 400); // another picture's bytes
    await writeFile(shard, bytes);
    const refused = await faultOf(trained, [planted]);
    expect(refused).toMatchObject({ exitCode: 22, code: "STATE" });
    expect(refused.message).toContain("is not what its index says");
  });

  it("ends with 22 for a set that was prepared with other pictures", async () => {
    const refused = await faultOf(trained, [world.leaking]);
    expect(refused).toMatchObject({ exitCode: 22, code: "STATE" });
    expect(refused.message).toContain("which is not given");
  });

  it("ends with 22 where another set evaluates on a picture that was trained on", async () => {
    const refused = await faultOf(trained, [world.fit, world.leaking]);
    expect(refused).toMatchObject({ exitCode: 22, code: "STATE" });
    expect(refused.message).toMatch(/trained on pictures that these sets evaluate on: .* is coco:/);
  });

  it("ends with 22 for a checkpoint that was changed, or claims another verdict", async () => {
    const copy = join(world.folder, "changed");
    await cp(trained, copy, { recursive: true });
    const state = join(copy, "checkpoints", "step-00000012", "state.json");
    const text = await readFile(state, "utf8");
    const digest = /"audit": \{\s*"digest": "([0-9a-f]{64})"/.exec(text)?.[1] ?? "none";
    await writeFile(state, text.replace(digest, "0".repeat(64)));
    const claimed = await faultOf(join(copy, "checkpoints", "step-00000012"), [world.fit]);
    expect(claimed).toMatchObject({ exitCode: 22 });
    expect(claimed.message).toContain("the audit of its sets says");
    await truncate(join(copy, "checkpoints", "step-00000012", "model.safetensors"), 5000);
    expect(await faultOf(copy, [world.fit])).toMatchObject({ exitCode: 22 });
    await appendFile(state, "}");
    expect(await faultOf(copy, [world.fit])).toMatchObject({ exitCode: 22 });
  });
});
