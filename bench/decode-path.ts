// What a loader's thread does with a picture, on one core, beside libjpeg-turbo's decoding alone and sharp's pipeline:
//
//   taskset -c 0 node bench/decode-path.ts [rounds]
//
// Each round takes all 51 COCO photographs of the real data through every row, one row after the other; a row's ratio is
// the median over the rounds of its speed by the round's decoding alone. Speeds are pictures per second of CPU time, of
// all threads together, so that other work on the machine disturbs them little. Large photographs are made here: 16 of the
// photographs beside each other, each of 640 x 480.
import { readFile } from "node:fs/promises";

import sharp from "sharp";

import { RandomStream } from "../src/core/random.ts";
import { readJpegStructure } from "../src/ingest/decoding/jpeg-structure.ts";
import { AreaDecoder, type AreaRequest } from "../src/pixels/area-decoder.ts";
import { JpegDecoder, readyForParts } from "../src/pixels/jpeg-decoder.ts";
import type { Area } from "../src/pixels/jpeg-part.ts";
import { bicubic, bilinear } from "../src/pixels/line-weights.ts";
import { type PictureSize, Resampler, type RgbPixels } from "../src/pixels/resampler.ts";
import { withSeekTable } from "../src/pixels/seeking/add-seek-table.ts";
import { WeightCache } from "../src/pixels/weight-cache.ts";
import { realData, realPhotographs } from "../test/real-data.ts";
import { median } from "./shard-reading/measures.ts";

sharp.concurrency(1);
sharp.cache(false);

interface Photograph extends PictureSize {
  readonly bytes: Buffer;
  readonly crops: readonly Area[];
}

interface Row {
  readonly name: string;
  readonly of: readonly Photograph[];
  readonly run: (photograph: Photograph, round: number) => unknown;
}

const numRounds = Number(process.argv[2] ?? 9);
const photographs = await Promise.all(
  (await realPhotographs()).map(async (path, index) =>
    measured(await readFile(realData("images/coco", path)), index),
  ),
);
const seekable = photographs.map(withTable);
const large = await Promise.all([0, 1, 2].map((part) => mosaic(photographs.slice(part * 16))));

function withTable(photograph: Photograph): Photograph {
  return { ...photograph, bytes: Buffer.from(withSeekTable(photograph.bytes) ?? photograph.bytes) };
}

function measured(bytes: Buffer, index: number): Photograph {
  const structure = readJpegStructure(bytes);
  if (structure === undefined) throw new Error(`photograph ${index} is no JPEG`);
  const { width, height } = structure;
  const crops = Array.from({ length: 32 }, (_, draw) =>
    randomArea({ width, height }, new RandomStream(index, draw)),
  );
  return { bytes, width, height, crops };
}

/** As torchvision's RandomResizedCrop draws it: 0.08 to 1 of the area, 3 : 4 to 4 : 3. */
function randomArea({ width, height }: PictureSize, draws: RandomStream): Area {
  for (;;) {
    const area = width * height * (0.08 + 0.92 * draws.nextFloat());
    const ratio = Math.exp((2 * draws.nextFloat() - 1) * Math.log(4 / 3));
    const wide = Math.round(Math.sqrt(area * ratio));
    const high = Math.round(Math.sqrt(area / ratio));
    if (wide > width || high > height) continue;
    const left = draws.nextInt(width - wide + 1);
    const top = draws.nextInt(height - high + 1);
    return { left, top, right: left + wide, bottom: top + high };
  }
}

/** Sixteen photographs in one of 2560 x 1920. */
async function mosaic(parts: readonly Photograph[]): Promise<Photograph> {
  const tiles = await Promise.all(
    parts
      .slice(0, 16)
      .map(({ bytes }) => sharp(bytes).resize(640, 480, { fit: "fill" }).toBuffer()),
  );
  const layers = tiles.map((input, at) => ({
    input,
    left: (at % 4) * 640,
    top: Math.floor(at / 4) * 480,
  }));
  const create = { width: 2560, height: 1920, channels: 3, background: "#000" } as const;
  return measured(await sharp({ create }).composite(layers).jpeg({ quality: 92 }).toBuffer(), 0);
}

const [jpegs, areas] = [await JpegDecoder.load(), await AreaDecoder.load()];
await readyForParts();
const rooms = new Resampler();
const into = new Uint8Array(384 * 384 * 3);

function decodeAlone({ bytes, width, height }: Photograph): void {
  using jpeg = jpegs?.open(bytes);
  const area = { left: 0, top: 0, right: width, bottom: height };
  const part = { reduction: 1, region: { x: 0, y: 0, width, height }, isWhole: true, area };
  jpeg?.decode(part, rooms.openFor({ width, height }, undefined).source.data);
}

function decodeTo(
  side: number,
  how: Partial<AreaRequest>,
  areaOf: (photograph: Photograph, round: number) => Area | null = () => null,
): Row["run"] {
  const shown = { width: side, height: side };
  const rest = { orientation: 1, isMirrored: false, shown, kernel: bicubic, ...how };
  return (photograph, round) => {
    const { bytes, width, height } = photograph;
    const area = areaOf(photograph, round);
    const request = { decoding: "scaled", ...rest, stored: { width, height }, area } as const;
    return areas.decode(bytes, request, into);
  };
}

function sharpTo(side: number): Row["run"] {
  return ({ bytes }) =>
    sharp(bytes, { failOn: "truncated" })
      .autoOrient()
      .resize(side, side, { fit: "fill", kernel: "cubic" })
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .raw()
      .toBuffer();
}

const crop = ({ crops }: Photograph, round: number): Area | null => crops[round % 32] ?? null;
const decoding = "exact";
const rows: readonly Row[] = [
  { name: "libjpeg-turbo's decoding alone", of: photographs, run: decodeAlone },
  { name: "384 x 384 bilinear", of: photographs, run: decodeTo(384, { kernel: bilinear }) },
  { name: "384 x 384 bicubic", of: photographs, run: decodeTo(384, {}) },
  {
    name: "384 x 384 bicubic, mirrored",
    of: photographs,
    run: decodeTo(384, { isMirrored: true }),
  },
  {
    name: "random crop to 224 bilinear",
    of: photographs,
    run: decodeTo(224, { kernel: bilinear }, crop),
  },
  { name: "random crop to 224 bicubic", of: photographs, run: decodeTo(224, {}, crop) },
  { name: "the same with seek tables", of: seekable, run: decodeTo(224, {}, crop) },
  { name: "sharp's pipeline, 384 x 384 cubic", of: photographs, run: sharpTo(384) },
];
const largeRows: readonly Row[] = [
  { name: "decoding alone, 2560 x 1920", of: large, run: decodeAlone },
  { name: "384 x 384 bicubic, exact", of: large, run: decodeTo(384, { decoding }) },
  { name: "384 x 384 bicubic, scaled", of: large, run: decodeTo(384, {}) },
  { name: "random crop to 224, exact", of: large, run: decodeTo(224, { decoding }, crop) },
  { name: "random crop to 224, scaled", of: large, run: decodeTo(224, {}, crop) },
  {
    name: "the same with seek tables",
    of: large.map(withTable),
    run: decodeTo(224, {}, crop),
  },
];

/** Of all threads of this process, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Pictures per second of CPU time. */
async function speedOf({ of, run }: Row, round: number): Promise<number> {
  const startMs = cpuMs();
  for (const photograph of of) await run(photograph, round);
  return (of.length * 1000) / (cpuMs() - startMs);
}

/** Prints the median speed of each row, and its ratio to the first. */
async function compare(all: readonly Row[]): Promise<void> {
  for (const row of all) await speedOf(row, 0);
  const rounds: number[][] = [];
  for (let round = 0; round < numRounds; round += 1) {
    const speeds: number[] = [];
    for (const row of all) speeds.push(await speedOf(row, round));
    rounds.push(speeds);
  }
  for (const [at, { name }] of all.entries()) {
    const speed = median(rounds.map((speeds) => speeds[at] ?? Number.NaN));
    const ratio = median(rounds.map((speeds) => (speeds[at] ?? 0) / (speeds[0] ?? 0)));
    console.log(`${name.padEnd(36)}${speed.toFixed(0).padStart(6)} /s   x ${ratio.toFixed(2)}`);
  }
}

/** The time of the resampling alone, in milliseconds a picture. */
function resamplingMs(kernel: typeof bicubic): number {
  const weights = new WeightCache();
  const target = { width: 384, height: 384 };
  const times = Array.from({ length: 3 * numRounds }, () => {
    const startMs = cpuMs();
    for (const { width, height } of photographs) {
      const area = { left: 0, top: 0, right: width, bottom: height };
      const showing = { area, target, kernel, mirrorsColumns: false, mirrorsRows: false };
      resampled({ width, height }, weights.resampling(showing));
    }
    return (cpuMs() - startMs) / photographs.length;
  });
  return median(times);
}

function resampled(
  size: PictureSize,
  resampling: ReturnType<WeightCache["resampling"]>,
): RgbPixels {
  return rooms.openFor(size, resampling).resample();
}

console.log(
  `${photographs.length} photographs, ${numRounds} rounds, median; Node ${process.version}`,
);
await compare(rows);
for (const kernel of [bilinear, bicubic]) {
  console.log(`resampling to 384 alone, ${kernel.name}: ${resamplingMs(kernel).toFixed(2)} ms`);
}
await compare(largeRows);
