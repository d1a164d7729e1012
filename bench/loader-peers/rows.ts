import type { PeerOrder, Plan } from "./contestant.ts";
import type { OurOrder } from "./ours.ts";

/** A ratio that the first contestant of a row must reach. */
export interface Demand {
  /** The name of the contestant that it is measured by. */
  readonly of: string;
  readonly atLeast: number;
  readonly measure: "rate" | "perCpuSecond";
}

/** Contestants that do the same work. Those named "ours" come first, and the first of all is judged. */
export interface Row {
  readonly key: string;
  readonly title: string;
  readonly unit: "pictures" | "pairs";
  readonly contestants: readonly Plan[];
  readonly demands: readonly Demand[];
  readonly notes: readonly string[];
}

const ANY_WORKERS = [4, 2, 1, 0]; // descending: see peer.py, where processes are forked before threads begin
const BOTH_CORES = [0, 1];

const wholePictures = { crop: false, size: 384, batch: 32 };
const crops = { crop: true, size: 224, batch: 32 };
const pairs = { crop: false, size: 384 };

type OurPart = Pick<OurOrder, "crop" | "size" | "batch" | "numTexts" | "isSeekable">;

function ours(part: OurPart, sampling: Pick<OurOrder, "kernel" | "decoding">): Plan {
  const { decoding, kernel } = sampling;
  return {
    name: `ours, ${kernel}${decoding === "scaled" ? ", decoded in part of its size" : ""}`,
    workers: [2],
    cores: BOTH_CORES,
    order: { program: "ours", ...part, ...sampling },
  };
}

function allOfOurs(part: OurPart): Plan[] {
  return [
    ours(part, { kernel: "bicubic", decoding: "exact" }),
    ours(part, { kernel: "bilinear", decoding: "exact" }),
    ours(part, { kernel: "bicubic", decoding: "scaled" }),
  ];
}

function peer(name: string, order: PeerOrder): Plan {
  const ofPeer = { program: "peer", ...order } as const;
  return { name, workers: ANY_WORKERS, cores: BOTH_CORES, order: ofPeer };
}

type PicturePart = Pick<PeerOrder, "crop" | "size" | "batch">;

function pillow(part: PicturePart, how: Pick<PeerOrder, "kernel" | "values">): Plan {
  const name = `torch + Pillow, ${how.kernel}, ${how.values}`;
  return peer(name, { kind: "folder", library: "pillow", ...how, ...part });
}

function webDataset(values: PeerOrder["values"]): Plan {
  const order = { kind: "tars", library: "pillow", kernel: "bicubic", values } as const;
  return peer(`WebDataset + Pillow, bicubic, ${values}`, { ...order, ...wholePictures });
}

function openCv(part: PicturePart, kernel: "linear" | "area" | "cubic"): Plan {
  const order = { kind: "folder", library: "opencv", values: "uint8", kernel } as const;
  return peer(`torch + OpenCV, ${kernel}, uint8`, { ...order, ...part });
}

function pairPeer(kind: "pairs-per-caption" | "pairs-per-picture", values: "float32" | "uint8") {
  const isPerCaption = kind === "pairs-per-caption";
  const name = isPerCaption ? "ViLT-style, decodes per pair" : "the same, decodes once";
  const order = { kind, library: "pillow", kernel: "bicubic", values } as const;
  return peer(`${name}, ${values}`, { ...order, ...pairs, batch: isPerCaption ? 32 : 16 });
}

function atLeast(ratio: number, of: string, measure: Demand["measure"] = "rate"): Demand {
  return { of, atLeast: ratio, measure };
}

const antialiasing =
  "Ours and Pillow's kernels average all that a result covers (antialiased); so does OpenCV's area. OpenCV's linear and cubic read 2 x 2 and 4 x 4 pixels whatever the scale: less work, and they alias.";

const wholeRow: Row = {
  key: "whole",
  title: "(a) whole picture, 384 x 384, flipped by a coin, batches of 32",
  unit: "pictures",
  contestants: [
    ...allOfOurs({ ...wholePictures, numTexts: 1 }),
    pillow(wholePictures, { kernel: "bicubic", values: "float32" }),
    pillow(wholePictures, { kernel: "bicubic", values: "uint8" }),
    pillow(wholePictures, { kernel: "bilinear", values: "uint8" }),
    webDataset("float32"),
    webDataset("uint8"),
    openCv(wholePictures, "linear"),
    openCv(wholePictures, "area"),
    openCv(wholePictures, "cubic"),
  ],
  demands: [
    atLeast(1.8, "torch + Pillow, bicubic, float32"),
    atLeast(1.8, "torch + Pillow, bicubic, uint8"),
    atLeast(1.5, "WebDataset + Pillow, bicubic, float32"),
    atLeast(1.5, "WebDataset + Pillow, bicubic, uint8"),
    atLeast(1, "torch + OpenCV, linear, uint8"),
    atLeast(1, "torch + OpenCV, area, uint8"),
    atLeast(1, "torch + OpenCV, cubic, uint8"),
    atLeast(1.5, "torch + Pillow, bicubic, float32", "perCpuSecond"),
    atLeast(1.5, "torch + Pillow, bicubic, uint8", "perCpuSecond"),
  ],
  notes: [
    antialiasing,
    "float32: ToTensor and Normalize on the processor, as training scripts have them. uint8: as ours, which a model normalizes on its device; that is not in these times.",
    "Ours also draws, tokenizes and masks a caption beside each picture, and checks the bytes that it read; the peers do neither.",
  ],
};

function croppers(): Plan[] {
  const part = { ...crops, numTexts: 1 } as const;
  const bicubic = { kernel: "bicubic", decoding: "exact" } as const;
  const bilinear = { kernel: "bilinear", decoding: "exact" } as const;
  const plain = ours(part, bicubic);
  return [
    ours({ ...part, isSeekable: true }, bicubic),
    ours({ ...part, isSeekable: true }, bilinear),
    { ...plain, name: `${plain.name}, without seek tables` },
  ];
}

const cropRow: Row = {
  key: "crop",
  title: "(b) random resized crop (8 % to 100 %, 3:4 to 4:3), 224 x 224, flipped, batches of 32",
  unit: "pictures",
  contestants: [
    ...croppers(),
    pillow(crops, { kernel: "bicubic", values: "float32" }),
    pillow(crops, { kernel: "bicubic", values: "uint8" }),
    pillow(crops, { kernel: "bilinear", values: "uint8" }),
    openCv(crops, "linear"),
    openCv(crops, "cubic"),
  ],
  demands: [
    atLeast(1.5, "torch + Pillow, bicubic, float32"),
    atLeast(1.5, "torch + Pillow, bicubic, uint8"),
    atLeast(1.5, "torch + Pillow, bilinear, uint8"),
    atLeast(1.5, "torch + OpenCV, linear, uint8"),
    atLeast(1.5, "torch + OpenCV, cubic, uint8"),
    atLeast(1.5, "torch + OpenCV, linear, uint8", "perCpuSecond"),
    atLeast(1.5, "torch + OpenCV, cubic, uint8", "perCpuSecond"),
  ],
  notes: [
    antialiasing,
    "The peers decode all of the picture and cut it then, as torchvision and OpenCV users do. They read the original files, which ours are but for their seek tables: pictures.seekTable of a recipe.",
  ],
};

const pairRow: Row = {
  key: "pairs",
  title: "(c) a picture of 384 x 384 with 2 texts that match it and 2 that do not",
  unit: "pairs",
  contestants: [
    ours({ ...pairs, batch: 16, numTexts: 4 }, { kernel: "bicubic", decoding: "exact" }),
    pairPeer("pairs-per-caption", "float32"),
    pairPeer("pairs-per-caption", "uint8"),
    pairPeer("pairs-per-picture", "float32"),
    pairPeer("pairs-per-picture", "uint8"),
  ],
  demands: [
    atLeast(3.5, "ViLT-style, decodes per pair, float32"),
    atLeast(3.5, "ViLT-style, decodes per pair, uint8"),
  ],
  notes: [
    "ViLT-style: each caption is a sample, which decodes its picture and a false one: counted as two pairs, a true and a false one. (Counted as the one pair that ViLT's matching objective takes of it, its rate would be half.)",
    "Decodes once: what that loader does not do, for comparison; nothing is demanded there.",
    "64 pairs a batch on all sides; the tokenizer of the peers is Hugging Face's (Rust), 40 tokens; the masking is numpy's, a batch at a time.",
  ],
};

function decoderAlone(count: 1 | 2): Plan {
  const order = { ...wholePictures, kernel: "bicubic", decoding: "exact", numTexts: 4 } as const;
  return {
    name: `decoder alone, threads and cores: ${count}`,
    workers: [count],
    cores: BOTH_CORES.slice(0, count),
    order: { program: "decode-loop", ...order },
  };
}

function decoderIntoBatches(): Plan {
  const alone = decoderAlone(2);
  const order = { ...alone.order, keepsBatches: true };
  return { ...alone, name: "the same, into memory for six batches", order };
}

const floorRow: Row = {
  key: "floor",
  title: "(d) the loader beside its own decoder alone: 384 x 384, 4 texts tokenized and masked",
  unit: "pictures",
  contestants: [
    ours({ ...wholePictures, numTexts: 4 }, { kernel: "bicubic", decoding: "exact" }),
    decoderAlone(2),
    decoderIntoBatches(),
  ],
  demands: [
    atLeast(0.95, "decoder alone, threads and cores: 2"),
    atLeast(0.95, "decoder alone, threads and cores: 2", "perCpuSecond"),
  ],
  notes: [
    "Alone: decodes the pictures of the loader's own set, 1,020 files, as often as the loader does and in random order, from memory, resizes and flips them, and drops them.",
    "A batch has beyond that, of each picture: its place in the epoch's order, five texts read and two of other scenes that are of no same picture, four of them tokenized and masked, its bytes read from the shard, their XXH64 (their SHA-256 the first time), its pixels in new memory of the ring, and the consumer's look at each page of them.",
    "Should the loader be the faster one, it does not decode each picture.",
  ],
};

const coreRow: Row = {
  key: "cores",
  title: "(e) one worker on one core, two on two: 384 x 384, 4 texts",
  unit: "pictures",
  contestants: [
    ...[2, 1].map((count) => ({
      ...ours({ ...wholePictures, numTexts: 4 }, { kernel: "bicubic", decoding: "exact" }),
      name: `ours, workers and cores: ${count}`,
      workers: [count],
      cores: BOTH_CORES.slice(0, count),
    })),
    decoderAlone(2),
    decoderAlone(1),
  ],
  demands: [atLeast(1.9, "ours, workers and cores: 1")],
  notes: [
    "The main thread has no core of its own in either.",
    "The decoder alone shares nothing between its threads: what two cores give it is what this machine has to give.",
  ],
};

export const rows: readonly Row[] = [wholeRow, cropRow, pairRow, floorRow, coreRow];
