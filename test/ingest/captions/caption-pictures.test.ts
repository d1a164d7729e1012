import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CaptionPictures } from "../../../src/ingest/captions/caption-pictures.ts";
import { folderWith } from "../datasets/flickr30k-folder.ts";

it("finds pictures in folders of any depth, and nothing where there is none", async () => {
  await using folder = await folderWith({ "shop/a/b/1.jpg": "12345", "shop/2.jpg": "1" });
  const pictures = new CaptionPictures(folder.path);
  expect(pictures.find("a/b/1.jpg", "shop")).toEqual({ path: "shop/a/b/1.jpg", sizeBytes: 5 });
  expect(pictures.find("2.jpg", "shop")).toEqual({ path: "shop/2.jpg", sizeBytes: 1 });
  for (const path of ["a/b", "a/c/1.jpg", "2.jpg/3.jpg", "4.jpg"]) {
    expect(pictures.find(path, "shop")).toBeUndefined();
  }
  expect(pictures.linksNotFollowed).toEqual([]);
});

it("follows no link that an annotation file names, and tells of it", async () => {
  await using folder = await folderWith({ "shop/1.jpg": "1", "private/2.jpg": "2" });
  await symlink("../private", join(folder.path, "shop/linked"));
  await symlink("../private/2.jpg", join(folder.path, "shop/2.jpg"));
  const pictures = new CaptionPictures(folder.path);
  expect(pictures.find("linked/2.jpg", "shop")).toBeUndefined();
  expect(pictures.find("2.jpg", "shop")).toBeUndefined();
  expect(pictures.linksNotFollowed).toEqual(["shop/linked", "shop/2.jpg"]);
});

it("follows the link that the user put where the corpus belongs", async () => {
  await using folder = await folderWith({ "elsewhere/1.jpg": "1", "source/x": "" });
  await symlink("../elsewhere", join(folder.path, "source/shop"));
  const pictures = new CaptionPictures(join(folder.path, "source"));
  expect(pictures.find("1.jpg", "shop")).toEqual({ path: "shop/1.jpg", sizeBytes: 1 });
});
