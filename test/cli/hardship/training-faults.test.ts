import { existsSync } from "node:fs";
import { appendFile, cp, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { EndedProgram } from "../running-program.ts";
import { drawTinyWorld, run, start, trainArguments, type TinyWorld } from "./tiny-world.ts";

const errorDocument = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    file: z.nullable(z.string()),
    record: z.nullable(z.string()),
    remedy: z.string(),
  }),
});
const runRecord = z.object({ audit: z.object({ clean: z.boolean() }) });

let world: TinyWorld;
let trained = "";
beforeAll(async () => {
  world = await drawTinyWorld();
  trained = inFolder("trained");
  const { exitCode, stderr } = await run(train(trained));
  if (exitCode !== 0) throw new Error(stderr);
});
afterAll(() => world[Symbol.asyncDispose]());

const inFolder = (name: string): string => join(world.folder, name);
const train = (out: string, ...more: readonly string[]): string[] =>
  trainArguments(world, out, more);
const trainOn = (data: string, out: string): string[] =>
  trainArguments({ ...world, fit: data }, out);

/** The error object of `--json`: the only thing on stdout. */
async function faultOf(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const { exitCode, stdout } = await run([...args, "--json"], environment);
  return { exitCode, ...errorDocument.parse(JSON.parse(stdout)).error };
}

/** A copy of a folder of the world, damaged. */
async function damagedCopy(of: string, damage: (copy: string) => Promise<void>): Promise<string> {
  const copy = `${of}-damaged`;
  await rm(copy, { recursive: true, force: true });
  await cp(of, copy, { recursive: true });
  await damage(copy);
  return copy;
}

/** Flags that make a training wrong which is right without them. */
const wrongCommands: readonly {
  readonly name: string;
  readonly more: readonly string[];
  readonly exitCode: number;
  readonly words: string;
}[] = [
  {
    name: "a vocabulary that is missing",
    more: ["--set", "data.vocabulary=nowhere.txt"],
    exitCode: 23,
    words: "nowhere.txt",
  },
  {
    name: "a vocabulary without [MASK]",
    more: ["--set", "data.vocabulary=no-mask.txt"],
    exitCode: 2,
    words: "no-mask.txt: the vocabulary of 4 tokens has no [MASK]",
  },
  {
    name: "a folder for a vocabulary",
    more: ["--set", "data.vocabulary=/"],
    exitCode: 23,
    words: "EISDIR",
  },
  {
    name: "an unknown key of the recipe",
    more: ["--set", "clipNrm=1"],
    exitCode: 2,
    words: "the nearest is optimisation.clipNorm",
  },
  {
    name: "a value that is none",
    more: ["--set", "data.picturesPerBatch=many"],
    exitCode: 2,
    words: "data.picturesPerBatch",
  },
  {
    name: "heads that do not share the hidden size",
    more: ["--set", "model.transformer.heads=3"],
    exitCode: 2,
    words: "heads",
  },
  {
    name: "a batch larger than the data",
    more: ["--set", "data.picturesPerBatch=113"],
    exitCode: 2,
    words: "112 scenes, a batch takes 113",
  },
  {
    name: "a folder that holds no shard set",
    more: ["--data", "/"],
    exitCode: 23,
    words: "no finished shard set",
  },
];

describe("train", () => {
  it.each(wrongCommands)("refuses $name and begins no folder", async (wrong) => {
    const noMask = inFolder("no-mask.txt");
    await writeFile(noMask, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
    const out = inFolder("refused");
    const more = wrong.more.map((flag) => flag.replace("no-mask.txt", noMask));
    const fault = await faultOf(train(out, ...more));
    expect(fault).toMatchObject({
      exitCode: wrong.exitCode,
      message: expect.stringContaining(wrong.words),
    });
    expect(existsSync(out)).toBe(false);
  });

  it("refuses a recipe that there is not, with the nearest name", async () => {
    const [, , ...rest] = train(inFolder("refused"));
    const fault = await faultOf(["train", "dmo", ...rest]);
    expect(fault).toMatchObject({ code: "CONFIG", exitCode: 2 });
    expect(fault.message).toContain("the nearest is demo");
  });

  it("refuses a set that leaks, names the way out, and marks the run that takes it all the same", async () => {
    const out = inFolder("leaking-run");
    const call = trainOn(world.leaking, out);
    const fault = await faultOf(call);
    expect(fault).toMatchObject({ code: "LEAK", exitCode: 20 });
    expect(fault.remedy).toContain(`crossweave audit ${world.leaking} --exclusions`);
    expect(existsSync(out)).toBe(false);
    expect((await run([...call, "--allow-leaks"])).exitCode).toBe(0);
    const record = runRecord.parse(JSON.parse(await readFile(join(out, "run.json"), "utf8")));
    expect(record.audit.clean).toBe(false);
    const flags = ["--checkpoint", out, "--data", world.leaking, "--split", "val"];
    const { stdout } = await run(["eval", "retrieval", ...flags]);
    expect(stdout).toContain("training sets were not proven free of leaks");
  });

  it("ends with 21 where a shard is damaged, and names the set", async () => {
    const data = await damagedCopy(world.fit, async (copy) => {
      const path = join(copy, "train", "00000.arrow");
      const bytes = await readFile(path);
      for (let at = 20_000; at < bytes.length - 20_000; at += 3000)
        bytes.writeUInt8(255 - bytes.readUInt8(at), at);
      await writeFile(path, bytes);
    });
    const fault = await faultOf(trainOn(data, inFolder("damaged-set-run")));
    expect(fault).toMatchObject({ code: "SHARD", exitCode: 21 });
    expect(fault.file).toBe(join(data, "train", "00000.arrow"));
  });

  it("refuses a folder of another run, with what differs, and one of other things", async () => {
    const other = await faultOf(train(trained, "--seed", "5"));
    expect(other).toMatchObject({ code: "STATE", exitCode: 22 });
    expect(other.message).toContain("seed: 1 there, 5 now");
    const thesis = inFolder("thesis");
    await mkdir(thesis);
    await appendFile(join(thesis, "thesis.tex"), "all of it");
    const foreign = await faultOf(train(thesis, "--fresh"));
    expect(foreign).toMatchObject({ exitCode: 25, file: join(thesis, "thesis.tex") });
  });

  it("refuses a folder that another process trains into", async () => {
    const call = train(inFolder("shared"), "--set", "optimisation.duration.length=100000");
    const first = start(call);
    while (!existsSync(join(inFolder("shared"), "metrics.jsonl"))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const second = await faultOf(call);
    first.child.kill("SIGKILL");
    await first.ended;
    expect(second).toMatchObject({ code: "REFUSED", exitCode: 25 });
    expect(second.message).toContain("another process trains");
  });

  it("refuses a damaged checkpoint, and goes on from the one before once it is removed", async () => {
    const copy = await damagedCopy(trained, (copied) =>
      truncate(join(copied, "checkpoints", "step-00000012", "model.safetensors"), 5000),
    );
    const fault = await faultOf(train(copy));
    expect(fault).toMatchObject({ code: "STATE", exitCode: 22 });
    expect(fault.remedy).toContain("remove this checkpoint's folder");
    await rm(join(copy, "checkpoints", "step-00000012"), { recursive: true });
    const { exitCode, stderr } = await run(train(copy));
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("goes on after step 10")]);
  });
});

describe("eval", () => {
  it("refuses what there is not: a task, a split, a run, a checkpoint", async () => {
    const empty = await damagedCopy(trained, (copied) =>
      rm(join(copied, "checkpoints"), { recursive: true }),
    );
    const call = (checkpoint: string, ...more: readonly string[]): string[] =>
      ["eval", "retrieval", "--checkpoint", checkpoint, "--data", world.fit].concat(more);
    const [, , ...rest] = call(trained);
    const faults = await Promise.all([
      faultOf(["eval", "retreival", ...rest]),
      faultOf(call(trained, "--split", "tset")),
      faultOf(call(world.fit)),
      faultOf(call(empty)),
    ]);
    expect(faults.map(({ exitCode, message }) => [exitCode, message])).toEqual([
      [2, 'there is no task "retreival"'],
      [2, 'the shard set coco-fit has no split "tset"; it has train'],
      [23, `${world.fit} holds no run: run.json is missing`],
      [22, `${empty} has no checkpoint yet`],
    ]);
  });
});

describe("without a TensorFlow runtime", () => {
  it("train and eval end with 26 and the remedy, begin nothing, and the data commands work", async () => {
    const environment = { CROSSWEAVE_CACHE: inFolder("no-cache") };
    const out = inFolder("no-runtime");
    const flags = ["--checkpoint", trained, "--data", world.fit];
    for (const call of [train(out), ["eval", "retrieval", ...flags]]) {
      const fault = await faultOf(call, environment);
      expect(fault).toMatchObject({ code: "NO_RUNTIME", exitCode: 26 });
      expect(fault.remedy).toContain("crossweave setup");
    }
    const ended: EndedProgram[] = await Promise.all([
      run(["validate", world.fit], environment),
      run(["audit", world.leaking], environment),
      run(train(out, "--dry-run"), environment),
    ]);
    expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 20, 0]);
    expect(existsSync(out)).toBe(false);
  });
});
