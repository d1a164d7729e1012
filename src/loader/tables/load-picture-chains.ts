import type { SceneHead } from "../../core/records.ts";
import type { TableSplit } from "../batching/load-scene-table.ts";
import { bytesOf, readOrCompute, tableFile } from "./table-file.ts";
import { findChains, noChains, type PictureChains } from "../pairing/picture-chains.ts";

// Raised by every change of the file below and of what names a picture.
const CHAINS_VERSION = 2;

/**
 * The groups of scenes of these splits, which are numbered in order, in shared memory. They are found once for these
 * splits, by reading all heads, and kept in the cache folder under the digests of the sets.
 */
export async function loadPictureChains(splits: readonly TableSplit[]): Promise<PictureChains> {
  let chains = noChains;
  const file = tableFile({
    version: CHAINS_VERSION,
    kind: "chains",
    splits: splits.map(({ name, setDigest }) => ({ name, setDigest })),
  });
  await readOrCompute(file, {
    read: (payload) => {
      if (payload.length % 8 !== 0) return false;
      const values = new Uint32Array(shared(payload.length));
      bytesOf(values).set(payload);
      chains = halves(values);
      return true;
    },
    compute: async () => {
      const numScenes = splits.reduce((sum, split) => sum + split.numScenes, 0);
      const { groups, scenes } = await findChains(numScenes, allHeads(splits));
      const values = new Uint32Array(shared(8 * scenes.length));
      values.set(scenes);
      values.set(groups, scenes.length);
      chains = halves(values);
      return [bytesOf(values)];
    },
  });
  return chains;
}

function shared(sizeBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(sizeBytes);
}

function halves(values: Uint32Array): PictureChains {
  const half = values.length / 2;
  return { scenes: values.subarray(0, half), groups: values.subarray(half) };
}

async function* allHeads(splits: readonly TableSplit[]): AsyncGenerator<SceneHead> {
  for (const split of splits) yield* split.heads();
}
