import { strict as assert } from "node:assert";

import type { JpegFrame, JpegPart } from "./jpeg-part.ts";
import type { cutJpeg, CutJpeg, Room } from "./seeking/jpeg-cut.ts";
import {
  COLOURS,
  INIT_DECOMPRESS,
  JPEG_HEIGHT,
  JPEG_WIDTH,
  LOSSLESS,
  PIXEL_RGB,
  PRECISION,
  STOP_ON_WARNING,
  SUBSAMPLING,
  type TurboFunctions,
  turboLibrary,
  type TurboRegion,
} from "./turbo-library.ts";

/** A JPEG whose header has been read. */
export interface OpenedJpeg extends Disposable {
  readonly frame: JpegFrame;
  /** Fills `into`, [region.height, region.width, 3]. Throws the library's text for what it so much as warns of. */
  readonly decode: (part: JpegPart, into: Uint8Array) => void;
  /** The same in libuv's thread pool; `into` must not lie in memory that may grow. */
  readonly decodeInPool: (part: JpegPart, into: Uint8Array) => Promise<void>;
}

/** Of turbojpeg.h: pixels that are decoded together, by the way that the colour planes are reduced. */
const BLOCK_WIDTHS = [8, 16, 16, 8, 8, 32, 8] as const;
/** Of turbojpeg.h: red, green and blue; luma and two colour differences; grey. */
const COMMON_COLOURS: ReadonlySet<number> = new Set([0, 1, 2]);
const ALL: TurboRegion = { x: 0, y: 0, w: 0, h: 0 };

let cut: typeof cutJpeg | undefined;

/** To be waited for before a part of a picture is decoded; what cuts it out is loaded only where parts are. */
export async function readyForParts(): Promise<void> {
  cut ??= (await import("./seeking/jpeg-cut.ts")).cutJpeg;
}

function cutOut(jpeg: Uint8Array, part: JpegPart, room: Room): CutJpeg {
  if (part.isWhole) return { bytes: jpeg, part };
  assert(cut !== undefined, "parts are decoded after readyForParts()");
  return cut(jpeg, part, room) ?? { bytes: jpeg, part };
}

interface IdleHandle {
  readonly handle: unknown;
  /** Whether it decodes all of a picture in its full size, as it does until it is told otherwise. */
  readonly isPlain: boolean;
}

/** Decodes parts of JPEGs with libjpeg-turbo, with the accurate transform and smooth upsampling. */
export class JpegDecoder {
  readonly #turbo: TurboFunctions;
  /** Handles that no picture has, none of which has met a fault: after one, they go on with the rest of that picture. */
  readonly #idle: IdleHandle[] = [];
  /** For what is cut out of a picture and decoded at once. */
  #room = new Uint8Array();

  private constructor(turbo: TurboFunctions) {
    this.#turbo = turbo;
  }

  /** Undefined where the library cannot be loaded. */
  static async load(): Promise<JpegDecoder | undefined> {
    const turbo = await turboLibrary();
    return turbo && new JpegDecoder(turbo);
  }

  /** Undefined for colours and depths that are left to other decoders: all but 8 bits of grey, RGB or YCbCr. */
  open(bytes: Uint8Array): OpenedJpeg | undefined {
    const turbo = this.#turbo;
    const { handle, isPlain } = this.#idle.pop() ?? this.#newHandle();
    let [isSound, decodesWhole] = [false, isPlain];
    const settle = (code: number): void => {
      isSound = code === 0;
      if (code !== 0) throw new Error(turbo.errorOf(handle));
    };
    const close = (): void => {
      if (isSound) this.#idle.push({ handle, isPlain: decodesWhole });
      else turbo.destroy(handle);
    };
    using opening = new DisposableStack();
    opening.defer(close);
    settle(turbo.readHeader(handle, bytes, bytes.length));
    const frame = frameOf(turbo, handle);
    if (frame === undefined) return undefined;
    opening.move();
    const prepare = (wanted: JpegPart, room: Room): Uint8Array => {
      isSound = false;
      const { bytes: jpeg, part } = cutOut(bytes, wanted, room);
      if (jpeg !== bytes) settle(turbo.readHeader(handle, jpeg, jpeg.length));
      const isWhole = part.isWhole && part.reduction === 1;
      if (!(isWhole && decodesWhole)) {
        settle(turbo.setScale(handle, { num: 1, denom: part.reduction }));
        settle(turbo.setRegion(handle, part.isWhole ? ALL : regionOf(part)));
      }
      [isSound, decodesWhole] = [false, isWhole];
      return jpeg;
    };
    return {
      frame,
      decode: (part, into) => {
        const jpeg = prepare(part, (numBytes) => this.#roomFor(numBytes));
        settle(turbo.decompress(handle, jpeg, jpeg.length, into, 0, PIXEL_RGB));
      },
      decodeInPool: async (part, into) => {
        const jpeg = prepare(part, (numBytes) => new Uint8Array(numBytes));
        settle(await turbo.decompressInPool(handle, jpeg, jpeg.length, into, 0, PIXEL_RGB));
      },
      [Symbol.dispose]: close,
    };
  }

  #roomFor(numBytes: number): Uint8Array {
    if (this.#room.length < numBytes) this.#room = new Uint8Array(2 * numBytes);
    return this.#room;
  }

  #newHandle(): IdleHandle {
    const handle = this.#turbo.init(INIT_DECOMPRESS);
    this.#turbo.set(handle, STOP_ON_WARNING, 1);
    return { handle, isPlain: true };
  }
}

function frameOf(turbo: TurboFunctions, handle: unknown): JpegFrame | undefined {
  const valueOf = (parameter: number): number => turbo.get(handle, parameter);
  const isCommon =
    COMMON_COLOURS.has(valueOf(COLOURS)) && valueOf(PRECISION) === 8 && valueOf(LOSSLESS) === 0;
  if (!isCommon) return undefined;
  return {
    width: valueOf(JPEG_WIDTH),
    height: valueOf(JPEG_HEIGHT),
    blockWidth: BLOCK_WIDTHS[valueOf(SUBSAMPLING)] ?? null,
  };
}

function regionOf({ region }: JpegPart): TurboRegion {
  return { x: region.x, y: region.y, w: region.width, h: region.height };
}
