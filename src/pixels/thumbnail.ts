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
