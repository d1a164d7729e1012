import { describe, expect, it } from "vitest";
import {
  bertBaseCased,
  bertBaseUncased,
  bertLargeCased,
  bertLargeUncased,
  type BertConfig,
} from "../../../src/models/bert/config.ts";
import { embeddingSpecs } from "../../../src/models/bert/embeddings.ts";
import { encoderSpecs } from "../../../src/models/bert/encoder.ts";
import {
  bertLanguageHead,
  languageHeadSpecs,
  type LanguageHead,
} from "../../../src/models/bert/language-head.ts";
import { poolerSpecs } from "../../../src/models/bert/pooler.ts";
import type { WeightSpec } from "../../../src/models/weights.ts";

const countOf = (specs: readonly WeightSpec[]): number =>
  specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

const countOfModel = (config: BertConfig): number =>
  countOf([...embeddingSpecs(config), ...encoderSpecs(config)]);

describe("BERT's parameter counts", () => {
  it("B-1: are exact for a layer, for twelve and for the published models with and without pooler", () => {
    expect(countOf(encoderSpecs({ ...bertBaseUncased, layers: 1 }))).toBe(7_087_872);
    expect(countOf(encoderSpecs({ ...bertBaseUncased, layers: 3 }))).toBe(3 * 7_087_872);
    expect(countOf(encoderSpecs(bertBaseUncased))).toBe(85_054_464);
    const pooler = countOf(poolerSpecs(bertBaseUncased));
    expect(countOfModel(bertBaseUncased)).toBe(108_891_648);
    expect(countOfModel(bertBaseUncased) + pooler).toBe(109_482_240);
    expect(countOfModel(bertBaseCased)).toBe(107_719_680);
    expect(countOfModel(bertBaseCased) + pooler).toBe(108_310_272);
  });

  it("B-1: are those of transformers 5.23.0 for the large models", () => {
    const pooler = countOf(poolerSpecs(bertLargeUncased));
    expect(countOfModel(bertLargeUncased) + pooler).toBe(335_141_888);
    expect(countOfModel(bertLargeCased) + pooler).toBe(333_579_264);
  });
});

const head = (hasTransform: boolean, hasBias: boolean): LanguageHead => ({
  ...bertLanguageHead,
  hasTransform,
  hasBias,
});

describe("the masked words' head", () => {
  it("M-6: has no decoder of its own, and in SOHO neither transform nor bias", () => {
    const names = languageHeadSpecs(bertBaseUncased, head(true, true)).map(({ name }) => name);
    expect(names.filter((name) => name.includes("decoder"))).toEqual([]);
    expect(countOf(languageHeadSpecs(bertBaseUncased, head(true, true)))).toBe(
      768 * 768 + 3 * 768 + 30_522,
    );
    expect(countOf(languageHeadSpecs(bertBaseUncased, head(false, true)))).toBe(30_522);
    expect(languageHeadSpecs(bertBaseUncased, head(false, false))).toEqual([]);
  });
});
