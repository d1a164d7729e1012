// node test/loader/write-token-fixture.ts: writes fixtures/bert-tokens.json from transformers' BertTokenizer.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { realData } from "../real-data.ts";
import { transformersTokens } from "./transformers-tokens.ts";
import { casedVocabulary, realCaptions, variedTexts } from "./varied-texts.ts";

const NUM_TEXTS = 240;
const captions = realCaptions();
const texts = variedTexts(NUM_TEXTS, captions);
const uncased = (await readFile(realData("bert/vocab.txt"), "utf8")).trimEnd().split("\n");
const cased = casedVocabulary(captions);
const lower = await transformersTokens(texts, { vocabulary: uncased, letterCase: "lower" });
const keep = await transformersTokens(texts, { vocabulary: cased, letterCase: "keep" });
const folder = join(import.meta.dirname, "fixtures");
await mkdir(folder, { recursive: true });
await writeFile(
  join(folder, "bert-tokens.json"),
  `${JSON.stringify({
    made: "by test/loader/write-token-fixture.ts with transformers 5.23.0, tokenizers 0.23.3",
    casedVocabulary: cased,
    cases: texts.map((text, index) => ({ text, lower: lower[index], keep: keep[index] })),
  })}\n`,
);
