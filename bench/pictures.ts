// Pictures reduced and encoded per second, beside img2dataset's resizer and bare OpenCV in the same run:
//
//   python3 -m venv /tmp/peer && /tmp/peer/bin/pip install img2dataset opencv-python-headless
//   node bench/pictures.ts /tmp/peer/bin/python [rounds] [shorter side] [workers]
//
// All three read the real photographs that are larger than that again and again, decode them, reduce them by areas to
// the shorter side and encode them with quality 95, in as many processes as there are workers. Ours does more: it
// digests the file, the pixels and the result, checks the structure, and brings the result back to the main process.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

import { jpegCodec } from "../src/ingest/decoding/jpeg-codec.ts";
import { readJpegStructure } from "../src/ingest/decoding/jpeg-structure.ts";
import type { RgbPixels } from "../src/ingest/decoding/resampler.ts";
import { PicturePool } from "../src/ingest/pictures/picture-pool.ts";
import type { StoredPicture } from "../src/core/records.ts";
import type { PicturePolicy } from "../src/ingest/pictures/store-picture.ts";
import { exactAreaMean } from "../test/ingest/decoding/exact-area-mean.ts";
import { realData, realPhotographs } from "../test/real-data.ts";

const TIMES_PER_ROUND = 4;
const python = process.argv[2] ?? "python3";
const numRounds = Number(process.argv[3] ?? 15);
const shorterSide = Number(process.argv[4] ?? 384);
const numWorkers = Number(process.argv[5] ?? 2);

const folder = realData("images/coco");
const photographs = await largerThan(shorterSide);
const policy: PicturePolicy = { shorterSide, jpegQuality: 95, maxPixels: 50_000_000 };

async function largerThan(side: number): Promise<string[]> {
  const all = await realPhotographs();
  const sizes = await Promise.all(
    all.map(async (path) => readJpegStructure(await readFile(join(folder, path)))),
  );
  return all.filter((_, index) => {
    const { width = 0, height = 0 } = sizes[index] ?? {};
    return Math.min(width, height) > side;
  });
}

interface Contestant extends AsyncDisposable {
  readonly name: string;
  /** Seconds for all photographs, that many times. */
  readonly run: (times: number) => Promise<number>;
  readonly peakMiB: () => Promise<number>;
  readonly results: () => Promise<ReadonlyMap<string, Uint8Array>>;
}

function ours(name: string, rules: PicturePolicy): Contestant {
  const pool = new PicturePool({ sourceFolder: folder, policy: rules, numWorkers });
  const store = (path: string): Promise<StoredPicture> => {
    const key = "coco:1" as const;
    const reference = { key, path, url: null, flickrPhotoId: null, license: null, linkedKeys: [] };
    return pool.store(reference);
  };
  return {
    name,
    run: async (times) => {
      const paths = Array.from({ length: times }, () => photographs).flat();
      const startMs = performance.now();
      const lane = async (): Promise<void> => {
        for (let path = paths.pop(); path !== undefined; path = paths.pop()) await store(path);
      };
      await Promise.all(Array.from({ length: pool.capacity * 2 }, lane));
      return (performance.now() - startMs) / 1000;
    },
    peakMiB: peakOfFamily,
    results: async () => {
      const pictures = await Promise.all(photographs.map(store));
      for (const { path, notes } of pictures) if (notes.length > 0) converted.add(path);
      return new Map(pictures.map(({ path, bytes }) => [basename(path), bytes]));
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** Peak resident memory of this process and of its decoders, pages they share counted in each. */
async function peakOfFamily(): Promise<number> {
  const children = await readFile(`/proc/self/task/${process.pid}/children`, "latin1");
  const processes = ["self", ...children.trim().split(" ")].filter(
    (pid) => !peers.has(Number(pid)),
  );
  const peaks = await Promise.all(
    processes.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, "latin1");
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
    }),
  );
  return peaks.reduce((sum, peak) => sum + peak, 0);
}

const peers = new Set<number | undefined>();
/** Photographs that are not in sRGB: the peers leave their colours as they are, so their pixels are not compared. */
const converted = new Set<string>();

async function peer(name: string): Promise<Contestant> {
  const script = join(import.meta.dirname, "pictures_peer.py");
  const list = join(scratch, "photographs.txt");
  await writeFile(list, photographs.map((path) => join(folder, path)).join("\n"));
  const operands = [script, name, list, String(shorterSide), String(numWorkers)];
  const child = spawn(python, operands, { stdio: ["pipe", "pipe", "inherit"] });
  peers.add(child.pid);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await nextLine(lines, child);
  let peakMiB = 0;
  const ask = async (command: string): Promise<string> => {
    child.stdin.write(`${command}\n`);
    return nextLine(lines, child);
  };
  return {
    name,
    run: async (times) => {
      const answer: { seconds: number; peakMiB: number } = JSON.parse(await ask(`go ${times}`));
      ({ peakMiB } = answer);
      return answer.seconds;
    },
    peakMiB: () => Promise.resolve(peakMiB),
    results: async () => {
      const to = join(scratch, name);
      await mkdir(to);
      await ask(`dump ${to}`);
      const names = await readdir(to);
      return new Map(
        await Promise.all(
          names.map(async (file) => [file, await readFile(join(to, file))] as const),
        ),
      );
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await new Promise((resolve) => child.on("close", resolve));
    },
  };
}

async function nextLine(lines: AsyncIterator<string>, child: ChildProcess): Promise<string> {
  const line = await lines.next();
  if (line.done === true) throw new Error(`the peer ended: ${child.spawnargs.join(" ")}`);
  return line.value;
}

async function pixelsOf(jpeg: Uint8Array): Promise<RgbPixels> {
  const structure = readJpegStructure(jpeg);
  if (structure === undefined) throw new Error("no JPEG");
  const { width, height } = structure;
  const pixels = { width, height, data: new Uint8Array(width * height * 3) };
  const codec = await jpegCodec();
  await codec.decode(jpeg, pixels);
  return pixels;
}

/** Mean difference and signal-to-noise ratio to the photographs reduced in floating point, unencoded. */
async function quality(results: ReadonlyMap<string, Uint8Array>): Promise<string> {
  let sumOfDifferences = 0;
  let sumOfSquares = 0;
  let numValues = 0;
  let numBytes = 0;
  for (const path of photographs.filter((photograph) => !converted.has(photograph))) {
    const encoded = results.get(basename(path));
    if (encoded === undefined) throw new Error(`${path} is not among the results`);
    const result = await pixelsOf(encoded);
    const exact = exactAreaMean(await pixelsOf(await readFile(join(folder, path))), result);
    for (const [index, value] of result.data.entries()) {
      const difference = Math.abs(value - (exact[index] ?? 0));
      sumOfDifferences += difference;
      sumOfSquares += difference ** 2;
    }
    numValues += result.data.length;
    numBytes += encoded.length;
  }
  const psnr = 10 * Math.log10(255 ** 2 / (sumOfSquares / numValues));
  const mean = sumOfDifferences / numValues;
  return `${psnr.toFixed(2).padStart(8)}  ${mean.toFixed(3).padStart(9)}  ${numBytes}`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const scratch = await mkdtemp(join(tmpdir(), "crossweave-bench-"));
try {
  await using contestants = new AsyncDisposableStack();
  const all = [
    contestants.use(ours("crossweave", policy)),
    contestants.use(await peer("img2dataset")),
    contestants.use(await peer("opencv")),
  ];
  for (const contestant of all) await contestant.run(1);
  const rates = new Map(all.map(({ name }) => [name, new Array<number>()]));
  for (let round = 0; round < numRounds; round += 1) {
    for (const { name, run } of all) {
      rates.get(name)?.push((photographs.length * TIMES_PER_ROUND) / (await run(TIMES_PER_ROUND)));
    }
  }
  console.log(
    `${photographs.length} photographs x ${TIMES_PER_ROUND} x ${numRounds} rounds in turn, to ${shorterSide} px, JPEG 95, ${numWorkers} processes each`,
  );
  console.log("               pictures/s (median)   peak MiB   PSNR dB  mean diff  bytes");
  for (const contestant of all) {
    const rate = median(rates.get(contestant.name) ?? []).toFixed(0);
    const peak = (await contestant.peakMiB()).toFixed(0);
    const row = `${contestant.name.padEnd(14)} ${rate.padStart(10)} ${peak.padStart(21)}  `;
    console.log(row + (await quality(await contestant.results())));
  }
  const [own = []] = rates.values();
  for (const name of ["img2dataset", "opencv"]) {
    const ratios = own.map((rate, round) => rate / (rates.get(name)?.[round] ?? Number.NaN));
    console.log(
      `crossweave / ${name}: ${median(ratios).toFixed(2)} (median of the rounds' ratios)`,
    );
  }
  await using hashing = ours("kept", { ...policy, shorterSide: 10_000 });
  await hashing.run(1);
  const seconds = await hashing.run(TIMES_PER_ROUND);
  const rate = (photographs.length * TIMES_PER_ROUND) / seconds;
  console.log(`kept byte for byte, decoded for the pixel digest: ${rate.toFixed(0)} pictures/s`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
