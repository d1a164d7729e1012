import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ConfigError, SourceError } from "../../../src/core/errors.ts";
import { joinedSource } from "../../../src/cli/preparation/joined-source.ts";
import { folderWith } from "../../ingest/datasets/flickr30k-folder.ts";

it("leaves a single source folder as it is", async () => {
  await using folder = await folderWith({ "coco/a.json": "" });
  await using source = await joinedSource([folder.path]);
  expect(source.folder).toBe(folder.path);
});

it("stands for several folders until it is disposed of, and leaves them alone", async () => {
  await using folder = await folderWith({
    "downloads/coco/a.json": "a",
    "downloads/vg/b.json": "b",
    "mine/kitchen/captions.jsonl": "c",
    "street/captions.jsonl": "d",
    "street/photos/1.jpg": "e",
  });
  const folders = ["downloads", "mine", "street"].map((name) => join(folder.path, name));
  let joined = "";
  {
    await using source = await joinedSource(folders);
    joined = source.folder;
    const names = await readdir(joined);
    expect(names.toSorted()).toEqual(["coco", "kitchen", "street", "vg"]);
    expect(await readFile(join(joined, "street/photos/1.jpg"), "utf8")).toBe("e");
    expect(await readFile(join(joined, "vg/b.json"), "utf8")).toBe("b");
  }
  expect(existsSync(joined)).toBe(false);
  expect(await readFile(join(folder.path, "street/photos/1.jpg"), "utf8")).toBe("e");
});

it("gives one folder with a captions.jsonl its name, and published datasets in it theirs", async () => {
  await using folder = await folderWith({
    "street/captions.jsonl": "d",
    "street/coco/a.json": "a",
  });
  await using source = await joinedSource([join(folder.path, "street")]);
  expect(await readFile(join(source.folder, "street/captions.jsonl"), "utf8")).toBe("d");
  expect(await readFile(join(source.folder, "coco/a.json"), "utf8")).toBe("a");
  expect(existsSync(join(source.folder, "captions.jsonl"))).toBe(false);
});

it("refuses two entries of one name, and a folder that there is not", async () => {
  await using folder = await folderWith({ "one/coco/a.json": "", "other/coco/b.json": "" });
  const [one, other, absent] = ["one", "other", "absent"].map((name) => join(folder.path, name));
  const twice = joinedSource([one ?? "", other ?? ""]);
  await expect(twice).rejects.toThrow(ConfigError);
  await expect(twice).rejects.toThrow("another --source has coco too");
  await expect(joinedSource([one ?? "", absent ?? ""])).rejects.toThrow(SourceError);
});
