import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { canonicalJson, sha256 } from "../../../src/core/digest.ts";
import { ShardError } from "../../../src/core/errors.ts";
import { readFooter } from "../../../src/shards/arrow/file-reader.ts";
import { memorySource } from "../../../src/shards/reading/memory-storage.ts";
import { commitIndex } from "../../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { RunningProgram } from "../../cli/running-program.ts";
import { pythonEnvironment } from "../../python-environment.ts";
import { madeUpScenes, writeShardSet } from "../small-set.ts";
import { FIRST, hostileSet, placesOfFaults, readTraining } from "./hostile-set.ts";
import { reindexed } from "./reindexed.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
const hostile = hostileSet();

describe("case 39: shards in wrong places", () => {
  const second = "train/00001.arrow";
  const other = "val/00000.arrow";

  it.each<[string, readonly string[], () => Promise<void>]>([
    [
      "swapped",
      [FIRST, other],
      async () => {
        await rename(join(hostile.set, FIRST), join(hostile.set, "x"));
        await rename(join(hostile.set, other), join(hostile.set, FIRST));
        await rename(join(hostile.set, "x"), join(hostile.set, other));
      },
    ],
    ["repeated", [second], () => cp(join(hostile.set, FIRST), join(hostile.set, second))],
    ["missing", [second], () => rm(join(hostile.set, second))],
    [
      "added",
      ["train/00009.arrow"],
      () => cp(join(hostile.set, FIRST), join(hostile.set, "train/00009.arrow")),
    ],
    [
      "renamed",
      [second, "train/1.arrow"],
      () => rename(join(hostile.set, second), join(hostile.set, "train/1.arrow")),
    ],
  ])("are named and none of their records delivered: %s", async (_, files, change) => {
    await change();
    const { faultyFiles } = await validateShardSet(hostile.set);
    expect(faultyFiles.toSorted()).toEqual(files.toSorted());
    const { numRead, faults } = await readTraining(hostile);
    const listed = files.filter((file) => [FIRST, second].includes(file));
    expect([numRead, faults.length]).toEqual([30 - 10 * listed.length, 10 * listed.length]);
  });

  it("are named when the index lists them in another order", async () => {
    const [split, ...others] = hostile.index.splits;
    if (split === undefined) throw new TypeError("there is no split");
    const text = await readFile(join(hostile.set, "index.json"), "utf8");
    const { digest: _digest, ...content } = JSON.parse(text);
    content.splits = [{ ...split, shards: split.shards.toReversed() }, ...others];
    const digest = sha256(canonicalJson(content));
    await writeFile(
      join(hostile.set, "index.json"),
      `${JSON.stringify({ ...content, digest }, null, 1)}\n`,
    );
    expect((await placesOfFaults(hostile))[0]).toMatch(
      /lists train\/00002\.arrow where train\/00000/,
    );
  });
});

describe("case 40: a shard rebuilt under right digests with other records", () => {
  it("makes another hostile.set, which a digest tells from the one that was meant", async () => {
    await rm(hostile.set, { recursive: true });
    const other = await writeShardSet(hostile.set, [
      { split: "train", scenes: madeUpScenes(30, 7) },
    ]);
    expect(other.digest).not.toBe(hostile.index.digest);
    const args = ["validate", hostile.set, "--quick", "--digest", hostile.index.digest];
    const { exitCode, stderr } = await new RunningProgram(launcher, args).ended;
    expect(exitCode).toBe(22);
    expect(stderr).toContain(`is the set ${other.digest}, not ${hostile.index.digest}`);
  });
});

describe("case 41: an index that was edited", () => {
  it("is named, and so is a format of a version to come", async () => {
    const path = join(hostile.set, "index.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"made-up"', '"made-down"'));
    expect((await placesOfFaults(hostile))[0]).toMatch(
      /^index\.json\/null\/null .*the index was changed/,
    );
    const { digest: _digest, ...content } = JSON.parse(text);
    content.version = 2;
    const digest = sha256(canonicalJson(content));
    await writeFile(path, JSON.stringify({ ...content, digest }));
    expect((await placesOfFaults(hostile))[0]).toMatch(/no index of format version 1/);
    await expect(ShardSetReader.open(hostile.set)).rejects.toThrow(ShardError);
  });
});

describe("case 41: a file of another format or version, under right digests", () => {
  it.each([
    ["crossweave-shards", "crossweave-shardz", /crossweave\.format is "crossweave-shardz"/],
    ["crossweave.version", "crossweave.versiom", /crossweave\.version is undefined/],
  ])("is named: %s becomes %s", async (before, after, message) => {
    await reindexed(hostile.set, FIRST, (bytes) => replaced(bytes, before, after));
    expect(await placesOfFaults(hostile)).toEqual([expect.stringMatching(message)]);
  });

  it("is named when it is the ledger", async () => {
    const path = join(hostile.set, "ledger.arrow");
    const bytes = replaced(await readFile(path), "crossweave-ledger", "crossweave-ledges");
    await writeFile(path, bytes);
    const { digest: _digest, ...content } = hostile.index;
    const ledger = { ...content.ledger, sha256: sha256(bytes) };
    await commitIndex(hostile.set, { ...content, ledger });
    expect(await placesOfFaults(hostile)).toEqual([
      expect.stringMatching(/^ledger\.arrow\/.*crossweave\.format is "crossweave-ledges"/),
    ]);
  });
});

/** The same bytes with a word replaced by one as long. */
function replaced(bytes: Buffer, before: string, after: string): Buffer {
  return Buffer.from(bytes.toString("latin1").replaceAll(before, after), "latin1");
}

describe("cases 42 and 43: shards of another make, under right digests", () => {
  const kinds = [
    "missing column",
    "other type",
    "other order",
    "dictionary",
    "compressed",
  ] as const;
  const messages: Readonly<Record<(typeof kinds)[number], RegExp>> = {
    "missing column": /column 3 is "picture_bytes: .*, expected "regions: /,
    "other type": /column 0 is "scene_key: arrow type 20.*", expected "scene_key: utf8"/,
    "other order": /column 0 is "texts: .*, expected "scene_key: utf8"/,
    dictionary: /dictionaries, which shards never have/,
    compressed: /compressed, which shards never are/,
  };
  let target = "";

  beforeAll(async () => {
    target = join(hostile.root, "rewritten");
    const python = await pythonEnvironment();
    await python.run("rewrite_shard.py", [
      join(hostile.pristine, "train/00001.arrow"),
      target,
      ...kinds,
    ]);
  });

  /** Puts what pyarrow wrote in the place of the second shard, with an index that describes it. */
  async function place(
    kind: (typeof kinds)[number],
    change?: (bytes: Buffer) => void,
  ): Promise<void> {
    const made = await readFile(`${target}-${kinds.indexOf(kind)}`);
    change?.(made);
    const footer = await readFooter(memorySource(made)).catch(() => undefined);
    const text = await readFile(join(hostile.set, "index.json"), "utf8");
    const content = JSON.parse(text);
    const shard = content.splits[0].shards[1];
    for (const [position, block] of (footer?.batches ?? []).entries()) {
      const sizeBytes = block.metadataSizeBytes + block.bodySizeBytes;
      Object.assign(shard.batches[position], {
        offset: block.offset,
        sizeBytes,
        headSizeBytes: sizeBytes,
      });
    }
    await writeFile(join(hostile.set, "index.json"), JSON.stringify(content));
    await reindexed(hostile.set, "train/00001.arrow", () => made);
  }

  it.each(kinds)("case 42: names the first shard and field that differ: %s", async (kind) => {
    await place(kind);
    const [first = ""] = await placesOfFaults(hostile);
    expect(first).toMatch(/^train\/00001\.arrow\//);
    expect(first).toMatch(messages[kind]);
    const { numRead, faults } = await readTraining(hostile);
    expect([numRead, faults.length]).toEqual([20, 10]);
  });

  it("case 43: expands nothing, whatever a compressed buffer says it would become", async () => {
    const before = process.memoryUsage.rss();
    await place("compressed", (bytes) => {
      // A compressed buffer begins with the size of what is in it; zstd's own magic number follows.
      const magic = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);
      for (let at = bytes.indexOf(magic); at > 0; at = bytes.indexOf(magic, at + 1)) {
        bytes.writeBigInt64LE(100_000_000_000n, at - 8);
      }
    });
    expect((await placesOfFaults(hostile))[0]).toMatch(/compressed, which shards never are/);
    expect((await readTraining(hostile)).faults).toHaveLength(10);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20);
  });
});
