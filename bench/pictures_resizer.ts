// One process of bench/pictures.ts that does what the peers do and no more: reads, decodes, reduces and encodes.
//
//   node bench/pictures_resizer.ts <shorter side> <path>…
//
// For each line "go <times>" on stdin all paths are done that many times; prints one JSON line, as the peers do.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import { jpegCodec } from "../src/pixels/jpeg-codec.ts";
import { readJpegStructure } from "../src/ingest/decoding/jpeg-structure.ts";
import { Resampler } from "../src/pixels/resampler.ts";

const [side = "384", ...paths] = process.argv.slice(2);
const codec = await jpegCodec();
const resampler = new Resampler();

async function resize(path: string): Promise<void> {
  const bytes = await readFile(path);
  const structure = readJpegStructure(bytes);
  if (structure === undefined) throw new Error(`${path} is no JPEG`);
  const { width, height } = structure;
  const scale = Math.min(1, Number(side) / Math.min(width, height));
  const target = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const room = resampler.open(structure, target);
  await codec.decode(bytes, room.source);
  await codec.encode(room.resample(), 95);
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const times = Number(line.split(" ")[1]);
  for (let time = 0; time < times; time += 1) {
    for (const path of paths) await resize(path);
  }
  const { user, system } = process.cpuUsage();
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ peakMiB, cpuSeconds: (user + system) / 1e6 }));
}
