import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/digest.ts";
import { buildArtifact, findDamage, readArtifact } from "../../src/tensor/runtime/artifact.ts";

async function builtFolder(): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), "crossweave-artifact-")), "thing");
  await buildArtifact(folder, async (partial) => {
    await mkdir(join(partial, "lib"));
    await writeFile(join(partial, "lib", "a.so"), "library");
    await writeFile(join(partial, "b.txt"), "");
    return { compiler: "g++ 1" };
  });
  return folder;
}

describe("an artifact", () => {
  it("tells what was built: facts, sizes, digests", async () => {
    const folder = await builtFolder();
    expect(await readArtifact(folder)).toEqual({
      format: "crossweave-artifact",
      version: 1,
      facts: { compiler: "g++ 1" },
      files: [
        { path: "b.txt", sizeBytes: 0, sha256: sha256("") },
        { path: "lib/a.so", sizeBytes: 7, sha256: sha256("library") },
      ],
    });
    expect(await findDamage(folder)).toBeUndefined();
  });

  it("is not there while it is being built, nor after the build failed", async () => {
    const folder = join(await mkdtemp(join(tmpdir(), "crossweave-artifact-")), "thing");
    const building = buildArtifact(folder, async (partial) => {
      await writeFile(join(partial, "half"), "half");
      expect(await readArtifact(folder)).toBeUndefined();
      throw new Error("killed");
    });
    await expect(building).rejects.toThrow("killed");
    expect(await readArtifact(folder)).toBeUndefined();
  });

  it("is built anew over a broken one and over the remains of a killed build", async () => {
    const folder = await builtFolder();
    await rm(join(folder, "complete.json"));
    await mkdir(`${folder}.partial`);
    await writeFile(join(`${folder}.partial`, "remains"), "x");
    await buildArtifact(folder, async (partial) => {
      await writeFile(join(partial, "new"), "new");
      return {};
    });
    expect((await readdir(folder)).toSorted()).toEqual(["complete.json", "new"]);
  });

  it("counts as missing when a file is shorter than recorded or gone", async () => {
    const shortened = await builtFolder();
    await truncate(join(shortened, "lib", "a.so"), 3);
    expect(await readArtifact(shortened)).toBeUndefined();
    const emptied = await builtFolder();
    await rm(join(emptied, "lib"), { recursive: true });
    expect(await readArtifact(emptied)).toBeUndefined();
    const garbled = await builtFolder();
    await writeFile(join(garbled, "complete.json"), "{");
    expect(await readArtifact(garbled)).toBeUndefined();
  });

  it("names the file whose bytes are not the recorded ones", async () => {
    const folder = await builtFolder();
    await writeFile(join(folder, "lib", "a.so"), "LIBRARY");
    expect(await readArtifact(folder)).toBeDefined();
    expect(await findDamage(folder)).toBe("lib/a.so");
  });
});
