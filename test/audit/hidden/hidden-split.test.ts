import { assert as check, nat, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { auditSplits } from "../../../src/audit/audit-splits.ts";
import {
  hashedNames,
  type HashesFile,
  hashesText,
  parseHashes,
} from "../../../src/audit/hidden/hashes-file.ts";
import {
  hiddenRecord,
  VIEWS_BYTES,
  viewsOfRecords,
} from "../../../src/audit/hidden/hidden-records.ts";
import { hiddenNames, hiddenSplit } from "../../../src/audit/hidden/hidden-split.ts";
import type { AuditVerdict } from "../../../src/audit/verdict.ts";
import { SourceError } from "../../../src/core/errors.ts";
import type { PictureInfo } from "../../../src/core/records.ts";
import { pictureOf, splitOf } from "../picture-fixtures.ts";

const views = Uint8Array.from({ length: VIEWS_BYTES }, (_, index) => (index * 7) % 251);

function hashesOf(pictures: readonly PictureInfo[], salt = "salt"): HashesFile {
  const hashed = pictures.map((picture, index) => ({
    names: hashedNames(picture, salt),
    views: index % 2 === 0 ? views : null,
  }));
  return parseHashes(hashesText({ salt, pictures: hashed }), "test.hashes");
}

function auditAgainst(
  training: readonly PictureInfo[],
  files: readonly HashesFile[],
): Promise<AuditVerdict> {
  const splits = [splitOf("a/train", "train", training), ...files.map(hiddenSplit)];
  return auditSplits(splits, { moreNames: hiddenNames(files) });
}

describe("a file of hashes", () => {
  const text = hashesText({
    salt: "salt",
    pictures: [{ names: hashedNames(pictureOf(1), "salt"), views }],
  });

  it("tells no key, address or text of a picture, and is the same in any order of them", () => {
    const url = "https://pictures.example/one.jpg";
    const picture = pictureOf(1, { linkedKeys: ["vg:77"], flickrPhotoId: "123456", url });
    const [one, other] = [picture, pictureOf(2)].map((each) => ({
      names: hashedNames(each, "salt"),
      views: null,
    }));
    if (one === undefined || other === undefined) throw new Error("two pictures were hashed");
    const hashed = hashesText({ salt: "salt", pictures: [one, other] });
    expect(hashesText({ salt: "salt", pictures: [other, one] })).toBe(hashed);
    for (const name of ["coco:1", "vg:77", "123456", "pictures.example"]) {
      expect(hashed).not.toContain(name);
    }
    expect(hashed).toContain(picture.sha256);
  });

  it("is refused with any byte changed, or is another file", () => {
    const { digest } = parseHashes(text, "test.hashes");
    check(
      property(nat(text.length - 1), nat(254), (position, step) => {
        const bytes = Buffer.from(text);
        bytes[position] = ((bytes[position] ?? 0) + 1 + step) % 256;
        expect(digestOrRefusal(bytes.toString("latin1"))).not.toBe(digest);
      }),
    );
  });

  it.each([
    ["empty", "", /line 1/],
    [
      "cut",
      text.slice(0, text.indexOf("\n") + 1),
      /0 pictures, its first line says 1; the file is cut/,
    ],
    [
      "of hashes of another size",
      text.replace(/"views":"....[^"]*"/, '"views":"AAAA"'),
      /3 bytes, expected/,
    ],
    ["of another version", text.replace('"version":1', '"version":2'), /\/version/],
  ])("is refused when it is %s", (_, content, message) => {
    expect(() => parseHashes(content, "test.hashes")).toThrow(SourceError);
    expect(() => parseHashes(content, "test.hashes")).toThrow(message);
  });
});

describe("an audit against hashes", () => {
  it.each([
    ["key", { sha256: "1", sourceSha256: "1", pixelSha256: "", url: null }, "same-key"],
    ["bytes", { key: "coco:90", pixelSha256: "", url: null }, "same-bytes"],
    ["pixels", { key: "coco:90", sha256: "1", sourceSha256: "1", url: null }, "same-pixels"],
  ] as const)("finds a picture by its %s and names the row alone", async (_, change, rule) => {
    const hidden = hashesOf([pictureOf(1)]);
    const { exclusions, leaks, outcome } = await auditAgainst([pictureOf(1, change)], [hidden]);
    expect(outcome).toBe("leaking");
    expect(leaks[0]).toMatchObject({
      rule,
      eval: {
        set: `hidden-${hidden.digest.slice(0, 12)}`,
        split: "hashes",
        sceneKey: "row 0",
        picture: `hidden:${hidden.digest.slice(0, 12)}/0`,
      },
    });
    expect(exclusions.map(({ key }) => key)).toEqual([leaks[0]?.train.picture]);
  });

  it("finds nothing where nothing is shared, and says against what", async () => {
    const hidden = hashesOf([pictureOf(3), pictureOf(4)]);
    const verdict = await auditAgainst([pictureOf(1), pictureOf(2)], [hidden]);
    expect(verdict.outcome).toBe("clean");
    expect(verdict.checked.against).toMatchObject([{ digest: hidden.digest, pictures: 2 }]);
  });

  it("keeps test sets apart that are hashed with salts of their own", async () => {
    const files = [hashesOf([pictureOf(1)], "one"), hashesOf([pictureOf(2)], "other")];
    const { leaks, matrix } = await auditAgainst([pictureOf(2), pictureOf(5)], files);
    expect(new Set(leaks.map(({ eval: { set } }) => set))).toEqual(
      new Set([`hidden-${files[1]?.digest.slice(0, 12)}`]),
    );
    expect(matrix.length).toBeGreaterThan(0);
  });
});

describe("the hashes of a picture's views", () => {
  it("are what stands behind the head of its record", () => {
    const record = hiddenRecord(3, { pixels: "p", views });
    expect([...viewsOfRecords(Buffer.concat([record, record]))].map((each) => [...each])).toEqual([
      [...views],
      [...views],
    ]);
  });
});

function digestOrRefusal(content: string): string | undefined {
  try {
    return parseHashes(content, "test.hashes").digest;
  } catch (error) {
    if (error instanceof SourceError) return undefined;
    throw error;
  }
}
