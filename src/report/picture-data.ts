/** The bytes of an encoded picture as a data URI; its kind is read from its first bytes. */
export function pictureDataUri(bytes: Uint8Array): string {
  return `data:${mediaTypeOf(bytes)};base64,${Buffer.from(bytes).toString("base64")}`;
}

function mediaTypeOf(bytes: Uint8Array): string {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return "image/png";
  if (bytes[0] === 0x52 && bytes[8] === 0x57) return "image/webp";
  return "image/jpeg";
}
