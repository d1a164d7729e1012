/**
 * Keeps decoded pictures, when all of a data set's fit: a small set is then decoded once a thread instead of once
 * an epoch. A set that does not fit is not kept at all, as none of its pictures comes twice soon.
 */
export class PixelCache {
  readonly #pixels = new Map<number, Uint8Array>();
  readonly #isKept: boolean;

  constructor(options: { numPictures: number; pictureBytes: number; maxBytes: number }) {
    this.#isKept = options.numPictures * options.pictureBytes <= options.maxBytes;
  }

  /** The pixels of a picture, decoded when they are not there. They must not be changed. */
  async get(pictureIndex: number, decode: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#pixels.get(pictureIndex);
    if (known !== undefined) return known;
    const pixels = await decode();
    if (this.#isKept) this.#pixels.set(pictureIndex, pixels);
    return pixels;
  }
}
