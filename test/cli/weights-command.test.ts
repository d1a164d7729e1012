import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readSafetensors } from "../../src/tensor/safetensors.ts";
import { writeTensors } from "../../src/tensor/weight-files/tensor-writer.ts";
import { publishedShapes, publishedTensors } from "../models/exchange/published-files.ts";
import { run } from "./hardship/tiny-world.ts";

let folder = "";
const inFolder = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-weights-"));
  for (const program of ["timm-swin", "transformers-bert"]) {
    const tensors = publishedTensors(await publishedShapes(program), 1);
    await writeTensors(inFolder(`${program}.safetensors`), tensors);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const inspection = z.object({
  numTensors: z.int(),
  layouts: z.array(z.object({ layout: z.string(), known: z.int() })),
  report: z.object({
    layout: z.string(),
    missing: z.array(z.string()),
    unused: z.array(z.string()),
  }),
});

describe("crossweave weights inspect", () => {
  it("tells whose names a file has and which tensors no weight takes", async () => {
    const { exitCode, stdout } = await run([
      "weights",
      "inspect",
      inFolder("timm-swin.safetensors"),
      "--json",
    ]);
    expect(exitCode).toBe(0);
    const { layouts, report } = inspection.parse(JSON.parse(stdout));
    expect([layouts[0]?.layout, report.layout]).toEqual(["timm-swin", "timm-swin"]);
    expect(report.unused).toEqual(["head.fc.bias", "head.fc.weight"]);
  });

  it("refuses a recipe's model of another size with both shapes", async () => {
    const file = inFolder("transformers-bert.safetensors");
    const { exitCode, stderr } = await run(["weights", "inspect", file, "--model", "demo"]);
    expect([exitCode, stderr]).toEqual([
      22,
      expect.stringContaining("embeddings.LayerNorm.weight [32], the model's"),
    ]);
  });

  it("says in words what it found", async () => {
    const { stdout } = await run(["weights", "inspect", inFolder("transformers-bert.safetensors")]);
    expect(stdout).toMatch(
      /by the names of transformers-bert: 44 weights\n2 in the file and taken by/,
    );
  });
});

const convertWords = (...extra: string[]): string[] => [
  "weights",
  "convert",
  inFolder("timm-swin.safetensors"),
  "--from",
  "timm-swin",
  ...extra,
];

describe("crossweave weights convert", () => {
  it("writes another program's names, and ours of a part of a model, and back", async () => {
    const ours = inFolder("ours.safetensors");
    expect((await run(convertWords("--part", "visual.", "--out", ours))).exitCode).toBe(0);
    const names = [...(await readSafetensors(ours)).keys()];
    expect(names).toContain("visual.layers.0.downsample.norm.bias");
    const back = inFolder("back.safetensors");
    const again = [
      "weights",
      "convert",
      ours,
      "--to",
      "timm-swin",
      "--part",
      "visual.",
      "--out",
      back,
    ];
    expect((await run(again)).exitCode).toBe(0);
    const before = await readSafetensors(inFolder("timm-swin.safetensors"));
    const after = await readSafetensors(back);
    expect(after.size).toBe(before.size - 2);
    for (const [name, tensor] of after) expect(tensor).toEqual(before.get(name));
  });

  it("overwrites nothing, and writes nothing with --dry-run", async () => {
    const before = await readdir(folder);
    const taken = await run(convertWords("--out", inFolder("transformers-bert.safetensors")));
    expect(taken.exitCode).toBe(25);
    const dry = await run(
      convertWords("--to", "official-swin", "--out", inFolder("dry.safetensors"), "--dry-run"),
    );
    expect([dry.exitCode, dry.stdout]).toEqual([
      0,
      expect.stringContaining("61 tensors would be written (--dry-run)"),
    ]);
    expect(await readdir(folder)).toEqual(before);
  });

  it("refuses a conversion to the same names, and an unknown layout", async () => {
    const same = await run(["weights", "convert", inFolder("x"), "--out", inFolder("y")]);
    const unknown = await run(convertWords("--to", "keras", "--out", inFolder("y")));
    expect([same.exitCode, unknown.exitCode]).toEqual([2, 2]);
    expect(unknown.stderr).toContain("the layouts are: transformers-bert, uniter");
  });
});
