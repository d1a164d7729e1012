import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { RefusedError, SourceError } from "../../src/core/errors.ts";
import { readGivenFile, refuseOtherFile } from "../../src/core/files.ts";
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
