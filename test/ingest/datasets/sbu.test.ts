import { describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { sbu } from "../../../src/ingest/datasets/sbu.ts";
import type { SourceOptions, SourcePlan } from "../../../src/ingest/source.ts";
import { everything } from "../coco-folder.ts";
import { allScenes, folderWith, planOf, realFile, type SourceFolder } from "./flickr30k-folder.ts";
import { fetchedName, layOutSbu, realSbu, SBU } from "./web-and-film-folders.ts";

function planned({ path }: SourceFolder, choice: Partial<SourceOptions> = {}): Promise<SourcePlan> {
  return planOf(sbu, path, { splits: everything, ...choice });
}

const urlOf = (photoId: number): string => `http://static.flickr.com/12/${photoId}_0af1.jpg`;

function sbuFolder(lists: Readonly<Record<string, readonly unknown[]>>): Promise<SourceFolder> {
  return folderWith({ [SBU]: JSON.stringify(lists) });
}

describe("The real entries of SBU", () => {
  it("are five photographs of Flickr with what their owners wrote", async () => {
    await using folder = await folderWith({
      [SBU]: await realFile("sbu", "sbu-captions-all.first5.json"),
    });
    using plan = await planned(folder);
    expect(plan.counts.map(({ kind, read, written }) => [kind, read, written])).toEqual([
      ["image", 5, 5],
      ["caption", 5, 5],
    ]);
    const { image_urls: urls = [], captions = [] } = await realSbu();
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => draft.sceneKey)).toEqual([
      "sbu:4385058960",
      "sbu:5148648301",
      "sbu:5079196943",
      "sbu:2596097994",
      "sbu:499952586",
    ]);
    expect(scenes.map(({ draft }) => draft.pictures[0]?.url)).toEqual(urls);
    expect(scenes.map(({ draft }) => draft.texts[0]?.text)).toEqual(captions);
    expect(scenes[4]?.draft.pictures[0]).toMatchObject({
      key: "sbu:499952586",
      flickrPhotoId: "499952586",
    });
    expect(scenes[4]?.draft.texts[0]?.id).toBe("4");
  });

  it("find their pictures by the sha256 of the URL", async () => {
    await using folder = await folderWith({});
    await layOutSbu(folder.path);
    using plan = await planned(folder, { annotationsOnly: false });
    const { image_urls: urls = [] } = await realSbu();
    expect((await allScenes(plan)).map(({ draft }) => draft.pictures[0]?.path)).toEqual(
      urls.slice(0, 4).map((url) => `sbu/pictures/${fetchedName(url)}.jpg`),
    );
    expect(plan.missing.numPictures).toBe(1);
  });

  it("are read from the lists of lines of the first release as well", async () => {
    const { image_urls: urls = [], captions = [] } = await realSbu();
    await using folder = await folderWith({
      "sbu/SBU_captioned_photo_dataset_urls.txt": `${urls.join("\n")}\n`,
      "sbu/SBU_captioned_photo_dataset_captions.txt": captions.join("\r\n"),
    });
    using plan = await planned(folder);
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => draft.texts[0]?.text)).toEqual(captions);
    expect(scenes[2]?.records.map(({ file, record }) => `${file} ${record}`)).toEqual([
      "sbu/SBU_captioned_photo_dataset_urls.txt line 3",
      "sbu/SBU_captioned_photo_dataset_captions.txt line 3",
    ]);
  });
});

describe("Entries of SBU", () => {
  it("about one photograph are one scene, whatever form their URLs have", async () => {
    await using folder = await sbuFolder({
      image_urls: [urlOf(5), urlOf(6), "https://live.staticflickr.com/12/5_0af1_b.jpg"],
      user_ids: ["a", "b", "c"],
      captions: ["first", "second", "third"],
    });
    using plan = await planned(folder);
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => draft.texts.map(({ text }) => text))).toEqual([
      ["first", "third"],
      ["second"],
    ]);
  });

  it.each<readonly [string, readonly (readonly unknown[])[], readonly string[]]>([
    [
      "a URL of another site",
      [
        [urlOf(1), "http://example.org/1.jpg"],
        ["a", "b"],
      ],
      [
        '/image_urls/1 1 ANN_SHAPE: is "http://example.org/1.jpg"; expected the URL of a photo of Flickr',
        "/captions/1 1 dangling-image-id",
      ],
    ],
    [
      "no URL",
      [
        [urlOf(1), null],
        ["a", "b"],
      ],
      [
        "/image_urls/1 1 ANN_SHAPE: is null; expected the URL of a photo of Flickr",
        "/captions/1 1 dangling-image-id",
      ],
    ],
    [
      "no caption",
      [
        [urlOf(1), urlOf(2)],
        ["a", null],
      ],
      ["/image_urls/1 1 no-caption", "/captions/1 1 ANN_SHAPE: is null; expected a text"],
    ],
    [
      "an empty caption",
      [
        [urlOf(1), urlOf(2)],
        ["a", " "],
      ],
      ["/image_urls/1 1 no-caption", "/captions/1 1 CAP_EMPTY: it has no visible character"],
    ],
  ])("with %s are quarantined, both halves", async (_, [urls = [], captions = []], expected) => {
    await using folder = await sbuFolder({ image_urls: urls, user_ids: ["a", "b"], captions });
    using plan = await planned(folder);
    const ledger = await Array.fromAsync(plan.ledger());
    const rows = ledger.map(
      ({ record, id, reason, evidence }) => `${record} ${id} ${reason}: ${evidence}`,
    );
    expect(rows).toEqual(expected.map((row) => expect.stringContaining(row)));
    expect(plan.splits[0]?.numTexts).toBe(1);
  });

  it.each([
    ["a URL", "entry 1", { image_urls: [urlOf(1)], user_ids: ["a", "b"], captions: ["a", "b"] }],
    [
      "an owner",
      "entry 1",
      { image_urls: [urlOf(1), urlOf(2)], user_ids: ["a"], captions: ["a", "b"] },
    ],
    ["all owners", "entry 0", { image_urls: [urlOf(1)], captions: ["a"] }],
    [
      "a caption",
      "entry 1",
      { image_urls: [urlOf(1), urlOf(2)], user_ids: ["a", "b"], captions: ["a"] },
    ],
  ])(
    "are refused when %s is missing, since the position says what belongs together",
    async (_, record, lists) => {
      await using folder = await sbuFolder(lists);
      const refused = planned(folder);
      await expect(refused).rejects.toThrow(SourceError);
      await expect(refused).rejects.toThrow(
        "entries belong together by their position, so all must have as many",
      );
      await expect(refused).rejects.toThrow(expect.objectContaining({ file: SBU, record }));
    },
  );

  it("are refused when a list is missing, and named when no file is there", async () => {
    await using folder = await sbuFolder({ image_urls: [urlOf(1)], user_ids: ["a"] });
    await expect(planned(folder)).rejects.toThrow('it has no list "captions"');
    await using empty = await folderWith({ "sbu/SBU_captioned_photo_dataset_urls.txt": urlOf(1) });
    await expect(planned(empty)).rejects.toThrow("has no file of SBU Captioned Photos");
  });
});
