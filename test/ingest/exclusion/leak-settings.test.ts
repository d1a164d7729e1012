import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import { readDatasetManifest } from "../../../src/ingest/dataset-manifest.ts";
import { backboneNames, readBackbone } from "../../../src/ingest/exclusion/backbones.ts";
import {
  evaluatedOn,
  knownEvaluations,
  knownTrainingParts,
  trainedOn,
} from "../../../src/ingest/exclusion/evaluations.ts";
import { type NamedPictures, readLeakSetting } from "../../../src/ingest/exclusion/leak-policy.ts";
import { releaseDataset } from "../../../src/ingest/membership/release-pictures.ts";
import { policyNames } from "../../../src/ingest/recipe.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-settings-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function named(all: readonly NamedPictures[]): string[] {
  return all.map(({ dataset, parts }) => `${dataset} ${String(parts)}`);
}

async function requireKnown({ dataset, split, parts }: NamedPictures): Promise<void> {
  const { splits } = await readDatasetManifest(dataset);
  const published = splits.find(({ name }) => name === (split ?? name));
  const known = published?.parts.map(({ name }) => name) ?? [];
  const unknown = parts === "everything" ? [] : parts.filter((part) => !known.includes(part));
  expect([dataset, split, published === undefined, unknown]).toEqual([dataset, split, false, []]);
}

async function trains(name: string): Promise<string[]> {
  return named(await trainedOn(await readLeakSetting(name)));
}

describe("The settings that come with the program", () => {
  it("train and evaluate on parts that there are, and drop the training side", async () => {
    for (const name of policyNames) {
      const setting = await readLeakSetting(name);
      expect(setting.drops).toBe("training");
      for (const one of await trainedOn(setting)) await requireKnown(one);
      for (const one of await evaluatedOn(setting)) await requireKnown(one);
      await Promise.all(setting.backbones.map(readBackbone));
    }
  });

  it("train on what the papers say", async () => {
    expect(await trains("soho")).toEqual(["coco train,restval", "visual-genome train,val"]);
    expect(await trains("visual-parsing")).toEqual(["coco train,restval", "visual-genome train"]);
    const web = ["visual-genome everything", "conceptual-captions training", "sbu everything"];
    expect(await trains("vilt")).toEqual(["coco train,restval", ...web]);
    expect(await trains("uniter")).toEqual(["coco everything", ...web]);
  });

  it("name the backbone of each paper", async () => {
    const names = ["uniter", "soho", "visual-parsing", "vilt", "strict"];
    const settings = await Promise.all(names.map(readLeakSetting));
    expect(settings.map(({ backbones }) => backbones.join())).toEqual([
      "vg-butd",
      "imagenet",
      "imagenet",
      "imagenet",
      "",
    ]);
  });

  it("take a part for training or for evaluation, never for both", async () => {
    const held = new Set(
      (await knownEvaluations()).flatMap(({ dataset, split, parts }) =>
        Array.from(parts, (part) => `${dataset} ${split} ${part}`),
      ),
    );
    const rest = await knownTrainingParts();
    expect(named(rest)).toEqual(
      expect.arrayContaining(["coco train,restval", "sbu everything", "vcr train", "nlvr2 train"]),
    );
    expect(rest.map(({ dataset }) => dataset)).not.toContain("captions");
    for (const { dataset, split, parts } of rest) {
      for (const part of parts) expect(held.has(`${dataset} ${split} ${part}`)).toBe(false);
    }
  });

  it("have backbones whose pictures are parts that there are, or are said not to be told", async () => {
    for (const name of await backboneNames()) {
      const backbone = await readBackbone(name);
      expect(backbone.name).toBe(name);
      for (const one of backbone.sees) {
        if (one.dataset !== releaseDataset) await requireKnown(one);
      }
      expect(backbone.untold.length).toBeGreaterThan(0);
    }
  });
});

describe("A setting of one's own", () => {
  const own = {
    format: "crossweave-leak-policy",
    version: 1,
    name: "own",
    summary: "",
    identities: ["same-key"],
    protects: [],
  };

  async function written(more: object): Promise<string> {
    const path = join(folder, "own.json");
    await writeFile(path, JSON.stringify({ ...own, ...more }));
    return path;
  }

  it("may say no more than what it protects", async () => {
    expect(await readLeakSetting(await written({}))).toMatchObject({
      drops: "training",
      trains: "every-training-part",
      evaluates: "every-evaluation",
      backbones: [],
    });
  });

  it("is refused when it would drop evaluation pictures", async () => {
    const path = await written({ drops: "evaluation" });
    await expect(readLeakSetting(path)).rejects.toThrow(
      /is "training" always: what is evaluated on stays as it was published/,
    );
  });

  it("has a name of its own, since a set says by its name what it was prepared by", async () => {
    const path = await written({ name: "strict" });
    await expect(readLeakSetting(path)).rejects.toThrow(
      /the name "strict" is that of a policy of crossweave's own/,
    );
  });

  it("is told which backbones there are", async () => {
    const error: unknown = await readBackbone("vgg").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(
      'no backbone "vgg"; there are coco-detection, coco-detection-2014, imagenet, vg-butd',
    );
    const path = await written({});
    await expect(readBackbone(path)).rejects.toThrow(/is no backbone:[\s\S]*sees/);
  });
});
