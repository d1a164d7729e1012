import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, asyncProperty, nat } from "fast-check";
import { expect } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { isObject } from "../../../src/ingest/annotations/record-fields.ts";
import type { SourceOptions } from "../../../src/ingest/source.ts";
import { checkSourceContract } from "../../contracts/source-contract.ts";
import { everything, writeFileBelow } from "../coco-folder.ts";
import { planOptions } from "../plan-options.ts";
import { type Damage, damagedFile, damages, packed } from "./damage.ts";
import { bytesOf, type WholeFile, type WholeFiles } from "./whole-files.ts";

type Files = readonly (readonly [path: string, file: WholeFile])[];

/**
 * Damages a dataset's files in turn, and expects each time that every record has one fate, which
 * counts, ledger and scenes agree on, or a SourceError that names a file and a remedy. Gives how often
 * the damaged file could be read.
 */
export async function checkDamaged(given: WholeFiles, numRuns: number): Promise<number> {
  const files = Object.entries(await given.files());
  const folder = await layOut(files);
  let numRead = 0;
  const check = async (index: number, damage: Damage): Promise<void> => {
    const [path, file] = files[index] ?? ["", Buffer.alloc(0)];
    const damagedPath = join(folder, path + damage.packing);
    await rm(join(folder, path));
    await writeFile(damagedPath, damagedFile(path, file, damage));
    try {
      const outcome = await outcomeOf(given, folder);
      if (outcome === "adds up") {
        numRead += 1;
        await checkNoneLost(given, folder);
      } else if (!isClear(outcome, files)) throw outcome;
    } finally {
      await rm(damagedPath);
      await writeFile(join(folder, path), bytesOf(file));
    }
  };
  try {
    await checkNoneLost(given, folder);
    for (const packing of ["", ".gz", ".zip"] as const) {
      await packAll(folder, files, packing);
      expect(await outcomeOf(given, folder)).toBe("adds up");
      for (const [path] of files) await rm(join(folder, path + packing));
    }
    await packAll(folder, files, "");
    await assert(asyncProperty(nat(files.length - 1), damages, check), { numRuns });
    return numRead;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function layOut(files: Files): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-damaged-"));
  for (const [path, file] of files) await writeFileBelow(folder, path, bytesOf(file));
  return folder;
}

async function packAll(folder: string, files: Files, packing: Damage["packing"]): Promise<void> {
  for (const [path, file] of files) {
    await rm(join(folder, path), { force: true });
    await writeFile(join(folder, path + packing), packed(path, bytesOf(file), packing));
  }
}

function chosen({ choice }: WholeFiles): Partial<SourceOptions> & Pick<SourceOptions, "splits"> {
  return { annotationsOnly: true, acceptUnknownRelease: true, splits: everything, ...choice };
}

async function outcomeOf(given: WholeFiles, folder: string): Promise<unknown> {
  const { splits, ...choice } = chosen(given);
  try {
    await checkSourceContract({ source: given.source, folder, splits, choice });
    return "adds up";
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
}

/** Whether an error says which file is at fault and what to do. */
function isClear(error: unknown, files: Files): boolean {
  if (!(error instanceof SourceError) || error.remedy === undefined) return false;
  return files.some(([path]) => error.file?.startsWith(path) === true);
}

/** Expects a place for each item of each list, and for each line, of the files: nothing is passed over in silence. */
async function checkNoneLost(given: WholeFiles, folder: string): Promise<void> {
  using plan = await given.source.plan({ ...planOptions(folder), ...chosen(given) });
  const written = plan.splits.map(({ name }) => Array.fromAsync(plan.scenes(name)));
  const scenes = (await Promise.all(written)).flat();
  const places = [
    ...scenes.flatMap(({ records }) => records),
    ...(await Array.fromAsync(plan.ledger())),
  ];
  for (const file of new Set(plan.counts.map((count) => count.file))) {
    if (/\.(?:gz|zip)$/.test(file)) continue;
    const text = await readFile(join(folder, file), "utf8");
    const found = places.filter((place) => place.file === file).map(({ record }) => record);
    expect(itemsOf(found)).toEqual(wantedItems(text, found));
  }
}

/** Per list of a file ("/images", or "line"): the numbers of the items that have a place. */
function itemsOf(places: readonly string[]): Map<string, number[]> {
  const items = new Map<string, number[]>();
  for (const place of places) {
    const [, list = "", number = ""] = /^(.*)[/ ](\d+)$/.exec(place) ?? [];
    items.set(list, [...(items.get(list) ?? []), Number(number)]);
  }
  for (const numbers of items.values()) numbers.sort((a, b) => a - b);
  return items;
}

function wantedItems(text: string, places: readonly string[]): Map<string, number[]> {
  const wanted = itemsOf(places);
  const document = parsed(text);
  const lines = text.split("\n");
  for (const [list, found] of wanted) {
    const value = list.startsWith("/") || list === "" ? valueAt(document, list) : undefined;
    if (Array.isArray(value)) wanted.set(list, [...value.keys()]);
    else if (list === "line") {
      const full = lines.flatMap((line, index) => (isRecord(line) ? [index + 1] : []));
      const others = found.filter((number) => !isRecord(lines[number - 1] ?? "x"));
      wanted.set(
        list,
        [...full, ...others].toSorted((a, b) => a - b),
      );
    }
  }
  return wanted;
}

// Other lines may be none: an empty one, or the header of Flickr30K's results.csv.
function isRecord(line: string): boolean {
  return line.trim() !== "" && !line.startsWith("image_name|");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const key of pointer.split("/").slice(1)) {
    const item: unknown = Array.isArray(value) ? value[Number(key)] : undefined;
    value = isObject(value) ? value[key] : item;
  }
  return value;
}
