// Pictures reduced and encoded per second, beside img2dataset's resizer and bare OpenCV in the same run:
//
//   python3 -m venv /tmp/peer && /tmp/peer/bin/pip install img2dataset opencv-python-headless
//   node bench/pictures.ts /tmp/peer/bin/python [rounds] [shorter side] [workers]
//
// All read the real photographs in sRGB that are larger than that again and again, decode them, reduce them by areas to
// the shorter side and encode them with quality 95, in as many processes as there are workers. "resizer" does just that
// with our parts. "crossweave" is the whole of what `prepare` does: it also digests the file, the pixels and the result,
// checks the structure, and brings the result back to the main process. (Photographs with another profile than sRGB's
// are left out: the peers take their colours for sRGB, so theirs is another result.) On a machine that does
// something else as well, compare the CPU time.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

import { jpegCodec } from "../src/pixels/jpeg-codec.ts";
import { openPicture } from "../src/ingest/decoding/open-picture.ts";
import { readJpegStructure } from "../src/ingest/decoding/jpeg-structure.ts";
import type { RgbPixels } from "../src/pixels/resampler.ts";
import { PicturePool } from "../src/ingest/pictures/picture-pool.ts";
import type { StoredPicture } from "../src/core/records.ts";
import type { PicturePolicy } from "../src/ingest/pictures/store-picture.ts";
import { exactAreaMean } from "../test/pixels/exact-area-mean.ts";
import { realData, realPhotographs } from "../test/real-data.ts";
import { median } from "./shard-reading/measures.ts";

const TIMES_PER_ROUND = 4;
const TICKS_PER_SECOND = 100;
const python = process.argv[2] ?? "python3";
const numRounds = Number(process.argv[3] ?? 15);
const shorterSide = Number(process.argv[4] ?? 384);
const numWorkers = Number(process.argv[5] ?? 2);

const folder = realData("images/coco");
const policy: PicturePolicy = { shorterSide, jpegQuality: 95, maxPixels: 50_000_000 };
const photographs = await srgbLargerThan(shorterSide);

async function srgbLargerThan(side: number): Promise<string[]> {
  const all = await realPhotographs();
  const opened = await Promise.all(
    all.map(async (path) => {
      const bytes = await readFile(join(folder, path));
      return openPicture({ bytes, format: "jpeg", maxPixels: policy.maxPixels });
    }),
  );
  return all.filter((_, index) => {
    const { size, notes } = opened[index] ?? {};
    return size !== undefined && Math.min(size.width, size.height) > side && notes?.length === 0;
  });
}

interface Usage {
  readonly peakMiB: number;
  readonly cpuSeconds: number;
}

interface Contestant extends AsyncDisposable {
  readonly name: string;
  /** Seconds for all photographs, that many times. */
  readonly run: (times: number) => Promise<number>;
  /** Of all its processes, since they began. */
  readonly usage: () => Promise<Usage>;
  readonly results?: () => Promise<ReadonlyMap<string, Uint8Array>>;
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
    usage: usageOfFamily,
    results: async () => {
      const pictures = await Promise.all(photographs.map(store));
      return new Map(pictures.map(({ path, bytes }) => [basename(path), bytes]));
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** Peak resident memory of this process and of its decoders, pages they share counted in each; and their CPU time. */
async function usageOfFamily(): Promise<Usage> {
  const children = await readFile(`/proc/self/task/${process.pid}/children`, "latin1");
  const processes = ["self", ...children.trim().split(" ")].filter(
    (pid) => !peers.has(Number(pid)),
  );
  const usages = await Promise.all(
    processes.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, "latin1");
      // The fields after the name in parentheses: user and system time are the 12th and 13th.
      const [, fields = ""] = (await readFile(`/proc/${pid}/stat`, "latin1")).split(") ");
      const [user, system] = fields.split(" ").slice(11, 13);
      return {
        peakMiB: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024,
        cpuSeconds: (Number(user) + Number(system)) / TICKS_PER_SECOND,
      };
    }),
  );
  return sumOf(usages);
}

const peers = new Set<number | undefined>();

/** Our parts in processes of their own, as the peers have them. */
async function resizer(): Promise<Contestant> {
  const script = join(import.meta.dirname, "pictures_resizer.ts");
  const children = Array.from({ length: numWorkers }, (_, worker) => {
    const slice = photographs.filter((_path, index) => index % numWorkers === worker);
    const operands = [script, String(shorterSide), ...slice.map((path) => join(folder, path))];
    const child = spawn(process.execPath, operands, { stdio: ["pipe", "pipe", "inherit"] });
    peers.add(child.pid);
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  await Promise.all(children.map(({ child, lines }) => nextLine(lines, child)));
  let usages: readonly Usage[] = [];
  return {
    name: "resizer",
    run: async (times) => {
      const startMs = performance.now();
      for (const { child } of children) child.stdin.write(`go ${times}\n`);
      const answers = await Promise.all(children.map(({ child, lines }) => nextLine(lines, child)));
      usages = answers.map((answer) => JSON.parse(answer));
      return (performance.now() - startMs) / 1000;
    },
    usage: () => Promise.resolve(sumOf(usages)),
    [Symbol.asyncDispose]: async () => {
      for (const { child } of children) child.stdin.end();
      await Promise.all(children.map(({ child }) => once(child, "close")));
    },
  };
}

function sumOf(usages: readonly Usage[]): Usage {
  return {
    peakMiB: usages.reduce((sum, { peakMiB }) => sum + peakMiB, 0),
    cpuSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
  };
}

async function peer(name: string): Promise<Contestant> {
  const script = join(import.meta.dirname, "pictures_peer.py");
  const list = join(scratch, "photographs.txt");
  await writeFile(list, photographs.map((path) => join(folder, path)).join("\n"));
  const operands = [script, name, list, String(shorterSide), String(numWorkers)];
  const child = spawn(python, operands, { stdio: ["pipe", "pipe", "inherit"] });
  peers.add(child.pid);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await nextLine(lines, child);
  let usage: Usage = { peakMiB: 0, cpuSeconds: 0 };
  const ask = async (command: string): Promise<string> => {
    child.stdin.write(`${command}\n`);
    return nextLine(lines, child);
  };
  return {
    name,
    run: async (times) => {
      const answer: Usage & { seconds: number } = JSON.parse(await ask(`go ${times}`));
      usage = answer;
      return answer.seconds;
    },
    usage: () => Promise.resolve(usage),
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
  for (const path of photographs) {
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

const scratch = await mkdtemp(join(tmpdir(), "crossweave-bench-"));
try {
  await using contestants = new AsyncDisposableStack();
  const all = [
    contestants.use(ours("crossweave", policy)),
    contestants.use(await resizer()),
    contestants.use(await peer("img2dataset")),
    contestants.use(await peer("opencv")),
  ];
  for (const contestant of all) await contestant.run(1);
  const before = new Map<string, number>();
  for (const { name, usage } of all) before.set(name, (await usage()).cpuSeconds);
  const rates = new Map(all.map(({ name }) => [name, new Array<number>()]));
  for (let round = 0; round < numRounds; round += 1) {
    for (const { name, run } of all) {
      rates.get(name)?.push((photographs.length * TIMES_PER_ROUND) / (await run(TIMES_PER_ROUND)));
    }
  }
  console.log(
    `${photographs.length} photographs x ${TIMES_PER_ROUND} x ${numRounds} rounds in turn, to ${shorterSide} px, JPEG 95, ${numWorkers} processes each`,
  );
  console.log(
    "               pictures/s (median)  CPU ms each   peak MiB   PSNR dB  mean diff  bytes",
  );
  for (const contestant of all) {
    const rate = median(rates.get(contestant.name) ?? []).toFixed(0);
    const { peakMiB, cpuSeconds } = await contestant.usage();
    const numPictures = photographs.length * TIMES_PER_ROUND * numRounds;
    const cpu = ((cpuSeconds - (before.get(contestant.name) ?? 0)) * 1000) / numPictures;
    const numbers = `${rate.padStart(10)} ${cpu.toFixed(2).padStart(20)} ${peakMiB.toFixed(0).padStart(10)}  `;
    const row = `${contestant.name.padEnd(14)} ${numbers}`;
    const results = await contestant.results?.();
    console.log(results === undefined ? row : row + (await quality(results)));
  }
  for (const own of ["crossweave", "resizer"]) {
    for (const name of ["img2dataset", "opencv"]) {
      const other = rates.get(name) ?? [];
      const ratios =
        rates.get(own)?.map((rate, round) => rate / (other[round] ?? Number.NaN)) ?? [];
      console.log(`${own} / ${name}: ${median(ratios).toFixed(2)} (median of the rounds' ratios)`);
    }
  }
  await using hashing = ours("kept", { ...policy, shorterSide: 10_000 });
  await hashing.run(1);
  const seconds = await hashing.run(TIMES_PER_ROUND);
  const rate = (photographs.length * TIMES_PER_ROUND) / seconds;
  console.log(`kept byte for byte, decoded for the pixel digest: ${rate.toFixed(0)} pictures/s`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
