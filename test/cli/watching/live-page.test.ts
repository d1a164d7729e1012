import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scalarsOf } from "../../../src/cli/watching/tensor-board.ts";
import { LivePage } from "../../../src/cli/watching/live-page.ts";
import { liveSamples } from "../../../src/cli/watching/live-samples.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";
import { soloCluster } from "../../../src/tensor/cluster/cluster.ts";
import { loaderOptions } from "../../../src/train/run/loader-options.ts";
import type { RunEvent } from "../../../src/train/run/run-events.ts";
import { TrainedRuns } from "../../train/run/trained-runs.ts";
import { tinyRecipe, tinySystem } from "../../train/tiny-run.ts";

let runs: TrainedRuns;
let tokenizer: WordPieceTokenizer;
beforeAll(async () => {
  runs = await TrainedRuns.open();
  tokenizer = await WordPieceTokenizer.fromFile(runs.vocabulary.path);
});
afterAll(() => runs[Symbol.asyncDispose]());

function pageOf(): LivePage {
  const { batches } = tinySystem(tinyRecipe);
  const call = { recipe: tinyRecipe, batches, sets: [], vocabulary: runs.vocabulary };
  const loader = loaderOptions({ ...call, cluster: soloCluster });
  return new LivePage({ recipe: tinyRecipe, loader, tokenizer, earlier: [], now: () => 0 });
}

describe("the page of a run", () => {
  it("has its stand, curves, masks, what the system says and a batch as the model sees it", async () => {
    const page = pageOf();
    const events: RunEvent[] = [];
    await runs.train("watched", {
      observers: [page.observe, (event) => void events.push(event)],
    });
    await page.observe({ kind: "notice", step: 6, lines: ["12 of 16 codes <live>"] });
    const html = await page.html();
    expect(html).toContain("step 6 of 6, complete");
    expect(html).not.toContain('http-equiv="refresh"');
    for (const words of ["total loss", "masked language modelling", "learning rate"])
      expect(html).toContain(words);
    expect(html).toContain("12 of 16 codes &lt;live");
    expect(html).toMatch(/<th>words<\/th>/);
    expect(html).toContain("data:image/png;base64,");
    expect(html).toMatch(/<ruby>.*<rt>/s);
    expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(events.map(({ kind }) => kind)).toEqual([
      "start",
      ...Array.from({ length: 6 }, () => "step"),
      "checkpoint",
      "end",
    ]);
  });

  it("looks for newer numbers while the run goes on, and forgets those that a resume measures again", async () => {
    const page = pageOf();
    await runs.trainUntil("going on", 2, {
      observers: [async (event) => (event.kind === "end" ? undefined : await page.observe(event))],
    });
    expect(await page.html()).toContain('http-equiv="refresh"');
    await page.observe({ kind: "start", step: 0, totalSteps: 6, numWeights: 1 });
    expect(await page.html()).toContain("total loss: no finite value");
  });
});

describe("a batch as the model sees it", () => {
  it("shows what stands in a masked word's place and the word that is to be predicted", async () => {
    await runs.withBatch(async (batch) => {
      const samples = await liveSamples(batch, tokenizer);
      expect(samples.map(({ picture }) => picture.name)).toEqual(batch.keys.slice(0, 4));
      expect(samples.every(({ picture }) => picture.image !== null)).toBe(true);
      const texts = samples.flatMap((sample) => sample.texts);
      expect(texts).toHaveLength(batch.keys.length * batch.shape.textsPerPicture);
      const tokens = texts.flatMap((shown) => shown.tokens);
      const numMasked = batch.mlmLabels.filter((label) => label >= 0).length;
      expect(tokens.filter(({ expected }) => expected !== null)).toHaveLength(numMasked);
      for (const shown of texts) {
        expect(shown.tokens[0]?.text).toBe("[CLS]");
        expect(shown.tokens.at(-1)?.text).toBe("[SEP]");
      }
    });
  });
});

describe("TensorBoard", () => {
  it("is told the loss, its parts, the rates and the pace of each step", async () => {
    const names: string[][] = [];
    await runs.train("scalars", {
      observers: [
        (event) => {
          if (event.kind === "step") names.push(scalarsOf(event).map(([name]) => name));
        },
      ],
    });
    expect(names).toHaveLength(6);
    expect(names[0]).toEqual(
      expect.arrayContaining(["loss/total", "parts/mlm", "parts/itm", "pace/pictures a second"]),
    );
  });
});
