import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import type { LetterCase } from "../../src/loader/text/basic-tokenizer.ts";
import { pythonEnvironment } from "../python-environment.ts";

const ids = z.array(z.number());

/** The token ids that transformers' BertTokenizer gives for texts, in a throw-away Python environment. */
export async function transformersTokens(
  texts: readonly string[],
  options: { vocabulary: readonly string[]; letterCase: LetterCase },
): Promise<number[][]> {
  const python = await pythonEnvironment("requirements-parity.txt");
  const folder = await mkdtemp(join(tmpdir(), "crossweave-tokens-"));
  try {
    const [vocabulary, textFile] = [join(folder, "vocab.txt"), join(folder, "texts.json")];
    await writeFile(vocabulary, options.vocabulary.join("\n"));
    await writeFile(textFile, JSON.stringify(texts));
    const args = [vocabulary, options.letterCase, textFile];
    const output = await python.run("tokenize_texts.py", args);
    return output
      .trim()
      .split("\n")
      .map((line) => ids.parse(JSON.parse(line)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
