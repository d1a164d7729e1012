import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert as check, asyncProperty, nat } from "fast-check";
import { describe, expect, it } from "vitest";
import type { ExclusionRow } from "../../../src/core/attestation/exclusion-row.ts";
import { SourceError } from "../../../src/core/errors.ts";
import {
  type ExclusionTable,
  exclusionTableBytes,
  isArrowFile,
  readExclusionTable,
} from "../../../src/shards/audited/exclusion-table.ts";
import { pythonEnvironment } from "../../python-environment.ts";
import { temporaryFolder } from "../small-set.ts";

function row(index: number): ExclusionRow {
  const key = `vg:${index}`;
  const step = { from: key, to: "coco:1", rule: "linked-key", evidence: `coco_id "1" é ${index}` };
  const places = { fromPlace: "vg/train", toPlace: "coco/test" };
  return {
    key,
    dataset: "vg",
    set: "vg",
    split: "train",
    rule: "linked-key",
    evidence: "linked key coco:1",
    evalSet: "coco",
    evalSplit: "test",
    evalKey: "coco:1",
    chain: [
      { ...step, ...places, near: null },
      { ...step, ...places, rule: "near-duplicate", near: '{"distanceBits":3}' },
    ].slice(0, 1 + (index % 2)),
    policy: index % 3 === 0 ? null : "strict",
    toolVersion: "0.1.0",
  };
}

function table(numRows: number): ExclusionTable {
  const rows = Array.from({ length: numRows }, (_, index) => row(index));
  return { auditDigest: "a".repeat(64), settings: '{"rules":[]}', digest: "d".repeat(64), rows };
}

describe("an exclusion manifest as an Arrow file", () => {
  it.each([0, 1, 3, 5000])(
    "is read back with %i rows, and has the same bytes each time",
    async (numRows) => {
      const bytes = await exclusionTableBytes(table(numRows));
      expect(isArrowFile(bytes)).toBe(true);
      expect(await readExclusionTable(bytes, "x.arrow")).toEqual(table(numRows));
      expect(await exclusionTableBytes(table(numRows))).toEqual(bytes);
    },
  );

  it("is refused or says something else with any byte changed, and is refused when it is cut", async () => {
    const bytes = await exclusionTableBytes(table(3));
    await check(
      asyncProperty(nat(bytes.byteLength - 1), nat(254), async (position, difference) => {
        const changed = Buffer.from(bytes);
        changed[position] = ((changed[position] ?? 0) + 1 + difference) % 256;
        expect(await readOrRefuse(changed)).not.toEqual(table(3));
      }),
    );
    const cut = bytes.subarray(0, bytes.byteLength - 40);
    await expect(readExclusionTable(cut, "x.arrow")).rejects.toThrow(/x\.arrow: not an exclusion/);
  });

  it("is read by pyarrow, DuckDB and polars, with its chains", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x.arrow");
    await writeFile(path, await exclusionTableBytes(table(3)));
    const python = await pythonEnvironment();
    const found: unknown = JSON.parse(await python.run("read_exclusions.py", [path]));
    expect(found).toEqual({
      metadata: {
        "crossweave.format": "crossweave-exclusions",
        "crossweave.version": "2",
        "crossweave.audit_digest": "a".repeat(64),
        "crossweave.settings": '{"rules":[]}',
        "crossweave.digest": "d".repeat(64),
      },
      rows: table(3).rows.map((expected) => ({
        key: expected.key,
        dataset: "vg",
        split: "train",
        rule: "linked-key",
        eval_key: "coco:1",
        chain: expected.chain.map(({ evidence, near }) => [evidence, near]),
        policy: expected.policy,
        tool_version: "0.1.0",
      })),
      duckdb: [
        [["strict", 1]],
        [
          ["vg:0", "linked-key"],
          ["vg:1", "linked-key"],
          ["vg:1", "near-duplicate"],
          ["vg:2", "linked-key"],
        ],
      ],
      polars: [["linked-key", 3]],
    });
  });
});

async function readOrRefuse(bytes: Uint8Array): Promise<ExclusionTable | undefined> {
  try {
    return await readExclusionTable(bytes, "x.arrow");
  } catch (error) {
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}
