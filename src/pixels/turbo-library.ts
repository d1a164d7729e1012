import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type koffi from "koffi";
import type { LibraryHandle } from "koffi";

// turbojpeg.h of libjpeg-turbo 3: what is passed by number.
export const INIT_COMPRESS = 0;
export const INIT_DECOMPRESS = 1;
export const STOP_ON_WARNING = 0;
export const QUALITY = 3;
export const SUBSAMPLING = 4;
export const JPEG_WIDTH = 5;
export const JPEG_HEIGHT = 6;
export const PRECISION = 7;
export const COLOURS = 8;
export const LOSSLESS = 15;
export const PIXEL_RGB = 0;

/** A rectangle in pixels of the scaled picture; all zeros stand for all of it. */
export interface TurboRegion {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

type DecompressOperands = readonly [unknown, Uint8Array, number, Uint8Array, number, number];

/** The functions of libjpeg-turbo that are called; a code is 0 when all went well. */
export interface TurboFunctions {
  readonly init: (what: number) => unknown;
  readonly set: (handle: unknown, parameter: number, value: number) => number;
  readonly get: (handle: unknown, parameter: number) => number;
  readonly readHeader: (handle: unknown, jpeg: Uint8Array, numBytes: number) => number;
  readonly setScale: (handle: unknown, factor: { num: number; denom: number }) => number;
  readonly setRegion: (handle: unknown, region: TurboRegion) => number;
  readonly decompress: (...operands: DecompressOperands) => number;
  /** The same in libuv's thread pool; nothing of the operands may move or be freed before it is done. */
  readonly decompressInPool: (...operands: DecompressOperands) => Promise<number>;
  readonly compress: (
    ...operands: [unknown, Uint8Array, number, number, number, number, unknown[], number[]]
  ) => number;
  readonly destroy: (handle: unknown) => void;
  readonly free: (memory: unknown) => void;
  readonly copy: (memory: unknown, numBytes: number) => Uint8Array;
  readonly errorOf: (handle: unknown) => string;
}

let known: Promise<TurboFunctions | undefined> | undefined;

/** libjpeg-turbo's own library, or undefined where it cannot be loaded: it is there on Linux. */
export function turboLibrary(): Promise<TurboFunctions | undefined> {
  known ??= loadLibrary();
  return known;
}

/** A decoder or encoder; it belongs to one picture at a time. */
export interface TurboHandle {
  readonly handle: unknown;
  /** Throws the library's own text unless the code is 0. */
  readonly require: (code: number) => void;
}

/** Opens a handle that lives as long as the stack does. */
export function openHandle(
  turbo: TurboFunctions,
  what: number,
  held: DisposableStack,
): TurboHandle {
  const handle = turbo.init(what);
  held.defer(() => turbo.destroy(handle));
  return {
    handle,
    require: (code) => {
      if (code !== 0) throw new Error(turbo.errorOf(handle));
    },
  };
}

// The package's own JavaScript asks for the coarse transform ("FASTDCT"), which is off by more than one level on
// average for pictures of high quality; so the library that it brings is called directly.
async function loadLibrary(): Promise<TurboFunctions | undefined> {
  if (process.platform !== "linux") return undefined;
  const foreign = await loadKoffi();
  if (foreign === undefined) return undefined;
  const require = createRequire(import.meta.url);
  const builds = join(dirname(require.resolve("@julusian/jpeg-turbo")), "prebuilds");
  for (const libc of ["", "-musl"]) {
    const build = `jpeg-turbo-linux-${process.arch}${libc}`;
    try {
      return functionsOf(foreign.load(join(builds, build, "libturbojpeg.so.0")), foreign);
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
  const region = foreign.struct({ x: "int", y: "int", w: "int", h: "int" });
  const factor = foreign.struct({ num: "int", denom: "int" });
  const decompress = library.func(
    "int tj3Decompress8(void *, const uint8_t *, size_t, uint8_t *, int, int)",
  );
  return {
    copy: (memory, numBytes) => Uint8Array.from(new Uint8Array(foreign.view(memory, numBytes))),
    init: library.func("void *tj3Init(int)"),
    set: library.func("int tj3Set(void *, int, int)"),
    get: library.func("int tj3Get(void *, int)"),
    readHeader: library.func("int tj3DecompressHeader(void *, const uint8_t *, size_t)"),
    setScale: library.func("tj3SetScalingFactor", "int", ["void *", factor]),
    setRegion: library.func("tj3SetCroppingRegion", "int", ["void *", region]),
    decompress,
    decompressInPool: (...operands) =>
      new Promise((resolve, reject) => {
        decompress.async(...operands, (error: unknown, code: number) => {
          if (error === null) resolve(code);
          else reject(error);
        });
      }),
    compress: library.func(
      "int tj3Compress8(void *, const uint8_t *, int, int, int, int, _Inout_ uint8_t **, _Inout_ size_t *)",
    ),
    destroy: library.func("void tj3Destroy(void *)"),
    free: library.func("void tj3Free(void *)"),
    errorOf: library.func("const char *tj3GetErrorStr(void *)"),
  };
}
