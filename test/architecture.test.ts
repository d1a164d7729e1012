import { globSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { describe, expect, it } from "vitest";
import { architectureFaults } from "./architecture/check.ts";
import { roomImports } from "./architecture/rooms.ts";

const srcFolder = join(import.meta.dirname, "..", "src");

function readSources(): Map<string, string> {
  const paths = globSync("**/*", { cwd: srcFolder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(srcFolder.length + 1));
  return new Map(
    paths.map((path) => [path.split(sep).join("/"), readFileSync(join(srcFolder, path), "utf8")]),
  );
}

/** The faults of `files` planted into a tree that has one clean file in each room. */
function faultsOfPlanted(files: Readonly<Record<string, string>>): string[] {
  const clean = Object.keys(roomImports).map((room) => [`${room}/clean.ts`, "export {};"] as const);
  return architectureFaults(new Map([...clean, ...Object.entries(files)]));
}

describe("the architecture", () => {
  it("holds in every file of src/", () => {
    expect(architectureFaults(readSources())).toEqual([]);
  });

  it("is not held by a tree without files, or by one without one of the rooms", () => {
    expect(architectureFaults(new Map())).toHaveLength(1);
    expect(architectureFaults(new Map([["core/keys.ts", "export {};"]]))).toHaveLength(
      Object.keys(roomImports).length - 1,
    );
  });

  it.each([
    ["core/a.ts", 'import { x } from "../shards/b.ts";'],
    ["core/a.ts", 'import type { X } from "../shards/b.ts";'],
    ["ingest/a.ts", 'import { type X } from "../audit/b.ts";'],
    ["ingest/deep/a.ts", 'import "../../shards/b.ts";'],
    ["loader/a.ts", 'export const x = () => import("../ingest/b.ts");'],
    ["loader/a.ts", "export const x = () => import(`../ingest/b.ts`);"],
    ["models/a.ts", 'export type X = import("../loader/b.ts").X;'],
    ["train/a.ts", 'export type X = typeof import("../eval/b.ts");'],
    ["eval/a.ts", 'export const x = new URL("../train/b.ts", import.meta.url);'],
    ["eval/a.ts", "export const x = new URL(`../train/b.${extension}`, import.meta.url);"],
    ["eval/a.ts", 'export const x = import.meta.resolve("../train/b.ts");'],
    ["report/a.ts", 'const load = createRequire(import.meta.url); load("../train/b.ts");'],
    ["report/a.ts", 'createRequire(import.meta.url)("../train/b.ts");'],
    ["report/a.ts", 'const load = createRequire(import.meta.url); load.resolve("../cli/b.ts");'],
    ["tensor/a.ts", 'export class X { #x = import("../models/b.ts"); }'],
  ])("refuses a forbidden room in %s: %s", (path, text) => {
    expect(faultsOfPlanted({ [path]: text })).toEqual([
      expect.stringMatching(/^\w+\/.*: \w+ may not import \w+ \(/),
    ]);
  });

  it.each([
    ["core/a.ts", 'import { z } from "zod";'],
    ["audit/a.ts", 'import type { Table } from "apache-arrow";'],
    ["audit/a.ts", 'import type { X } from "apache-arrow/ipc/message";'],
    ["shards/a.ts", 'export const x = () => import("sharp");'],
    ["loader/a.ts", 'import * as tf from "@tensorflow/tfjs-core";'],
    ["models/a.ts", 'createRequire(import.meta.url)("@tensorflow/tfjs-node-gpu/dist/x.js");'],
    ["ingest/a.ts", 'import { Command } from "commander";'],
  ])("refuses a package in a room that may not have it, %s: %s", (path, text) => {
    expect(faultsOfPlanted({ [path]: text })).toEqual([
      expect.stringMatching(/^\w+\/a\.ts: \w+ may not import package /),
    ]);
  });

  it.each(["left-pad", "@scope/name/deep", "sharp-phash"])(
    "refuses package %s, which the table does not know",
    (name) => {
      expect(faultsOfPlanted({ "cli/a.ts": `import "${name}";` })).toEqual([
        expect.stringContaining("is not in the table of packages"),
      ]);
    },
  );

  it.each([
    ["cli/a.ts", "export const load = (name: string) => import(name);"],
    ["cli/a.ts", "export const load = (name: string) => import(`./${name}.ts`);"],
    ["cli/a.ts", 'import "../../test/architecture.test.ts";'],
    ["cli/a.ts", 'import "fs";'],
    ["cli/a.ts", 'import "#internal";'],
    ["cli/a.ts", 'import "/etc/x.ts";'],
    ["cli/a.ts", "export const = 1;"],
    ["cli/a.ts", 'export { x } from "./clean.ts";'],
    ["cli/a.ts", 'export * from "./clean.ts";'],
    ["cli/a.ts", 'export type { X } from "./clean.ts";'],
    ["cli/a.ts", 'import { x } from "./clean.ts"; export { x as y };'],
    ["cli/a.ts", 'import { x } from "./clean.ts"; export default x;'],
    ["cli/a.ts", "export const x = 1;\n".repeat(301).replaceAll("x", () => `x${Math.E}`)],
    ["cli/a/b/c.ts", "export {};"],
    ["cli/a.js", "export {};"],
    ["cli/utils.ts", "export {};"],
    ["core/string-helpers.ts", "export {};"],
    ["core/common/a.ts", "export {};"],
    ["vision/a.ts", "export {};"],
    ["a.ts", "export {};"],
  ])("refuses a misplaced file or import, %s (case %#)", (path, text) => {
    expect(faultsOfPlanted({ [path]: text }).length).toBeGreaterThan(0);
  });

  it("refuses a thirteenth file in a folder", () => {
    const files = Array.from({ length: 13 }, (_, index) => [`core/sub/a${index}.ts`, "export {};"]);
    expect(faultsOfPlanted(Object.fromEntries(files))).toEqual(["core/sub/: 13 files, at most 12"]);
  });

  it("refuses a heavy module that the start of the command line would load", () => {
    const files = {
      "cli/main.ts": 'import { add } from "./add.ts"; add();',
      "cli/add.ts": 'import { z } from "zod"; import { x } from "../shards/clean.ts";',
    };
    expect(faultsOfPlanted(files)).toEqual([
      expect.stringContaining("loads zod at start"),
      expect.stringContaining("loads ../shards/clean.ts at start"),
    ]);
  });

  it("takes what the table allows, however it is imported", () => {
    expect(
      faultsOfPlanted({
        "index.ts": 'export { x } from "./shards/clean.ts"; export type * from "./cli/clean.ts";',
        "cli/main.ts": 'import { add } from "./add.ts"; add();',
        "cli/add.ts": `import type { X } from "../train/clean.ts";
          import { Command } from "commander";
          export const run = async (): Promise<unknown> => [await import("../train/clean.ts"), await import("zod")];`,
        "pixels/a.ts": `import sharp from "sharp"; import { readFile } from "node:fs/promises";
          export const x = [sharp, readFile, new URL("./clean.ts", import.meta.url), new URL("../../manifests/a.json", import.meta.url)];`,
        "core/long.ts": `${"// a comment\n\n".repeat(400)}/* more\n${"x\n".repeat(400)}*/ export {};`,
      }),
    ).toEqual([]);
  });
});
