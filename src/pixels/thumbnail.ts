import sharp from "sharp";

/** The longer side of a thumbnail, in pixels. */
const THUMBNAIL_SIDE = 320;

/** A small upright JPEG of an encoded picture, for pages that a person looks at. */
export async function thumbnail(bytes: Uint8Array): Promise<Uint8Array> {
  return await sharp(bytes)
    .rotate()
    .resize(THUMBNAIL_SIDE, THUMBNAIL_SIDE, { fit: "inside", withoutEnlargement: true })
    .flatten({ background: "#ffffff" })
    .jpeg({ quality: 80 })
    .toBuffer();
}

/** A PNG of pixels [height, width, 3]. */
export async function pngOf(
  pixels: Uint8Array,
  size: { readonly width: number; readonly height: number },
): Promise<Uint8Array> {
  return await sharp(pixels, { raw: { ...size, channels: 3 } })
    .png()
    .toBuffer();
}

const SMALLEST_SIDE = 32;

// Sides in pixels and WebP qualities, the largest first.
const SIZES = [
  [320, 72],
  [256, 66],
  [224, 62],
  [192, 60],
  [160, 58],
  [128, 55],
  [96, 45],
  [64, 30],
] as const;

// Even noise in some 500 bytes.
const SMALLEST = [SMALLEST_SIDE, 10] as const;

/**
 * A size of an encoded picture that takes no more than `maxBytes` as WebP, upright: the largest of a few that a
 * photograph can have in so many bytes. It is the smallest size of all, should none be small enough.
 */
export async function thumbnailWithin(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const sizes = SIZES.filter(([side]) => side ** 2 <= PIXELS_PER_BYTE * maxBytes);
  const [largest = SMALLEST_SIDE] = sizes[0] ?? [];
  const { data, info } = await sharp(bytes)
    .rotate()
    .resize(largest, largest, { fit: "inside", withoutEnlargement: true })
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const reduced = sharp(data, { raw: { width, height, channels } });
  let encoded: Uint8Array = new Uint8Array();
  // The bytes go with the area, nearly: after the first try most sizes that are too large are passed over.
  let enoughSide: number = largest;
  for (const [side, quality] of [...sizes, SMALLEST]) {
    if (side > enoughSide && side > SMALLEST_SIDE) continue;
    encoded = await reduced
      .clone()
      .resize(side, side, { fit: "inside", withoutEnlargement: true })
      .webp({ quality })
      .toBuffer();
    if (encoded.length <= maxBytes) break;
    enoughSide = MARGIN * side * Math.sqrt(maxBytes / encoded.length);
  }
  return encoded;
}

// Of a square around a photograph of plain parts; no photograph was seen to take fewer bytes.
const PIXELS_PER_BYTE = 12;

// A smaller picture takes more bytes for its area, at a lower quality fewer.
const MARGIN = 1.1;
