import { z } from "zod";
import { SourceError } from "../../core/errors.ts";
import { AnnotationReader, findAnnotationFile } from "../annotations/annotation-file.ts";
import { type JsonElement, readJsonElements } from "../annotations/json-elements.ts";
import type { ListingOptions } from "./listed-dataset.ts";

/** Where lil-lab/nlvr has them, and where one may put them beside the statements. */
const folders = ["nlvr2", "nlvr2/util/hashes"];
const parts = ["train", "dev", "test1", "test2"];

const hashOf = z.string().regex(/^[0-9a-f]{16}$/);

/**
 * The perceptual hashes that NLVR2's authors ship, by the names of the pictures without ".png": 64 bits
 * each, those of the files that they had. Empty when none of the files is there; throws SourceError when
 * one is damaged.
 */
export async function readShippedHashes({
  folder,
  signal,
}: ListingOptions): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  for (const path of parts.flatMap((part) => folders.map((at) => `${at}/${part}_hashes.json`))) {
    const file = await findAnnotationFile(folder, path);
    if (file === undefined) continue;
    for await (const elements of readJsonElements(new AnnotationReader(file, signal))) {
      for (const element of elements) takeHash(hashes, file.path, element);
    }
  }
  return hashes;
}

function takeHash(
  hashes: Map<string, string>,
  file: string,
  { member, index, value }: JsonElement,
): void {
  const hash = hashOf.safeParse(value).data;
  if (hash === undefined || index >= 0) throw noHash(file, member);
  hashes.set(member.replace(/\.png$/, ""), hash);
}

function noHash(file: string, member: string): SourceError {
  return new SourceError(`${file} /${member}: is no hash of 16 hexadecimal digits`, {
    file,
    record: `/${member}`,
    remedy: "download the file again, or take it away: it is evidence beside the addresses alone",
  });
}
