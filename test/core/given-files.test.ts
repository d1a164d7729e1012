import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { RefusedError, SourceError } from "../../src/core/errors.ts";
import { readGivenFile, refuseOtherFile, writeResultFile } from "../../src/core/files.ts";
import { temporaryFolder } from "../loader/shard-set-fixture.ts";

const earlier = {
  isEarlier: (bytes: Buffer): boolean => bytes.includes("ours"),
  whatItIsNot: "is no list of ours",
};

it("reads no pipe, folder or absent file that a user named, and says what to name", async () => {
  await using made = await temporaryFolder();
  const pipe = join(made.path, "pipe");
  execFileSync("mkfifo", [pipe]);
  await mkdir(join(made.path, "folder"));
  for (const name of ["pipe", "folder", "absent"]) {
    const reading = readGivenFile(join(made.path, name), "name a list");
    await expect(reading).rejects.toThrow(SourceError);
    await expect(reading).rejects.toMatchObject({ remedy: "name a list" });
  }
});

it("writes over an earlier form of a file, and over nothing else", async () => {
  await using made = await temporaryFolder();
  const path = join(made.path, "list");
  await refuseOtherFile(path, earlier);
  await writeFile(path, "ours");
  await refuseOtherFile(path, earlier);
  await writeFile(path, "theirs");
  await expect(refuseOtherFile(path, earlier)).rejects.toThrow(RefusedError);
  await expect(refuseOtherFile(made.path, earlier)).rejects.toThrow("is no list of ours");
});

it("reads no file that is larger than such a file can be", async () => {
  await using made = await temporaryFolder();
  const path = join(made.path, "list");
  await writeFile(path, "ours");
  expect((await readGivenFile(path, "name a list", 4)).toString()).toBe("ours");
  const message = `${path}: it has 4 bytes, of such a file 3 can be read`;
  await expect(readGivenFile(path, "name a list", 3)).rejects.toThrow(message);
  await truncate(path, 2 ** 32);
  await expect(readGivenFile(path, "name a list")).rejects.toThrow("it has 4,294,967,296 bytes");
});

it("knows an earlier form of a file of any size by its ends", async () => {
  await using made = await temporaryFolder();
  const path = join(made.path, "list");
  await writeFile(path, "theirs");
  await truncate(path, 2 ** 32);
  await expect(refuseOtherFile(path, earlier)).rejects.toThrow(RefusedError);
  await writeFile(path, "ours", { flag: "a" });
  await refuseOtherFile(path, earlier);
});

it("writes a result whole, also when two write it at once", async () => {
  await using made = await temporaryFolder();
  const path = join(made.path, "new", "page");
  const isBegun = Promise.withResolvers<void>();
  const isOther = Promise.withResolvers<void>();
  async function* slowly(): AsyncGenerator<string> {
    yield "one ";
    isBegun.resolve();
    await isOther.promise;
    yield "page";
  }
  const writing = writeResultFile(path, slowly());
  await isBegun.promise;
  await writeResultFile(path, "the other");
  expect(await readFile(path, "utf8")).toBe("the other");
  isOther.resolve();
  await writing;
  expect(await readFile(path, "utf8")).toBe("one page");
  expect(await readdir(join(made.path, "new"))).toEqual(["page"]);
});

it("removes what a process that was killed left of a result, and nothing that another one still writes", async () => {
  await using made = await temporaryFolder();
  const path = join(made.path, "page");
  const module = JSON.stringify(new URL("../../src/core/files.ts", import.meta.url).href);
  const script = `const { writeResultFile } = await import(${module});
    await writeResultFile(process.argv[1], (async function* () {
      yield "half";
      process.kill(process.pid, "SIGKILL");
      yield "whole";
    })());`;
  const args = ["--input-type=module", "--eval", script, path];
  expect(spawnSync(process.execPath, args).signal).toBe("SIGKILL");
  expect(await readdir(made.path)).toEqual([
    expect.stringMatching(/^page\.[0-9a-f]{8}-\d+-[0-9a-f]{8}\.part$/),
  ]);
  const others = [`page.00000000-${2 ** 22 + 1}-00000000.part`, "page.part", "page.other.part"];
  for (const name of others) await writeFile(join(made.path, name), "another's");
  async function* meanwhile(): AsyncGenerator<string> {
    await writeResultFile(path, "the other");
    yield "ours";
  }
  await writeResultFile(path, meanwhile());
  expect(await readFile(path, "utf8")).toBe("ours");
  expect(await readdir(made.path)).toEqual(["page", ...others].toSorted());
});

it("writes a result through no link, and leaves nothing of one that cannot be written", async () => {
  await using made = await temporaryFolder();
  const [path, folder, foreign] = ["page", "folder", "foreign"].map((name) =>
    join(made.path, name),
  );
  if (path === undefined || folder === undefined || foreign === undefined) throw new Error("three");
  await writeFile(foreign, "theirs");
  await symlink(foreign, `${path}.part`);
  await writeResultFile(path, "ours");
  expect(await readFile(foreign, "utf8")).toBe("theirs");
  await mkdir(folder);
  await expect(writeResultFile(folder, "ours")).rejects.toMatchObject({ code: "EISDIR" });
  await expect(writeResultFile(join(made.path, "x".repeat(300)), "ours")).rejects.toThrow(
    /the name is too long \(ENAMETOOLONG\)/,
  );
  expect(await readdir(made.path)).toEqual(["folder", "foreign", "page", "page.part"]);
});
