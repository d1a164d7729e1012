import { loadSharp } from "./load-sharp.ts";
import { turboLibrary } from "./turbo-library.ts";

/** What decodes pictures on this machine, for a person to read; rejects when nothing does. */
export async function pictureDecoders(): Promise<string[]> {
  const { versions } = await loadSharp();
  const others = [`sharp ${versions.sharp}`, `libvips ${versions.vips}`];
  return (await turboLibrary()) === undefined ? others : ["libjpeg-turbo", ...others];
}
