import { crc32 } from "node:zlib";
import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";
import { type NpyArray, parseNpy } from "./npy.ts";
import { RegionFault } from "./region-fault.ts";

/** More than any detector gives: 4,096 regions of 4,096 32-bit features. */
const MAX_MEMBER_BYTES = 2 ** 26;
const MAX_MEMBERS = 64;

/**
 * Arrays of an .npz file by their names (without ".npy"). Members of other names are not unpacked, so what they
 * hold does not matter. Throws RegionFault.
 */
export async function readNpz<Name extends string>(
  bytes: Buffer,
  names: readonly Name[],
): Promise<ReadonlyMap<Name, NpyArray>> {
  const arrays = new Map<Name, NpyArray>();
  try {
    const zip = await fromBufferPromise(bytes);
    if (zip.entryCount > MAX_MEMBERS) throw new Error(`it has ${zip.entryCount} members`);
    for await (const entry of zip.eachEntry()) {
      const name = names.find((wanted) => entry.fileName === `${wanted}.npy`);
      if (name === undefined) continue;
      if (arrays.has(name)) throw new Error(`it has ${entry.fileName} twice`);
      arrays.set(name, parseNpy(await memberBytes(zip, entry), entry.fileName));
    }
  } catch (error) {
    if (error instanceof RegionFault) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new RegionFault("REG_UNREADABLE", `it is a damaged or cut npz file: ${why}`);
  }
  return arrays;
}

async function memberBytes(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const { fileName, uncompressedSize } = entry;
  if (uncompressedSize > MAX_MEMBER_BYTES) {
    throw new Error(`${fileName} would unpack to ${uncompressedSize} bytes`);
  }
  // The stream ends in an error where there is more or less than the entry says.
  const content: AsyncIterable<Buffer> = await zip.openReadStreamPromise(entry);
  const bytes = Buffer.concat(await Array.fromAsync(content));
  if (crc32(bytes) !== entry.crc32) throw new Error(`the CRC-32 of ${fileName} is another`);
  return bytes;
}
