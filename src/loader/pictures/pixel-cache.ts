/**
 * Keeps decoded pictures, when all of a data set's fit: a small set is then decoded once a thread instead of once
 * an epoch. A set that does not fit is not kept at all, as none of its pictures comes twice soon.
 */
export class PixelCache {
  readonly #pixels = new Map<number, Uint8Array>();
  readonly #maxBytes: number;
  #sizeBytes = 0;
  #isKept: boolean;

  /** `pictureBytes` is what a picture takes, or about the least where sizes differ; what they really take is counted. */
  constructor(options: { numPictures: number; pictureBytes: number; maxBytes: number }) {
    this.#maxBytes = options.maxBytes;
    this.#isKept = options.numPictures * options.pictureBytes <= options.maxBytes;
  }

  /** Whether pictures are kept: then their pixels need memory of their own. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** The pixels of a picture, decoded when they are not there. They must not be changed. */
  async get(pictureIndex: number, decode: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#pixels.get(pictureIndex);
    if (known !== undefined) return known;
    const pixels = await decode();
    if (this.#isKept) this.#keep(pictureIndex, pixels);
    return pixels;
  }

  #keep(pictureIndex: number, pixels: Uint8Array): void {
    this.#sizeBytes += pixels.length - (this.#pixels.get(pictureIndex)?.length ?? 0);
    this.#pixels.set(pictureIndex, pixels);
    if (this.#sizeBytes <= this.#maxBytes) return;
    this.#isKept = false;
    this.#pixels.clear();
  }
}
