import { mkdir, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { auditAnnotations } from "../../../src/cli/annotation-audit/audit-annotations.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { SourceError } from "../../../src/core/errors.ts";
import { temporaryFolder } from "../../loader/shard-set-fixture.ts";
import { linkRealData } from "../../linked-real-data.ts";
import { realData } from "../../real-data.ts";

const context = { progress: silentProgress, signal: new AbortController().signal };
const HEAD = "gold_label\tsentence2\tcaptionID\tpairID\tlabel1";

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

function veLine(pair: { id: string; text: string; label: string }): string {
  return JSON.stringify({
    Flickr30K_ID: pair.id.slice(0, pair.id.indexOf(".")),
    captionID: pair.id.slice(0, pair.id.indexOf("r")),
    pairID: pair.id,
    gold_label: pair.label,
    sentence1: "A person is somewhere.",
    sentence2: pair.text,
  });
}

it("finds pairs of SNLI with their labels in SNLI-VE by their ids", async () => {
  await using made = await temporaryFolder();
  await write(made.path, {
    "snli/snli_1.0_train.txt": [
      HEAD,
      "entailment\tA man sleeps.\t100.jpg#1\t100.jpg#1r1e\tentailment",
      "neutral\tA man dreams of home.\t100.jpg#1\t100.jpg#1r1n\tneutral",
      "-\tNobody knows.\t300.jpg#0\t300.jpg#0r1c\tneutral",
      "neutral\tOf a picture of Visual Genome.\tvg_len21r2c\tvg_len21r2n\tneutral",
    ].join("\n"),
    "snli-ve/snli_ve_dev.jsonl": [
      veLine({ id: "100.jpg#1r1e", text: "A man sleeps.", label: "entailment" }),
      veLine({ id: "200.jpg#1r1e", text: "A man sleeps.", label: "entailment" }),
    ].join("\n"),
  });
  const { texts } = await auditAnnotations(
    { folder: made.path, policy: "none", backbones: undefined, withTexts: true },
    context,
  );
  expect(texts?.summary.matrix).toEqual([
    {
      train: "SNLI train, for text encoders",
      eval: "snli-ve dev",
      sameRecord: 1,
      samePicture: 0,
      withLabel: 1,
      sameText: 1,
      nearText: 0,
    },
  ]);
  expect(texts?.leaks.map(({ rule, sameLabel, train }) => [rule, sameLabel, train.textId])).toEqual(
    [["same-pair-id", true, "100.jpg#1r1e"]],
  );
});

it("says which line of SNLI is no pair", async () => {
  await using made = await temporaryFolder();
  await write(made.path, {
    "snli/snli_1.0_test.txt": `${HEAD}\nneutral\n`,
    "snli-ve/snli_ve_dev.jsonl": veLine({ id: "1.jpg#1r1e", text: "A dog.", label: "neutral" }),
  });
  const audited = auditAnnotations(
    { folder: made.path, policy: "none", backbones: undefined, withTexts: true },
    context,
  );
  await expect(audited).rejects.toThrow(SourceError);
  await expect(audited).rejects.toThrow("snli/snli_1.0_test.txt line 2");
});

/** Reads as a user sees it: how often each file streams past, by the lines of the progress display. */
function countingContext(): { readonly context: typeof context; readonly reads: string[] } {
  const reads: string[] = [];
  const progress = {
    ...silentProgress,
    report: ({ activity }: { readonly activity: string }) => {
      if (activity.startsWith("reading ") && activity.includes(".json")) reads.push(activity);
    },
  };
  return { context: { ...context, progress }, reads };
}

function cocoCaptions(images: Readonly<Record<string, readonly string[]>>): string {
  const ids = Object.keys(images);
  return JSON.stringify({
    images: ids.map((id) => ({
      id: Number(id),
      file_name: `COCO_val2014_${id.padStart(12, "0")}.jpg`,
    })),
    annotations: ids.flatMap((id) =>
      (images[id] ?? []).map((caption, at) => {
        return { id: Number(id) * 10 + at, image_id: Number(id), caption };
      }),
    ),
  });
}

const cocoWorld = {
  "coco/annotations/captions_val2014.json": cocoCaptions({
    1: ["A red bus stands before a house."],
    2: ["A dog sleeps on the sofa.", "Two cats look out of a window."],
    3: ["A dog sleeps on the sofa!", "A man eats a very large sandwich."],
    4: ["A bowl of soup."],
  }),
  "karpathy/coco_train.txt": "COCO_val2014_000000000001.jpg\n",
  "karpathy/coco_restval.txt": "COCO_val2014_000000000004.jpg\n",
  "karpathy/coco_val.txt": "COCO_val2014_000000000002.jpg\n",
  "karpathy/coco_test.txt": "COCO_val2014_000000000003.jpg\n",
};

it("leaves the texts of pictures that a policy leaves out apart, with what they would leak", async () => {
  await using made = await temporaryFolder();
  await write(made.path, cocoWorld);
  const call = { folder: made.path, policy: "uniter", backbones: undefined, withTexts: true };
  const { texts } = await auditAnnotations(call, context);
  // Karpathy's val and test are a part of "coco all", and the policy protects them.
  expect(texts?.numLeaks).toBe(0);
  expect(texts?.summary).toMatchObject({ compared: { train: 2, eval: 4 }, matrix: [] });
  expect(texts?.leftOut).toMatchObject({ texts: 4, numLeaks: 4 });
  expect(texts?.unknown).toContain("nlvr2 dev");
  expect(texts?.unknown.filter((name) => name.startsWith("coco"))).toEqual([]);
  expect(texts?.leftOut?.matrix).toMatchObject([
    { train: "coco all", eval: "coco (Karpathy split) val", sameRecord: 2, sameText: 0 },
    { train: "coco all", eval: "coco (Karpathy split) test", sameRecord: 2, sameText: 0 },
  ]);
});

it("names texts that two evaluation splits share apart from what is trained on", async () => {
  await using made = await temporaryFolder();
  await write(made.path, cocoWorld);
  const call = { folder: made.path, policy: "strict", backbones: undefined, withTexts: true };
  const { texts } = await auditAnnotations(call, context);
  expect(texts?.betweenEvaluations).toEqual([
    {
      one: "coco (Karpathy split) val",
      other: "coco (Karpathy split) test",
      texts: 1,
      samePicture: 0,
      inOne: 1,
      inOther: 1,
    },
  ]);
  expect(texts?.numLeaks).toBe(0);
});

it("reads a file once for its pictures and once for its texts, however many parts are compared", async () => {
  await using made = await temporaryFolder();
  await write(made.path, cocoWorld);
  for (const policy of ["uniter", "strict", undefined]) {
    const { context: counting, reads } = countingContext();
    const call = { folder: made.path, policy, backbones: undefined, withTexts: true };
    await auditAnnotations(call, counting);
    const captions = reads.filter((activity) => activity.includes("captions_val2014"));
    expect([policy, captions.length]).toEqual([policy, 2]);
  }
});

/** As the 26 were counted: without capitals and the full stop. */
function plainSentence(line: unknown): string {
  return String(Object(line).sentence).toLowerCase().replace(/\.$/, "");
}

it("finds the 26 sentences that NLVR2 asks in dev and in test1, and one more by its words", async () => {
  await using made = await temporaryFolder();
  await linkRealData(made.path, ["nlvr2"]);
  const call = { folder: made.path, policy: "none", backbones: undefined, withTexts: true };
  const { texts } = await auditAnnotations(call, context);
  expect(texts?.betweenEvaluations).toMatchObject([
    { one: "nlvr2 dev", other: "nlvr2 test1", texts: 27, samePicture: 0 },
  ]);
  const [dev, test1] = ["dev", "test1"].map((part) => {
    const lines = gunzipSync(readFileSync(realData(`nlvr2/${part}.json.gz`)))
      .toString()
      .trim()
      .split("\n");
    return new Set(lines.map((line) => plainSentence(JSON.parse(line))));
  });
  expect(dev?.intersection(test1 ?? new Set()).size).toBe(26);
});
