import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { auditAnnotations } from "../../../src/cli/annotation-audit/audit-annotations.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { SourceError } from "../../../src/core/errors.ts";
import { temporaryFolder } from "../../loader/shard-set-fixture.ts";

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
