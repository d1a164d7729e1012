import sharp from "sharp";

/** Decodes all of a stored picture and gives its size in pixels, before any EXIF rotation; rejects when it is damaged. */
export async function decodedSize(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  const { info } = await sharp(bytes, { failOn: "warning" }).raw().toBuffer({
    resolveWithObject: true,
  });
  return { width: info.width, height: info.height };
}
