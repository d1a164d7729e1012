import type { JsonValue } from "../../core/digest.ts";
import { ShardError } from "../../core/errors.ts";
import type { PictureInfo } from "../../core/records.ts";
import { AreaDecoder, type AreaRequest } from "../../pixels/area-decoder.ts";
import { HEADROOM } from "../../pixels/jpeg-part.ts";
import { bicubic, bilinear } from "../../pixels/line-weights.ts";
import type { PictureView, Size } from "./view-geometry.ts";

const NUM_CHANNELS = 3;
const KERNELS = { bicubic, bilinear } as const;

/** How pixels are computed from pixels. */
export interface SamplingOptions {
  /** Both with antialiasing: each result is a weighted mean of all that it covers. */
  readonly kernel: "bicubic" | "bilinear";
  /**
   * "exact": a JPEG is decoded in full size. "scaled": it is decoded in half, a quarter or an eighth of its size
   * where that still has more pixels than are shown.
   */
  readonly decoding: "exact" | "scaled";
}

/** What pictures are sampled with where nothing is said. */
const DEFAULT_SAMPLING: SamplingOptions = { kernel: "bicubic", decoding: "scaled" };

/** How encoded bytes become pixels, for the recipe of a run: other values, other numbers. */
export function picturePolicy(sampling: SamplingOptions = DEFAULT_SAMPLING): JsonValue {
  return {
    version: 2,
    decoder: "libjpeg: accurate integer transform, smooth upsampling; libvips for other formats",
    decoding: sampling.decoding,
    ...(sampling.decoding === "scaled" ? { headroom: HEADROOM } : {}),
    orientation: "as recorded at preparation",
    colours: "sRGB, 8 bit, transparency over white",
    kernel: sampling.kernel,
    sampling: "antialiased, crop before resize, rows then columns, weights of 14 bits, sums of 6",
  };
}

export interface ViewOptions {
  /** What is known of the stored picture. */
  readonly picture: Pick<PictureInfo, "width" | "height" | "orientation">;
  readonly view: PictureView;
  /** Of the result. */
  readonly shown: Size;
  readonly sampling?: SamplingOptions | undefined;
  /** Where the result is put, instead of into new memory. */
  readonly into?: Uint8Array | undefined;
  /**
   * The thread that JPEGs are decoded on: "own", the calling one, when left out; "pool", one of libuv's, so that the
   * calling one goes on meanwhile.
   */
  readonly thread?: "own" | "pool" | undefined;
}

let loading: Promise<AreaDecoder> | undefined;
/** Once it is there nothing is waited for, so that a picture is decoded while its bytes are in the core's caches. */
let decoder: AreaDecoder | undefined;

/**
 * The upright RGB pixels of the part of a picture that the view shows, [shown.height, shown.width, 3], mirrored
 * when the view says so. ShardError when the bytes are no whole picture of the size that was recorded.
 */
export async function decodeView(bytes: Uint8Array, options: ViewOptions): Promise<Uint8Array> {
  const { shown, thread = "own" } = options;
  const { into = new Uint8Array(shown.width * shown.height * NUM_CHANNELS) } = options;
  decoder ??= await (loading ??= AreaDecoder.load());
  const request = requestOf(options);
  try {
    await (thread === "own"
      ? decoder.decode(bytes, request, into)
      : decoder.decodeInPool(bytes, request, into));
    return into;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ShardError(`a stored picture of ${bytes.length} bytes does not decode: ${reason}`, {
      remedy: "prepare the set again; its pictures were all decoded then",
      cause: error,
    });
  }
}

function requestOf({
  picture,
  view,
  shown,
  sampling = DEFAULT_SAMPLING,
}: ViewOptions): AreaRequest {
  const { crop, mirrored } = view;
  const { width, height, orientation } = picture;
  const area = crop && {
    left: crop.x,
    top: crop.y,
    right: crop.x + crop.width,
    bottom: crop.y + crop.height,
  };
  const { kernel, decoding } = sampling;
  return {
    stored: { width, height },
    orientation,
    area,
    isMirrored: mirrored,
    shown,
    kernel: KERNELS[kernel],
    decoding,
  };
}
