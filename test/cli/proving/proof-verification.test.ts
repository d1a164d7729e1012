import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert as check, asyncProperty, constantFrom, nat } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manifestOf, manifestText } from "../../../src/audit/manifests/exclusion-manifest.ts";
import { readProofFile } from "../../../src/cli/proving/proof-files.ts";
import { writeProof } from "../../../src/cli/proving/proof-writing.ts";
import { StateError } from "../../../src/core/errors.ts";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../../shards/small-set.ts";
import {
  audit,
  nameSet,
  type ProvenSets,
  verify,
  withChangedByte,
  writeProvenSets,
} from "./proven-set.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
let sets: ProvenSets | undefined;

beforeAll(async () => {
  temporary = await temporaryFolder();
  sets = await writeProvenSets(temporary.path);
});
afterAll(async () => await temporary?.[Symbol.asyncDispose]());

function proven(): ProvenSets {
  if (sets === undefined) throw new Error("the sets were not written");
  return sets;
}

function faultOf(verification: Promise<unknown>): Promise<unknown> {
  return verification.then(
    () => "verified",
    (error: unknown) => error,
  );
}

describe("a proof of a set", () => {
  it("verifies with every file and list, and leaves the set valid", async () => {
    const { evaluated, trained } = proven();
    const verified = await verify(proven());
    expect(verified.notes).toEqual([]);
    expect(verified.sets.map(({ location, role }) => [location, role])).toEqual([
      [trained, "training"],
      [evaluated, "evaluation"],
    ]);
    expect(await validateShardSet(trained)).toMatchObject({ faults: [] });
    expect(await readdir(trained)).not.toContain(".unfinished");
  });

  it("says what it was not shown", async () => {
    const { trained } = proven();
    const { notes } = await verify(proven(), {
      folders: [trained],
      exclusions: [],
      key: undefined,
    });
    expect(notes).toEqual([
      expect.stringContaining("the signature was not checked"),
      expect.stringContaining("exclusion lists"),
      expect.stringContaining("evaluation sets that were not named here"),
    ]);
  });

  it("does not verify with any one byte changed in any file of its sets, its list or itself, and names the file", async () => {
    const { evaluated, exclusions, proof, trained } = proven();
    const inSet = [
      "index.json",
      "ledger.arrow",
      "proof.json",
      "croissant.json",
      "train/00000.arrow",
    ];
    const files = [
      ...[...inSet, "train/00001.arrow", "train/00002.arrow"].map((name) => join(trained, name)),
      join(evaluated, "index.json"),
      join(evaluated, "test/00000.arrow"),
      exclusions,
      proof,
    ];
    await check(
      asyncProperty(constantFrom(...files), nat(), nat(), async (file, position, step) => {
        const fault = await withChangedByte(file, { position, step }, () =>
          faultOf(verify(proven())),
        );
        expect(fault).toBeInstanceOf(StateError);
        const isItself = file === proof;
        // An index may be whole and name another proof: then its folder is named.
        const named = isItself ? proof : file.replace(/\/index\.json$/, "");
        expect(String(fault)).toContain(named);
      }),
      { numRuns: 100 },
    );
  });

  it("does not speak of training pictures through which the audit only looked", async () => {
    await using other = await temporaryFolder();
    const [through, file] = [join(other.path, "through"), join(other.path, "proof.json")];
    const scenes = madeUpScenes(3, 899); // one of them leaks
    await writeShardSet(through, [{ split: "train", scenes }]);
    const { evaluated, trained } = proven();
    const plan = { file, key: undefined, bind: false };
    await writeProof(plan, await audit([trained, evaluated], [through]));
    const { predicate, statement } = await readProofFile(file);
    expect(predicate.sets.map(({ name }) => name)).toEqual(["trained"]);
    expect(statement.subject.filter(({ name }) => !name.startsWith("trained@"))).toEqual([]);
    expect(predicate.settings.through).toMatchObject([{ split: "train", pictures: 4 }]);
  });

  it.each([
    ["a shard is missing", "train/00001.arrow", /train\/00001\.arrow: the file is missing/],
    ["the ledger is missing", "ledger.arrow", /ledger\.arrow: the file is missing/],
    ["its proof is missing", "proof.json", /proof\.json: .*the file is missing/],
  ])("names the file where %s", async (_, name, message) => {
    const file = join(proven().trained, name);
    await rename(file, `${proven().folder}/aside`);
    const fault = await faultOf(verify(proven()));
    await rename(`${proven().folder}/aside`, file);
    expect(fault).toMatchObject({ exitCode: 22, message: expect.stringMatching(message) });
  });

  it("names a file that no index lists, and a proof that no index names", async () => {
    const { trained } = proven();
    const extra = join(trained, "train/00009.arrow");
    await writeFile(extra, "");
    const fault = await faultOf(verify(proven()));
    await rm(extra);
    expect(String(fault)).toMatch(/train\/00009\.arrow: the index does not list this file/);
    const path = join(trained, "index.json");
    const text = await readFile(path, "utf8");
    const { proof: _, ...unbound } = await readIndex(trained);
    await writeFile(path, `${JSON.stringify(unbound, null, 1)}\n`);
    const unnamed = await faultOf(verify(proven()));
    await writeFile(path, text);
    expect(String(unnamed)).toMatch(/its index\.json no longer names the proof/);
  });

  it("case 40: names the shards of a set that was built again with valid digests", async () => {
    await using other = await temporaryFolder();
    const rebuilt = join(other.path, "rebuilt");
    const scenes = [...madeUpScenes(10), ...madeUpScenes(13, 40)];
    await nameSet(rebuilt, await writeShardSet(rebuilt, [{ split: "train", scenes }]), {});
    const fault = await faultOf(verify(proven(), { folders: [rebuilt] }));
    expect(fault).toMatchObject({ exitCode: 22 });
    const text = String(fault);
    expect(text).toMatch(/the set trained has the digest .* it was built again or changed/);
    expect(text).toMatch(/rebuilt\/train\/00001\.arrow: sha256 .*, the proof says/);
    expect(text).not.toContain("00000.arrow");
  });

  it("case 41: names another evaluation set of the same name, and another exclusion list", async () => {
    await using other = await temporaryFolder();
    const scenes = madeUpScenes(5, 950);
    await writeShardSet(other.path, [{ split: "test", role: "eval", scenes }]);
    const folders = [proven().trained, other.path];
    const fault = await faultOf(verify(proven(), { folders }));
    expect(String(fault)).toMatch(/evaluation set made-up has .* the proof is for another one/);
    const list = join(other.path, "list.json");
    await writeFile(list, await otherList());
    const changed = await faultOf(verify(proven(), { exclusions: [list] }));
    expect(String(changed)).toMatch(/this exclusion list has the digest .*, the proof says/);
  });
});

/** The manifest of another audit. */
async function otherList(): Promise<string> {
  const { verdict } = await audit([proven().evaluated]);
  return [...manifestText(manifestOf(verdict, "0.2.0"))].join("");
}
