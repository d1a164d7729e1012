import { describe, expect, it } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import {
  type DatasetManifest,
  digestOfIds,
  readDatasetManifest,
} from "../../src/ingest/dataset-manifest.ts";
import {
  type FoundFile,
  type FoundSplit,
  judgeRelease,
  type ReleaseEvidence,
} from "../../src/ingest/release.ts";

const ids = Array.from({ length: 100 }, (_, index) => String(index));
const offeredAt = "https://example.org/files";
const manifest: DatasetManifest = {
  dataset: "toy",
  title: "Toy",
  homepage: offeredAt,
  license: "none",
  releases: [
    {
      name: "Toy 1",
      files: [
        { path: "toy/images.json", offeredAt, records: { image: 100 } },
        { path: "toy/texts.json", offeredAt, records: { text: 300 } },
      ],
    },
    {
      name: "Toy 2",
      files: [
        { path: "toy/images.json", offeredAt, records: { image: 100 } },
        {
          path: "toy/texts.json",
          offeredAt,
          records: { image: 100, text: 500 },
          idsSha256: { image: digestOfIds(ids) },
        },
        { path: "toy/extra.json", offeredAt },
      ],
    },
  ],
  pictures: [],
  splits: [
    {
      name: "Toy split",
      parts: [
        { name: "train", scenes: 80, texts: 400 },
        { name: "test", scenes: 20, texts: 100, sceneIdsSha256: digestOfIds(ids.slice(80)) },
      ],
    },
  ],
};

const images: FoundFile = {
  path: "toy/images.json",
  file: "toy/images.json.gz",
  records: { image: 100 },
};

function texts(numTexts: number, imageIds: readonly string[] = ids): FoundFile {
  const records = { image: imageIds.length, text: numTexts };
  const path = "toy/texts.json";
  return { path, file: path, records, idsSha256: { image: digestOfIds(imageIds) } };
}

function judged(files: readonly FoundFile[], more: Partial<ReleaseEvidence> = {}): string {
  const evidence = { manifest, files, absentFiles: [], acceptUnknownRelease: false, ...more };
  const { name, partial } = judgeRelease(evidence);
  return partial ? `${name}; partial` : name;
}

function refusal(files: readonly FoundFile[], more: Partial<ReleaseEvidence> = {}): string {
  try {
    return judged(files, more);
  } catch (error) {
    if (error instanceof SourceError) return error.message;
    throw error;
  }
}

describe("Files of a dataset", () => {
  it("are of the release that has their counts and ids", () => {
    expect(judged([images, texts(500)])).toBe("Toy 2");
    expect(judged([images, { ...texts(300), records: { text: 300 } }])).toBe("Toy 1");
    expect(judged([images])).toBe("Toy 1");
  });

  it("are a part of it where others of its files are wanted and not there", () => {
    const absentFiles = ["toy/extra.json"];
    expect(judged([images, texts(500)], { absentFiles })).toBe("Toy 2 (a part); partial");
    const byDefault = judgeRelease({ manifest, files: [texts(500)], acceptUnknownRelease: false });
    expect(byDefault).toEqual({ name: "Toy 2 (a part)", partial: true });
  });

  it("of an unknown release are not called a part of it, unless a wanted file is not there", () => {
    const files = [{ ...images, records: { image: 7 } }];
    const evidence = { manifest, files, acceptUnknownRelease: false };
    expect(judgeRelease(evidence)).toEqual({ name: "release unknown", partial: false });
    const wanted = { ...evidence, absentFiles: ["toy/texts.json"] };
    expect(judgeRelease(wanted)).toEqual({ name: "release unknown", partial: true });
  });

  it("that are nearly official are refused with a table of all differences", () => {
    const many = { ...images, records: { image: 109 } };
    expect(refusal([many, texts(455, ids.slice(5))])).toBe(
      [
        "the files are not the official release:",
        "  toy/images.json.gz  image  found 109  Toy 1 has 100",
        "  toy/texts.json      image  found  95  Toy 2 has 100",
        "  toy/texts.json      text   found 455  Toy 2 has 500",
      ].join("\n"),
    );
    const others = texts(
      500,
      ids.map((id) => `1${id}`),
    );
    expect(refusal([others])).toMatch(/image {2}found 100 {2}Toy 2 has 100 \(but others\)$/);
    expect(judged([many, others], { acceptUnknownRelease: true })).toBe("release unknown");
  });

  it("that have the official ids and other counts are damaged, whatever is accepted", () => {
    for (const numTexts of [499, 10]) {
      expect(refusal([texts(numTexts)], { acceptUnknownRelease: true })).toMatch(
        new RegExp(`text {2}found ${numTexts} {2}Toy 2 has 500$`),
      );
    }
  });

  it("of one's own are an unknown release, and those without counts are not judged", () => {
    expect(judged([{ ...images, records: { image: 50 } }, texts(100, ids.slice(0, 40))])).toBe(
      "release unknown",
    );
    const extra = { path: "toy/extra.json", file: "toy/extra.json", records: { row: 7 } };
    expect(judged([extra])).toBe("release unknown");
    expect(judged([texts(500), extra])).toBe("Toy 2");
    expect(judged([texts(500), { ...extra, path: "toy/other.json" }])).toBe("Toy 2");
  });
});

describe("A published split", () => {
  const official: FoundSplit = {
    name: "Toy split",
    parts: [
      { name: "train", scenes: 80, texts: 400 },
      { name: "test", scenes: 20, texts: 100, sceneIdsSha256: digestOfIds(ids.slice(80)) },
    ],
    numUnlisted: 0,
  };

  function withTest(part: Partial<FoundSplit["parts"][number]>, numUnlisted = 0): FoundSplit {
    const parts = official.parts.map((one) => (one.name === "test" ? { ...one, ...part } : one));
    return { ...official, parts, numUnlisted };
  }

  it("is recognised by its scenes, and by their texts where all scenes are listed", () => {
    const files = [texts(500)];
    expect(judged(files, { split: official })).toBe("Toy 2, Toy split");
    expect(judged(files, { split: withTest({ texts: 3 }, 7) })).toBe("Toy 2, Toy split; partial");
    expect(judged(files, { split: withTest({ texts: undefined }) })).toBe("Toy 2, Toy split");
    expect(refusal(files, { split: withTest({ texts: 3 }) })).toMatch(
      /Toy split test {2}text {2}found 3 {2}Toy split has 100$/,
    );
  });

  it("of other scenes is refused when it is nearly the official one, and unknown otherwise", () => {
    const shuffled = withTest({ sceneIdsSha256: digestOfIds(ids.slice(0, 20)) });
    expect(refusal([texts(500)], { split: shuffled })).toContain("Toy split has 20 (but others)");
    expect(judged([texts(500)], { split: shuffled, acceptUnknownRelease: true })).toBe(
      "Toy 2, split unknown",
    );
    const few = withTest({ scenes: 3, texts: 15, sceneIdsSha256: digestOfIds(["1"]) });
    expect(judged([texts(500)], { split: few })).toBe("Toy 2, split unknown");
    // A part whose file is not there says nothing.
    const none = withTest({ scenes: 0, texts: 0, sceneIdsSha256: digestOfIds([]) });
    expect(judged([texts(500)], { split: none })).toBe("Toy 2, Toy split");
  });
});

it("COCO 2014, COCO 2017 and the neuraltalk2 shuffle of Karpathy's split are told apart", async () => {
  const coco = await readDatasetManifest("coco");
  const files = coco.releases.flatMap((release) =>
    release.files.map(({ path, records = {}, idsSha256 }) => {
      return { path, file: path, records, idsSha256 };
    }),
  );
  const evidence = { manifest: coco, acceptUnknownRelease: false };
  const of = (year: string): string =>
    judgeRelease({ ...evidence, files: files.filter(({ path }) => path.includes(year)) }).name;
  expect([of("2014"), of("2017"), of("val2017")]).toEqual([
    "COCO 2014",
    "COCO 2017",
    "COCO 2017 (a part)",
  ]);
  const [published] = coco.splits;
  const parts = published?.parts.map(({ name, scenes = 0 }) => {
    return { name, scenes, sceneIdsSha256: digestOfIds([name]) };
  });
  const split = { name: published?.name ?? "", parts: parts ?? [], numUnlisted: 0 };
  expect(() => judgeRelease({ ...evidence, files, split })).toThrow(/5000 \(but others\)/);
});
