import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StateError } from "../../../src/core/errors.ts";
import type { BertConfig } from "../../../src/models/bert/config.ts";
import { embeddingSpecs, embedText } from "../../../src/models/bert/embeddings.ts";
import { encode, encoderSpecs } from "../../../src/models/bert/encoder.ts";
import {
  bertLanguageHead,
  type LanguageHead,
  languageHeadLogits,
  languageHeadSpecs,
} from "../../../src/models/bert/language-head.ts";
import { pooled, poolerSpecs } from "../../../src/models/bert/pooler.ts";
import { noDropout } from "../../../src/models/dropout.ts";
import { importWeights } from "../../../src/models/exchange/import-weights.ts";
import { layoutNamed } from "../../../src/models/exchange/layouts.ts";
import { matrix } from "../../../src/models/ranks.ts";
import type { Weights } from "../../../src/models/weights.ts";
import { importedTensors, openPublished, type Published } from "./published-files.ts";

// References: transformers 5.23.0 on torch 2.13.0, float64 (fixtures/make_fixtures.py).

const bert: BertConfig = {
  vocabularySize: 30,
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  intermediateSize: 64,
  maxPositions: 12,
  tokenTypes: 2,
  dropout: 0,
  recompute: false,
};
const bertSpecs = [...embeddingSpecs(bert), ...encoderSpecs(bert)];

let files: Published;
beforeAll(async () => {
  files = await openPublished();
});
afterAll(() => files[Symbol.asyncDispose]());

const TOKEN_IDS = [
  [2, 5, 6, 7, 8, 9, 3],
  [2, 11, 5, 3, 0, 0, 0],
];

function bertStates(weights: Weights, tokenTypes: number | undefined): tf.Tensor3D {
  const tokenIds = tf.tensor2d(TOKEN_IDS, [2, 7], "int32");
  const pads = tf.sub(1, tf.cast(tf.greater(tokenIds, 0), "float32"));
  return encode(weights, bert, {
    tokens: embedText(weights, {
      tokenIds,
      ...(tokenTypes === undefined ? {} : { tokenTypes }),
      dropout: noDropout,
    }),
    bias: tf.reshape(tf.mul(pads, -10_000), [2, 1, 1, 7]),
    dropout: noDropout,
  });
}

const head: LanguageHead = { ...bertLanguageHead, name: "mlm_head" };

describe("a file of transformers' BERT", () => {
  const specs = [...bertSpecs, ...poolerSpecs(bert), ...languageHeadSpecs(bert, head)];
  const layout = layoutNamed("transformers-bert");

  it("gives our model their states, pooled vector and word logits", async () => {
    const path = await files.fileOf(await files.tensorsOf("transformers-bert"));
    await using imported = await importWeights(path, { layout, specs });
    expect(imported.report).toMatchObject({ missing: [], outside: [], fitted: [], folded: [] });
    expect(imported.report.unused).toEqual([
      "cls.seq_relationship.bias",
      "cls.seq_relationship.weight",
    ]);
    const weights = await importedTensors(imported);
    const states = bertStates(weights, 0);
    files.expectClose(states, "transformers-bert/states", 1e-4);
    files.expectClose(pooled(weights, states), "transformers-bert/pooled", 1e-4);
    const rows = matrix(tf.reshape(states, [14, 32]));
    const logits = languageHeadLogits(weights, head, rows);
    files.expectClose(logits, "transformers-bert/logits", 2e-4);
  });

  it("gives a model without token types the row of text within its positions", async () => {
    const path = await files.fileOf(await files.tensorsOf("transformers-bert"));
    const withoutTypes = [...embeddingSpecs({ ...bert, tokenTypes: 0 }), ...encoderSpecs(bert)];
    await using imported = await importWeights(path, { layout, specs: withoutTypes });
    expect(imported.report.folded).toEqual(["bert.embeddings.token_type_embeddings.weight"]);
    const states = bertStates(await importedTensors(imported), undefined);
    files.expectClose(states, "transformers-bert/states", 1e-4);
  });

  it("is read without its prefix and with the names of its first releases", async () => {
    const old = (await files.tensorsOf("transformers-bert"))
      .filter(({ name }) => name.startsWith("bert."))
      .map((tensor) => ({ ...tensor, name: oldName(tensor.name) }));
    old.push({
      name: "embeddings.position_ids",
      dtype: "I32",
      shape: [1, 12],
      load: () => Promise.resolve(new Int32Array(12)),
    });
    await using imported = await importWeights(await files.fileOf(old), {
      layout,
      specs: bertSpecs,
    });
    expect(imported.report.missing).toEqual([]);
    expect(imported.report.derived).toEqual(["embeddings.position_ids"]);
    files.expectClose(
      bertStates(await importedTensors(imported), 0),
      "transformers-bert/states",
      1e-4,
    );
  });

  it("tells the weights it lacks and those that are not its own", async () => {
    const tensors = await files.tensorsOf("transformers-bert");
    const some = tensors.filter(({ name }) => !name.endsWith("layer.1.output.dense.bias"));
    const other = { name: "itm_head.bias", shape: [2], initialisation: "zeros" } as const;
    const options = { layout, specs: [...bertSpecs, other] };
    await using imported = await importWeights(await files.fileOf(some), options);
    expect(imported.report.missing).toEqual(["encoder.layer.1.output.dense.bias"]);
    expect(imported.report.outside).toEqual(["itm_head.bias"]);
  });

  it("is refused with both shapes where they are not the model's", async () => {
    const path = await files.fileOf(await files.tensorsOf("transformers-bert"));
    const larger = { ...bert, vocabularySize: 31 };
    const importing = importWeights(path, { layout, specs: embeddingSpecs(larger) });
    await expect(importing).rejects.toThrow(
      "bert.embeddings.word_embeddings.weight [30, 32], the model's embeddings.word_embeddings.weight [31, 32]",
    );
    await expect(importing).rejects.toBeInstanceOf(StateError);
  });

  it("is refused when one weight comes under two names", async () => {
    const tensors = await files.tensorsOf("transformers-bert");
    const twin = tensors.find(({ name }) => name === "bert.pooler.dense.bias");
    const both = [
      ...tensors,
      ...(twin === undefined ? [] : [{ ...twin, name: "pooler.dense.bias" }]),
    ];
    const importing = importWeights(await files.fileOf(both), { layout, specs: bertSpecs });
    await expect(importing).rejects.toThrow(
      "bert.pooler.dense.bias and pooler.dense.bias are both bert.pooler.dense.bias",
    );
  });

  it("is refused as a Swin's", async () => {
    const path = await files.fileOf(await files.tensorsOf("transformers-bert"));
    const options = { layout: layoutNamed("timm-swin"), specs: bertSpecs };
    await expect(importWeights(path, options)).rejects.toThrow("no tensor has a name of timm-swin");
  });
});

function oldName(name: string): string {
  return name
    .replace(/^bert\./, "")
    .replace("LayerNorm.weight", "LayerNorm.gamma")
    .replace("LayerNorm.bias", "LayerNorm.beta");
}
