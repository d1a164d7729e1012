import { open } from "node:fs/promises";

const [NUM_REGIONS, NUM_FEATURES, NUM_CLASSES] = [36, 2048, 1601];
// Enough different ones that no line is like its neighbour.
const NUM_DIFFERENT = 5;

/**
 * Writes a file of bottom-up attention's form and true line size (36 regions of 2,048 features and 1,601 class
 * probabilities: 0.7 MB) for pictures 1, 2, 3, … of COCO until it has `sizeBytes`. Gives the number of pictures.
 */
export async function writeLargeTsv(path: string, sizeBytes: number): Promise<number> {
  const payloads = Array.from({ length: NUM_DIFFERENT }, (_, index) => payload(index + 1));
  await using file = await open(path, "w");
  let written = 0;
  let numPictures = 0;
  while (written < sizeBytes) {
    numPictures += 1;
    const head = Buffer.from(`${numPictures}\t640\t480\t${NUM_REGIONS}\t`);
    const line = [head, payloads[numPictures % NUM_DIFFERENT] ?? Buffer.alloc(0)];
    for (const part of line) written += (await file.write(part)).bytesWritten;
  }
  return numPictures;
}

function payload(seed: number): Buffer {
  const wave = (numValues: number, scale: number): Float32Array =>
    Float32Array.from({ length: numValues }, (_, at) => Math.abs(Math.sin(at * seed)) * scale);
  const boxes = Float32Array.from({ length: NUM_REGIONS * 4 }, (_, at) => (at % 4 < 2 ? 5 : 400));
  const features = wave(NUM_REGIONS * NUM_FEATURES, 8);
  const probabilities = wave(NUM_REGIONS * NUM_CLASSES, 1);
  const columns = [boxes, features, probabilities].map((values) =>
    Buffer.from(values.buffer).toString("base64"),
  );
  return Buffer.from(`${columns.join("\t")}\n`);
}
