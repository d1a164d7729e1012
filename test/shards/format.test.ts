import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { pythonEnvironment } from "../python-environment.ts";
import { bindProof } from "../../src/shards/audited/bound-proof.ts";
import { proofOf } from "./made-up-proof.ts";
import { madeUpScene, withRegions } from "./scenes.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "./small-set.ts";

const formatPage = join(import.meta.dirname, "../../FORMAT.md");
const reading = z.object({
  digest: z.string(),
  splits: z.record(z.string(), z.array(z.unknown())),
  numLedgerRows: z.int(),
});

/** The fenced blocks of a language on the page. */
async function blocks(language: string): Promise<string[]> {
  const page = await readFile(formatPage, "utf8");
  return [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\n\`\`\``, "gs"))].map(
    ([, text = ""]) => text,
  );
}

/** The line of a dump with as many bytes as `like`, from the same position on. */
function hexLine(file: Buffer, like: string): string {
  const [offset = "", bytes = ""] = like.split(": ");
  const numBytes = bytes.replaceAll(" ", "").length / 2;
  const start = Number.parseInt(offset, 16);
  const hex = file.subarray(start, start + numBytes).toString("hex");
  return `${offset}: ${hex.replaceAll(/(.{4})(?=.)/g, "$1 ")}`;
}

describe("FORMAT.md", () => {
  it("shows an index and bytes that the writer still writes", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes: [madeUpScene(1, 8)] }]);
    const text = await readFile(join(folder.path, "index.json"), "utf8");
    expect(await blocks("index")).toEqual([text.trimEnd()]);
    const file = await readFile(join(folder.path, "train/00000.arrow"));
    const lines = (await blocks("hex")).flatMap((block) => block.split("\n"));
    expect(lines.map((line) => hexLine(file, line))).toEqual(lines);
  });

  it("is enough to read a set by, with pyarrow, json and hashlib alone", async () => {
    await using folder = await temporaryFolder();
    const scenes = madeUpScenes(34).map((scene, index) =>
      index % 3 === 1 ? scene : withRegions(scene, index),
    );
    const splits = { train: scenes.slice(0, 23), val: scenes.slice(23) };
    const index = await writeShardSet(folder.path, [
      { split: "train", scenes: splits.train },
      { split: "val", role: "eval", scenes: splits.val },
    ]);
    await bindProof(folder.path, proofOf(index.digest));
    const python = await pythonEnvironment();
    const output = await python.run("read_by_format.py", [folder.path, formatPage]);
    const found = reading.parse(JSON.parse(output));
    expect([found.digest, found.numLedgerRows]).toEqual([index.digest, 2]);
    for (const [name, written] of Object.entries(splits)) {
      const expected = written.map(({ sceneKey, texts, pictures }) => {
        return {
          sceneKey,
          texts: texts.map(({ text }) => text),
          pictures: pictures.map(({ key }) => key),
        };
      });
      expect(found.splits[name]).toEqual(expected);
    }
  });
});
