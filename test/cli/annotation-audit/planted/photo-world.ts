import { RandomStream } from "../../../../src/core/random.ts";

/** A picture as one dataset has it: its key there, and which photo it truly is. */
export interface Listing {
  readonly id: string;
  readonly photo: number;
}

/** What is truly in each part of each dataset: the truth that an audit is measured by. */
export class Truth {
  readonly #parts = new Map<string, Listing[]>();
  readonly #photos = new Map<string, ReadonlySet<number>>();

  /** The pictures of a part, named as an audit names it: "coco (Karpathy split) train". */
  part(name: string): Listing[] {
    const known = this.#parts.get(name) ?? [];
    this.#parts.set(name, known);
    return known;
  }

  add(name: string, listings: readonly Listing[]): void {
    const part = this.part(name);
    for (const listing of listings) part.push(listing);
  }

  get names(): readonly string[] {
    return Array.from(this.#parts.keys());
  }

  /** Distinct pictures of the parts `of` whose photo is in one of the parts `inParts`. */
  shared(of: readonly string[], inParts: readonly string[]): number {
    const photos = this.#photosOf(inParts);
    const ids = new Set<string>();
    for (const name of of) {
      for (const { id, photo } of this.part(name)) if (photos.has(photo)) ids.add(id);
    }
    return ids.size;
  }

  /** Kept for the next question: there are millions. */
  #photosOf(names: readonly string[]): ReadonlySet<number> {
    const known = this.#photos.get(names.join());
    if (known !== undefined) return known;
    const photos = new Set<number>();
    for (const name of names) for (const { photo } of this.part(name)) photos.add(photo);
    this.#photos.set(names.join(), photos);
    return photos;
  }
}

/** How large a world is: 1 has as many pictures as the published datasets. */
export interface WorldSize {
  readonly scale: number;
  readonly seed: number;
}

/** Names for photos that hide nothing of which photo it is and are spelled in every way that is in use. */
export class PhotoNames {
  readonly #random: RandomStream;

  constructor(seed: number) {
    this.#random = new RandomStream(seed, 1);
  }

  /** Flickr ids of neighbouring photos are neighbours, of 5 to 11 digits: nothing but all digits tells them apart. */
  flickrId(photo: number): string {
    return String(photo % 3 === 0 ? 10_000 + photo : 3_000_000_000 + photo);
  }

  /** An address of the photo at Flickr, in one of its historical forms. */
  flickrUrl(photo: number): string {
    const name = `${this.flickrId(photo)}_${this.#random.nextUint32().toString(16)}`;
    const number = 1 + this.#random.nextInt(9);
    return this.#random.pick([
      `http://farm${number}.static.flickr.com/1234/${name}.jpg`,
      `http://farm${number}.staticflickr.com/1234/${name}_z.jpg`,
      `https://c${number}.staticflickr.com/${number}/1234/${name}_m.jpg`,
      `https://live.staticflickr.com/65535/${name}_b.jpg`,
      `http://static.flickr.com/1234/${name}_o.png`,
      `http://www.flickr.com/photos/some-one/${this.flickrId(photo)}/`,
      `https://i.example.org/proxy/farm${number}.staticflickr.com/1234/${name}.jpg`,
    ]);
  }

  /**
   * An address of a photo anywhere else, spelled in one of several ways. The servers of a thousand photos have one
   * path and tell their pictures by the query alone, and its neighbour differs in one letter.
   */
  webUrl(photo: number): string {
    const scheme = this.#random.pick(["http://", "https://", "http://www.", "HTTPS://"]);
    if (photo % 2 === 0)
      return `${scheme}host${Math.floor(photo / 2000)}.example.org/image?id=${photo}`;
    const name = this.#random.pick(["a~b", "a%7Eb", "a%7eb"]);
    return `${scheme}host${photo % 97}.example.org/${name}/picture%20${photo}.jpg`;
  }
}

/** Counts photos: one that was not there before. */
export class Photos {
  #next = 0;

  new(): number {
    this.#next += 1;
    return this.#next;
  }
}
