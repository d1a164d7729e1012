import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, SourceError } from "../../../src/core/errors.ts";
import type { ImageKey } from "../../../src/core/keys.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { readDatasetManifest } from "../../../src/ingest/dataset-manifest.ts";
import { type LeakPolicy, readLeakPolicy } from "../../../src/ingest/exclusion/leak-policy.ts";
import {
  exclusionRules,
  type PictureLister,
  type PolicyRules,
} from "../../../src/ingest/exclusion/policy-rules.ts";
import { policyNames } from "../../../src/ingest/recipe.ts";
import type { ListedPicture } from "../../../src/ingest/source.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-policy-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function listed(key: ImageKey, part?: string, more: Partial<ListedPicture> = {}): ListedPicture {
  const nothing = { linkedKeys: [], flickrPhotoId: null, url: null, isUnlisted: false };
  return { key, part, evidence: `lists.json#${key}`, ...nothing, ...more };
}

const policy: LeakPolicy = {
  name: "toy",
  summary: "",
  identities: ["same-key", "linked-key", "same-flickr-photo"],
  protects: [
    { dataset: "coco", parts: ["val", "test"], because: "retrieval" },
    { dataset: "flickr30k", parts: "everything", because: "zero-shot retrieval" },
  ],
};

const pictures: Readonly<Record<string, readonly ListedPicture[]>> = {
  coco: [
    listed("coco:1", "train", { flickrPhotoId: "900" }),
    listed("coco:2", "test", { flickrPhotoId: "901" }),
    listed("coco:3", "train"),
    listed("coco:4", "val"),
  ],
  flickr30k: [listed("flickr30k:900", "train")],
};

function rulesOf(
  lister: PictureLister,
  more: { readonly allowMissing?: boolean; readonly policy?: LeakPolicy } = {},
): Promise<PolicyRules> {
  const { allowMissing = false } = more;
  const options = { folder, listPictures: lister, allowMissing, progress: silentProgress };
  return exclusionRules(more.policy ?? policy, options);
}

function list(dataset: string): readonly ListedPicture[] {
  return pictures[dataset] ?? [];
}

describe("A policy", () => {
  it("protects the parts that it names, and what the other pictures lead to", async () => {
    const rules = await rulesOf(list);
    expect(rules).toMatchObject({ policy: "toy", numProtected: 3, absent: [] });
    const match = (key: ImageKey): unknown =>
      rules.match({ key, linkedKeys: [], flickrPhotoId: null, url: null });
    expect(match("coco:2")).toEqual({
      rule: "same-key",
      evidence: "coco:2 is in the test part of coco, Karpathy split (lists.json#coco:2)",
    });
    expect(match("coco:1")).toEqual({
      rule: "same-flickr-photo",
      evidence:
        "coco:1 is Flickr photo 900 (lists.json#coco:1), which is flickr30k:900 in the train part of flickr30k, Karpathy split (lists.json#flickr30k:900)",
    });
    expect(match("coco:3")).toBeUndefined();
  });

  it("has another digest for any other token, place or rule", async () => {
    const { digest } = await rulesOf(list);
    expect((await rulesOf(list)).digest).toBe(digest);
    const others = await Promise.all([
      rulesOf((dataset) => [...list(dataset), listed("coco:9", "test")]),
      rulesOf((dataset) => [...list(dataset), listed("coco:9", "train", { flickrPhotoId: "901" })]),
      rulesOf((dataset) => list(dataset).map((one) => ({ ...one, evidence: "elsewhere" }))),
      rulesOf(list, { policy: { ...policy, summary: "other" } }),
    ]);
    const digests = new Set([digest, ...others.map((rules) => rules.digest)]);
    expect(digests.size).toBe(5);
    // A training picture that no link leads from changes nothing.
    const more = await rulesOf((dataset) =>
      dataset === "coco" ? [...list(dataset), listed("coco:8", "train")] : list(dataset),
    );
    expect(more.digest).toBe(digest);
  });

  it("asks for the splits that it names, and for all of them when it protects everything", async () => {
    const asked: string[] = [];
    await rulesOf((dataset, { publishedSplit = "without parts" }) => {
      asked.push(`${dataset} ${publishedSplit}`);
      return list(dataset);
    });
    expect(asked).toEqual([
      "coco Karpathy split",
      "flickr30k Karpathy split",
      "flickr30k Entities split",
    ]);
  });
});

function missing(file: string): PictureLister {
  return (dataset) => {
    if (dataset === "coco") return list(dataset);
    throw new SourceError(`${dataset}: looked for ${file}`, { file });
  };
}

async function refusal(lister: PictureLister, wanted: LeakPolicy = policy): Promise<SourceError> {
  const error: unknown = await rulesOf(lister, { policy: wanted }).catch(
    (reason: unknown) => reason,
  );
  if (error instanceof SourceError) return error;
  throw error;
}

function withoutFlickr30k(dataset: string): readonly ListedPicture[] {
  return dataset === "coco" ? list(dataset) : [];
}

describe("Evaluation pictures that cannot be told", () => {
  it("are refused with every dataset named, and where its files are offered", async () => {
    const error = await refusal(missing("flickr30k/results_20130124.token"));
    expect(error.exitCode).toBe(23);
    expect(error.message).toMatch(
      /^the policy toy cannot tell all evaluation pictures:\n {2}flickr30k: none of its files is there\n {4}not there: flickr30k\/.* and \d+ more; offered at https:\S+( and https:\S+)*$/,
    );
    expect(error.remedy).toContain("crossweave fetch flickr30k --to");
    expect(error.remedy).toContain("--allow-missing");
  });

  it("are left out of a set that says so", async () => {
    const rules = await rulesOf(missing("flickr30k/results_20130124.token"), {
      allowMissing: true,
    });
    expect(rules.absent).toEqual(["flickr30k: none of its files is there"]);
    const { digest } = await rulesOf(withoutFlickr30k, { allowMissing: true });
    expect(digest).not.toBe(rules.digest);
  });

  it("are never taken for missing when a file that is there is damaged", async () => {
    await mkdir(join(folder, "flickr30k"), { recursive: true });
    await writeFile(join(folder, "flickr30k/damaged.token"), "");
    const lister = missing("flickr30k/damaged.token");
    await expect(rulesOf(lister, { allowMissing: true })).rejects.toThrow("looked for");
    await expect(
      rulesOf(
        () => {
          throw new TypeError("a bug");
        },
        { allowMissing: true },
      ),
    ).rejects.toThrow("a bug");
  });

  it("are those of a part that nothing is listed of, and those without their photos", async () => {
    const noTest = await refusal((dataset) =>
      dataset === "coco" ? [listed("coco:1", "val")] : list(dataset),
    );
    expect(noTest.message).toContain("coco (val, test): no picture of test is listed");
    const unlisted = { isUnlisted: true };
    const named = [listed("coco:1", "val", unlisted), listed("coco:2", "test", unlisted)];
    const noPhotos = await refusal((dataset) =>
      dataset === "coco"
        ? [...named, listed("coco:3", "train", unlisted)]
        : [listed("flickr30k:900", "train", unlisted)],
    );
    expect(noPhotos.message).toContain(
      "coco (val, test): the Flickr photos of 3 pictures are not known",
    );
    // The name of a picture of Flickr30K is its photo.
    expect(noPhotos.message).not.toContain("flickr30k");
  });

  it("are the rest of Flickr30K where one split names nearly all of it", async () => {
    const most = Array.from({ length: 31_014 }, (_, id) => listed(`flickr30k:${id + 1}`, "train"));
    const error = await refusal((dataset) => (dataset === "coco" ? list(dataset) : most));
    expect(error.message).toContain("flickr30k: 31014 of its 31783 pictures are listed");
  });

  it("are all known from a file without any split", async () => {
    const rules = await rulesOf((dataset, { withParts = true }) => {
      if (dataset === "coco" || !withParts) return list(dataset);
      throw new SourceError("no lists", { file: "flickr30k/entities/train.txt" });
    });
    expect(rules).toMatchObject({ absent: [], numProtected: 3 });
  });

  it("are of one split only when the other is there", async () => {
    const rules = await rulesOf((dataset, { publishedSplit }) => {
      if (publishedSplit !== "Entities split") return list(dataset);
      throw new SourceError("no lists", { file: "flickr30k/entities/train.txt" });
    });
    expect(rules.absent).toEqual([]);
  });
});

function protects(read: LeakPolicy | undefined): string[] {
  return read?.protects.map(({ dataset, parts }) => `${dataset} ${String(parts)}`) ?? [];
}

describe("The policies that come with the program", () => {
  it("name datasets, splits and parts that there are", async () => {
    for (const name of policyNames) {
      const { protects: wanted, summary, ...read } = await readLeakPolicy(name);
      expect(read.name).toBe(name);
      expect(summary.length).toBeGreaterThan(50);
      for (const { dataset, split, parts } of wanted) {
        const { splits } = await readDatasetManifest(dataset);
        const published = splits.find((one) => one.name === (split ?? one.name));
        expect([dataset, split, published === undefined]).toEqual([dataset, split, false]);
        const known = published?.parts.map((part) => part.name);
        const named = parts === "everything" ? [] : parts;
        expect(known).toEqual(expect.arrayContaining([...named]));
      }
    }
  });

  it("protect nothing, UNITER's evaluation pictures, and every evaluation picture", async () => {
    const [none, uniter, soho, visualParsing, vilt, strict] = await Promise.all(
      policyNames.map(readLeakPolicy),
    );
    for (const one of [none, soho, visualParsing, vilt]) expect(protects(one)).toEqual([]);
    expect(protects(uniter)).toEqual([
      "coco val,test",
      "vqa2 test",
      "refcoco val,testA,testB",
      "refcoco+ val,testA,testB",
      "refcocog val,test",
      "nlvr2 dev,test1",
      "flickr30k everything",
    ]);
    for (const one of protects(uniter).filter((text) => !/everything|vqa2|nlvr2/.test(text))) {
      expect(protects(strict)).toContain(one);
    }
    expect(protects(strict)).toEqual(
      expect.arrayContaining([
        "nlvr2 dev,test1,test2",
        "vqa2 val,test",
        "snli-ve dev,test",
        "visual-genome val,test",
      ]),
    );
  });
});

describe("A policy of one's own", () => {
  it("is a file of the same form, and its faults are named", async () => {
    const path = join(folder, "own.json");
    const own = { format: "crossweave-leak-policy", version: 1, ...policy };
    await writeFile(path, JSON.stringify(own));
    expect(await readLeakPolicy(path)).toEqual(policy);
    await writeFile(path, JSON.stringify({ ...own, identities: ["same-name"], protects: [{}] }));
    const error: unknown = await readLeakPolicy(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(/identities\[0\][\s\S]*protects\[0\]\.dataset/);
  });

  it("is told from what an audit wrote, and from a name that is none", async () => {
    const path = join(folder, "exclusions.json");
    await writeFile(path, JSON.stringify({ format: "crossweave-exclusions", version: 1 }));
    await expect(readLeakPolicy(path)).rejects.toMatchObject({
      remedy: expect.stringContaining("--exclude"),
    });
    await expect(readLeakPolicy("albef")).rejects.toThrow(
      /no leak policy "albef"; there are none, uniter, soho, visual-parsing, vilt, strict/,
    );
    await expect(readLeakPolicy("../recipes/coco")).rejects.toThrow(ConfigError);
  });
});
