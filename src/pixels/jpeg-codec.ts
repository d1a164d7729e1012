import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type koffi from "koffi";
import type { LibraryHandle } from "koffi";
import { loadSharp } from "./load-sharp.ts";
import type { RgbPixels } from "./resampler.ts";

/**
 * Decodes and encodes JPEGs of 8 bits in grey or three components, always with the accurate integer
 * transform ("ISLOW") and smooth upsampling of the colour planes, as nearly all decoders do. Both
 * implementations give the same pixels and the same bytes; they differ in speed alone.
 */
export interface JpegCodec {
  readonly name: string;
  /** Fills `into`, whose size is the picture's. Rejects whatever the decoder so much as warns of. */
  decode(bytes: Uint8Array, into: RgbPixels): Promise<void>;
  /** A baseline JFIF file with standard Huffman tables; the colour planes have half the width and height. */
  encode(pixels: RgbPixels, quality: number): Promise<Uint8Array>;
}

// turbojpeg.h of libjpeg-turbo 3: what is passed by number.
const INIT_COMPRESS = 0;
const INIT_DECOMPRESS = 1;
const STOP_ON_WARNING = 0;
const QUALITY = 3;
const SUBSAMPLING = 4;
const JPEG_WIDTH = 5;
const JPEG_HEIGHT = 6;
const HALF_WIDTH_AND_HEIGHT = 2;
const PIXEL_RGB = 0;

/** The functions of libjpeg-turbo that are called; each gives 0 when all went well. */
interface TurboFunctions {
  readonly init: (what: number) => unknown;
  readonly set: (handle: unknown, parameter: number, value: number) => number;
  readonly get: (handle: unknown, parameter: number) => number;
  readonly readHeader: (handle: unknown, jpeg: Uint8Array, numBytes: number) => number;
  readonly decompress: (
    ...operands: [unknown, Uint8Array, number, Uint8Array, number, number]
  ) => number;
  readonly compress: (
    ...operands: [unknown, Uint8Array, number, number, number, number, unknown[], number[]]
  ) => number;
  readonly destroy: (handle: unknown) => void;
  readonly free: (memory: unknown) => void;
  readonly copy: (memory: unknown, numBytes: number) => Uint8Array;
  readonly errorOf: (handle: unknown) => string;
}

let known: Promise<JpegCodec> | undefined;

/** libjpeg-turbo where its library is at hand, which is on Linux; else sharp, which is a fourth as fast. */
export function jpegCodec(): Promise<JpegCodec> {
  known ??= turboCodec().then((turbo) => turbo ?? sharpCodec());
  return known;
}

/** libjpeg-turbo's own library, or undefined where it cannot be loaded. */
export async function turboCodec(): Promise<JpegCodec | undefined> {
  const loaded = await loadLibrary();
  if (loaded === undefined) return undefined;
  const turbo = functionsOf(loaded.library, loaded.foreign);
  return {
    name: "libjpeg-turbo",
    decode: (bytes, into) => Promise.try(() => decompress(turbo, bytes, into)),
    encode: (pixels, quality) => Promise.try(() => compress(turbo, pixels, quality)),
  };
}

function decompress(turbo: TurboFunctions, bytes: Uint8Array, into: RgbPixels): void {
  using held = new DisposableStack();
  const decoder = openHandle(turbo, INIT_DECOMPRESS, held);
  decoder.require(turbo.set(decoder.handle, STOP_ON_WARNING, 1));
  decoder.require(turbo.readHeader(decoder.handle, bytes, bytes.length));
  const width = turbo.get(decoder.handle, JPEG_WIDTH);
  requireSize(into, width, turbo.get(decoder.handle, JPEG_HEIGHT));
  const operands = [decoder.handle, bytes, bytes.length, into.data, 0, PIXEL_RGB] as const;
  decoder.require(turbo.decompress(...operands));
}

function compress(turbo: TurboFunctions, pixels: RgbPixels, quality: number): Uint8Array {
  using held = new DisposableStack();
  const encoder = openHandle(turbo, INIT_COMPRESS, held);
  encoder.require(turbo.set(encoder.handle, SUBSAMPLING, HALF_WIDTH_AND_HEIGHT));
  encoder.require(turbo.set(encoder.handle, QUALITY, quality));
  const { data, width, height } = pixels;
  const memory: unknown[] = [null];
  const length = [0];
  const operands = [encoder.handle, data, width, 0, height, PIXEL_RGB, memory, length] as const;
  const code = turbo.compress(...operands);
  held.defer(() => turbo.free(memory[0]));
  encoder.require(code);
  return turbo.copy(memory[0], Number(length[0]));
}

interface TurboHandle {
  readonly handle: unknown;
  /** Throws the library's own text unless the code is 0. */
  readonly require: (code: number) => void;
}

// Every picture has its own: after a fault, the library goes on with the rest of a broken picture in the next.
function openHandle(turbo: TurboFunctions, what: number, held: DisposableStack): TurboHandle {
  const handle = turbo.init(what);
  held.defer(() => turbo.destroy(handle));
  return {
    handle,
    require: (code) => {
      if (code !== 0) throw new Error(turbo.errorOf(handle));
    },
  };
}

interface LoadedLibrary {
  readonly foreign: typeof koffi;
  readonly library: LibraryHandle;
}

// The package's own JavaScript asks for the coarse transform ("FASTDCT"), which is off by more than one level on
// average for pictures of high quality; so the library that it brings is called directly.
async function loadLibrary(): Promise<LoadedLibrary | undefined> {
  if (process.platform !== "linux") return undefined;
  const foreign = await loadKoffi();
  if (foreign === undefined) return undefined;
  const require = createRequire(import.meta.url);
  const builds = join(dirname(require.resolve("@julusian/jpeg-turbo")), "prebuilds");
  for (const libc of ["", "-musl"]) {
    const build = `jpeg-turbo-linux-${process.arch}${libc}`;
    try {
      return { foreign, library: foreign.load(join(builds, build, "libturbojpeg.so.0")) };
    } catch {
      continue; // made for another processor or C library
    }
  }
  return undefined;
}

async function loadKoffi(): Promise<typeof koffi | undefined> {
  try {
    return (await import("koffi")).default;
  } catch {
    return undefined; // there is none for this processor
  }
}

function functionsOf(library: LibraryHandle, foreign: typeof koffi): TurboFunctions {
  return {
    copy: (memory, numBytes) => Uint8Array.from(new Uint8Array(foreign.view(memory, numBytes))),
    init: library.func("void *tj3Init(int)"),
    set: library.func("int tj3Set(void *, int, int)"),
    get: library.func("int tj3Get(void *, int)"),
    readHeader: library.func("int tj3DecompressHeader(void *, const uint8_t *, size_t)"),
    decompress: library.func(
      "int tj3Decompress8(void *, const uint8_t *, size_t, uint8_t *, int, int)",
    ),
    compress: library.func(
      "int tj3Compress8(void *, const uint8_t *, int, int, int, int, _Inout_ uint8_t **, _Inout_ size_t *)",
    ),
    destroy: library.func("void tj3Destroy(void *)"),
    free: library.func("void tj3Free(void *)"),
    errorOf: library.func("const char *tj3GetErrorStr(void *)"),
  };
}

function requireSize(expected: RgbPixels, width: number, height: number): void {
  if (expected.width === width && expected.height === height) return;
  const { width: w, height: h } = expected;
  throw new Error(`the picture is ${width} x ${height}, its first frame header said ${w} x ${h}`);
}

/** The same with sharp. */
export async function sharpCodec(): Promise<JpegCodec> {
  const sharp = await loadSharp();
  return {
    name: "sharp",
    decode: async (bytes, into) => {
      const strict = { failOn: "warning", ignoreIcc: true, limitInputPixels: false } as const;
      const { data, info } = await sharp(bytes, strict)
        .toColourspace("srgb")
        .raw()
        .toBuffer({ resolveWithObject: true });
      requireSize(into, info.width, info.height);
      into.data.set(data);
    },
    encode: async ({ data, width, height }, quality) => {
      const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
        .jpeg({ quality, chromaSubsampling: "4:2:0", optimiseCoding: false })
        .toBuffer();
      return Buffer.concat([jpeg.subarray(0, 2), JFIF, jpeg.subarray(2)]);
    },
  };
}

// The segment that libjpeg begins a file with and libvips leaves out: JFIF 1.1, square pixels.
const JFIF: Uint8Array = Buffer.from("\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0", "latin1");
