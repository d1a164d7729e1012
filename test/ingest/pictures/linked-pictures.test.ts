import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PictureFolders } from "../../../src/ingest/pictures/picture-folders.ts";

let root = "";
let source = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "crossweave-links-"));
  source = join(root, "source");
  await mkdir(join(source, "pictures"), { recursive: true });
  await mkdir(join(root, "disk"));
  await writeFile(join(root, "secret.jpg"), "secret");
  await writeFile(join(source, "pictures/1.jpg"), "picture");
  await writeFile(join(root, "disk/5.jpg"), "on another disk");
  await symlink("../../secret.jpg", join(source, "pictures/2.jpg"));
  await symlink("3.jpg", join(source, "pictures/3.jpg"));
  await symlink(".", join(source, "pictures/4.jpg"));
  await symlink(join(root, "disk"), join(source, "linked"));
  await symlink("circle", join(source, "circle"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function list(): Promise<PictureFolders> {
  return PictureFolders.list(
    source,
    ["pictures", "linked", "circle"],
    (name) => /^(\d+)\.jpg$/.exec(name)?.[1],
  );
}

describe("links in a source folder", () => {
  it("case 19: among the pictures are not followed but listed, whether they lead out, in a circle or up", async () => {
    const pictures = await list();
    expect(pictures.find("1", "pictures")).toEqual({ path: "pictures/1.jpg", sizeBytes: 7 });
    for (const id of ["2", "3", "4"]) expect(pictures.find(id, "pictures")).toBe(undefined);
    expect(pictures.linksNotFollowed).toEqual([
      "pictures/2.jpg",
      "pictures/3.jpg",
      "pictures/4.jpg",
    ]);
  });

  it("case 19: in place of a picture folder lead where its user has put it", async () => {
    const pictures = await list();
    expect(pictures.find("5", "pictures")).toEqual({ path: "linked/5.jpg", sizeBytes: 15 });
  });
});
