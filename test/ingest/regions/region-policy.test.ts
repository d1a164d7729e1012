import { describe, expect, it } from "vitest";
import { regionPolicySchema } from "../../../src/ingest/regions/region-policy.ts";
import { npzPolicy, tsvPolicy } from "./region-fixtures.ts";

describe("the recipe's regions", () => {
  it.each([
    ["TSV files", tsvPolicy("features/trainval.tsv")],
    ["npz folders", npzPolicy({ folders: ["img_db/coco_train2014", "img_db/vg"] })],
  ])("may come from %s", (_, policy) => {
    expect(regionPolicySchema.parse(policy)).toEqual(policy);
  });

  it.each<[string, unknown, RegExp]>([
    ["no source", { ...npzPolicy(), from: "hdf5" }, /from/],
    ["no folder", npzPolicy({ folders: [] }), /folders/],
    ["a folder elsewhere", npzPolicy({ folders: ["../features"] }), /folders\[0\]/],
    ["an absolute folder", npzPolicy({ folders: ["/features"] }), /folders\[0\]/],
    ["a file elsewhere", tsvPolicy("a/../../b.tsv"), /files\[0\]\.path/],
    [
      "more files than can be told apart",
      {
        ...tsvPolicy("a.tsv"),
        files: Array.from({ length: 257 }, () => ({ path: "a.tsv", pictures: "coco" })),
      },
      /files/,
    ],
    ["no features", npzPolicy({ numFeatures: 0 }), /numFeatures/],
    ["a part of a class", npzPolicy({ numClasses: 1.5 }), /numClasses/],
    [
      "more regions at least than at most",
      npzPolicy({ selection: { minConfidence: 0.2, minRegions: 40, maxRegions: 36 } }),
      /minRegions is more than maxRegions/,
    ],
    [
      "pictures of nobody",
      { ...tsvPolicy("a.tsv"), files: [{ path: "a.tsv", pictures: "x" }] },
      /pictures/,
    ],
    ["a field too many", { ...npzPolicy(), threshold: 0.3 }, /threshold/],
  ])("may not name %s", (_, policy, message) => {
    const parsed = regionPolicySchema.safeParse(policy);
    const issues = parsed.error?.issues.map(({ path, message: text }) => {
      return `${path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("")}: ${text}`;
    });
    expect(issues?.join("\n")).toMatch(message);
  });
});
