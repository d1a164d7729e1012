import type { NamedTensor } from "./weight-files/element-types.ts";
import { TensorFile } from "./weight-files/tensor-file.ts";
import { writeTensors } from "./weight-files/tensor-writer.ts";

// Whole files at once, for those that fit in memory; weight-files/ takes them tensor by tensor.

/**
 * Writes tensors in the order given and the file's name only when it is whole. Equal tensors make equal bytes. Names
 * are distinct and not "__metadata__".
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
): Promise<void> {
  await writeTensors(
    path,
    tensors.map(({ data, ...description }) => ({
      ...description,
      load: () => Promise.resolve(data),
    })),
  );
}

/** Reads a file into memory; StateError for a malformed header, a wrong size or a type that is not read. */
export async function readSafetensors(path: string): Promise<Map<string, NamedTensor>> {
  await using file = await TensorFile.open(path);
  const tensors = new Map<string, NamedTensor>();
  for (const entry of file.entries) tensors.set(entry.name, await file.read(entry));
  return tensors;
}
