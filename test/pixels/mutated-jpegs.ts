import { readFile } from "node:fs/promises";
import { RandomStream } from "../../src/core/random.ts";
import { AreaDecoder } from "../../src/pixels/area-decoder.ts";
import { bicubic } from "../../src/pixels/line-weights.ts";
import { readJpegStructure } from "../../src/ingest/decoding/jpeg-structure.ts";
import { realData, realPhotographs } from "../real-data.ts";

/** What became of damaged pictures. */
export interface MutationCounts {
  readonly refused: number;
  /** Damage that the coding cannot tell from another picture. */
  readonly decoded: number;
}

/**
 * Decodes parts of photographs with some bits flipped behind the header, or cut, on this thread and in the pool; after
 * each, a sound photograph must have the pixels that it always has.
 */
export async function decodeMutated(numMutated: number): Promise<MutationCounts> {
  const decoder = await AreaDecoder.load();
  const photographs = await soundPhotographs();
  const [sound] = photographs;
  if (sound === undefined) throw new Error("there are no photographs");
  const expected = await decoded(decoder, { ...sound, isInPool: false });
  let refused = 0;
  for (let index = 0; index < numMutated; index += 1) {
    const draws = new RandomStream(5, index);
    const picture = photographs[draws.nextInt(photographs.length)] ?? sound;
    const bytes = mutated(picture, draws);
    await decoded(decoder, { ...picture, bytes, isInPool: index % 4 === 0 }).catch(
      () => (refused += 1),
    );
    if (index % 10 !== 0) continue;
    const again = await decoded(decoder, { ...sound, isInPool: false });
    if (!again.equals(expected))
      throw new Error(`after mutation ${index}, another picture changed`);
  }
  return { refused, decoded: numMutated - refused };
}

interface Photograph {
  readonly bytes: Buffer;
  readonly width: number;
  readonly height: number;
  /** Where the first scan's data begin. */
  readonly dataStart: number;
}

async function soundPhotographs(): Promise<Photograph[]> {
  const paths = (await realPhotographs()).slice(0, 8).map((path) => realData("images/coco", path));
  return Promise.all(
    [...paths, realData("images/odd/hopper.jpg")].map(async (path) => {
      const bytes = await readFile(path);
      const structure = readJpegStructure(bytes);
      if (structure === undefined) throw new Error(`${path} is no JPEG`);
      const { width, height, segments } = structure;
      return { bytes, width, height, dataStart: segments.at(-1)?.end ?? 2 };
    }),
  );
}

function mutated({ bytes, dataStart }: Photograph, draws: RandomStream): Buffer {
  const isCut = draws.nextInt(4) === 0;
  if (isCut) return bytes.subarray(0, dataStart + draws.nextInt(bytes.length - dataStart));
  const copy = Buffer.from(bytes);
  const numFlipped = 1 + draws.nextInt(8);
  for (let flipped = 0; flipped < numFlipped; flipped += 1) {
    const at = dataStart + draws.nextInt(bytes.length - dataStart);
    copy[at] = (copy[at] ?? 0) ^ (1 << draws.nextInt(8));
  }
  return copy;
}

async function decoded(
  decoder: AreaDecoder,
  { bytes, width, height, isInPool }: Omit<Photograph, "dataStart"> & { isInPool: boolean },
): Promise<Buffer> {
  const into = Buffer.alloc(48 * 48 * 3);
  const request = {
    stored: { width, height },
    orientation: 1,
    area: { left: 3, top: 5, right: width - 7, bottom: height - 1 },
    isMirrored: false,
    shown: { width: 48, height: 48 },
    kernel: bicubic,
    decoding: bytes.length % 2 === 0 ? "scaled" : "exact",
  } as const;
  await (isInPool
    ? decoder.decodeInPool(bytes, request, into)
    : decoder.decode(bytes, request, into));
  return into;
}
