import { RandomStream } from "../../../../src/core/random.ts";
import { type Listing, PhotoNames, Photos, Truth, type WorldSize } from "./photo-world.ts";

/** A picture of COCO; what its files say of it. */
export interface CocoPicture extends Listing {
  readonly part: string;
}

/** A picture of Visual Genome, linked to COCO or with a photo of its own. */
interface GenomePicture extends Listing {
  readonly cocoId: string | null;
  readonly hasFlickrId: boolean;
  readonly part: string;
}

/** A picture that was found in the web, by its address. */
export interface WebPicture extends Listing {
  readonly url: string;
}

/** All pictures of a made-up world, in the sizes of the published datasets. */
export interface AnnotatedWorld {
  readonly truth: Truth;
  readonly names: PhotoNames;
  readonly coco: readonly CocoPicture[];
  /** COCO's test2015, which no caption file lists. */
  readonly cocoTest: readonly Listing[];
  readonly genome: readonly GenomePicture[];
  readonly flickr30k: readonly Listing[];
  /** Of each referring dataset its pictures, part by part. */
  readonly referring: ReadonlyMap<string, readonly (readonly [string, readonly Listing[]])[]>;
  /** Of each part of NLVR2 its pictures, two for each pair. */
  readonly nlvr2: ReadonlyMap<string, readonly WebPicture[]>;
  readonly captions: ReadonlyMap<string, readonly WebPicture[]>;
  readonly sbu: readonly WebPicture[];
  readonly vcr: ReadonlyMap<string, readonly Listing[]>;
}

/** How many pictures the published datasets have, and how many the overlaps that are known of them. */
const sizes = {
  coco: { train: 82_783, restval: 30_504, val: 5000, test: 5000 },
  cocoTest: 81_434,
  genome: { train: 98_077, val: 5000, test: 5000 },
  genomeInCoco: 51_208,
  flickr30k: 31_783,
  cocoInFlickr30k: 222,
  genomeInFlickr30k: 109,
  nlvr2: { train: 103_000, dev: 8102, test1: 8082, test2: 8148 },
  captions: { training: 3_318_333, validation: 15_840 },
  sbu: 1_000_000,
  vcr: { train: 80_418, val: 9929, test: 9557 },
} as const;

const referringSizes = {
  refcoco: { train: 16_994, val: 1500, testA: 750, testB: 750 },
  "refcoco+": { train: 16_992, val: 1500, testA: 750, testB: 750 },
  refcocog: { train: 21_899, val: 1300, test: 2600 },
} as const;

/** Draws the world of a seed. Its overlaps are of every kind that names can show, and many are of chance. */
export function drawWorld(size: WorldSize): AnnotatedWorld {
  return new WorldDrawing(size).draw();
}

class WorldDrawing {
  readonly #scale: number;
  readonly #random: RandomStream;
  readonly #names: PhotoNames;
  readonly #photos = new Photos();
  readonly #truth = new Truth();

  constructor({ scale, seed }: WorldSize) {
    this.#scale = scale;
    this.#random = new RandomStream(seed, 2);
    this.#names = new PhotoNames(seed);
  }

  draw(): AnnotatedWorld {
    const flickr30k = this.#drawFlickr30k();
    const coco = this.#drawCoco(flickr30k);
    const cocoTest = this.#drawCocoTest(flickr30k);
    const genome = this.#drawGenome(coco, flickr30k);
    const referring = this.#drawReferring(coco);
    // Photos that pages of the web show as well.
    const shown = [coco, genome, flickr30k].flatMap((all) => this.#sample(all, this.#scaled(2000)));
    const nlvr2 = this.#drawParts("nlvr2", sizes.nlvr2, shown);
    const nlvr2Pictures = Array.from(nlvr2.values()).flat();
    const known = [...shown, ...this.#sample(nlvr2Pictures, this.#scaled(3000))];
    const captions = this.#drawParts("conceptual-captions", sizes.captions, known);
    return {
      truth: this.#truth,
      names: this.#names,
      coco,
      cocoTest,
      genome,
      flickr30k,
      referring,
      nlvr2,
      captions,
      sbu: this.#drawSbu(shown),
      vcr: this.#drawVcr(),
    };
  }

  #scaled(number: number): number {
    return Math.max(4, Math.round(number * this.#scale));
  }

  #sample<T>(all: readonly T[], number: number): readonly T[] {
    return this.#random.shuffled(all).slice(0, number);
  }

  #drawFlickr30k(): readonly Listing[] {
    const pictures = Array.from({ length: this.#scaled(sizes.flickr30k) }, () => {
      const photo = this.#photos.new();
      return { id: this.#names.flickrId(photo), photo };
    });
    const [numVal, numTest, numNone] = [1014, 1000, 769].map((number) => this.#scaled(number));
    this.#deal("flickr30k (Karpathy split)", pictures, {
      none: numNone,
      val: numVal,
      test: numTest,
    });
    const entities = { val: this.#scaled(1000), test: this.#scaled(1000) };
    this.#deal("flickr30k (Entities split)", pictures, entities);
    this.#deal("snli-ve", pictures, { dev: this.#scaled(1000), test: this.#scaled(1000) });
    for (const [at, part] of ["train", "dev", "test"].entries()) {
      const of8k = pictures.filter((_, index) => index % 12 === at);
      this.#truth.add(`flickr8k ${part}`, of8k);
    }
    return pictures;
  }

  /** Deals pictures out to the parts of a split; those that are left are train. */
  #deal(
    split: string,
    pictures: readonly Listing[],
    numbers: Readonly<Record<string, number | undefined>>,
  ): void {
    const rest = this.#random.shuffled(pictures);
    for (const [part, number = 0] of Object.entries(numbers)) {
      const dealt = rest.splice(0, number);
      if (part !== "none") this.#truth.add(`${split} ${part}`, dealt);
    }
    this.#truth.add(`${split} train`, rest);
  }

  #drawCoco(flickr30k: readonly Listing[]): readonly CocoPicture[] {
    const copies = this.#sample(flickr30k, this.#scaled(sizes.cocoInFlickr30k));
    const pictures: CocoPicture[] = [];
    for (const [part, number] of Object.entries(sizes.coco)) {
      for (let at = 0; at < this.#scaled(number); at += 1) {
        pictures.push({ id: `${1 + pictures.length * 4}`, photo: this.#photos.new(), part });
      }
    }
    const placed = this.#random.shuffled(pictures.keys().toArray());
    for (const [at, { photo }] of copies.entries()) {
      const place = placed[at] ?? 0;
      const picture = pictures[place];
      if (picture !== undefined) pictures[place] = { ...picture, photo };
    }
    for (const picture of pictures) {
      this.#truth.part(`coco (Karpathy split) ${picture.part}`).push(picture);
      // VQA asks about all pictures of train2014 and val2014.
      this.#truth.part(picture.part === "train" ? "vqa2 train" : "vqa2 val").push(picture);
    }
    return pictures;
  }

  #drawCocoTest(flickr30k: readonly Listing[]): readonly Listing[] {
    const copies = this.#sample(flickr30k, this.#scaled(40));
    const pictures = Array.from({ length: this.#scaled(sizes.cocoTest) }, (_, at) => {
      return { id: `${3 + at * 4}`, photo: copies[at]?.photo ?? this.#photos.new() };
    });
    this.#truth.add("vqa2 test", pictures);
    return pictures;
  }

  #drawGenome(
    coco: readonly CocoPicture[],
    flickr30k: readonly Listing[],
  ): readonly GenomePicture[] {
    const linked = this.#sample(coco, this.#scaled(sizes.genomeInCoco));
    const copies = this.#sample(flickr30k, this.#scaled(sizes.genomeInFlickr30k));
    const order = Object.entries(sizes.genome).flatMap(([part, number]) =>
      Array.from({ length: this.#scaled(number) }, () => part),
    );
    return this.#random.shuffled(order).map((part, at) => {
      const id = `${1 + at * 3}`;
      const link = linked[at];
      const photo = link?.photo ?? copies[at - linked.length]?.photo ?? this.#photos.new();
      const hasFlickrId = link === undefined || this.#random.nextBoolean(0.5);
      this.#truth.part(`visual-genome ${part}`).push({ id, photo });
      return { id, photo, part, cocoId: link?.id ?? null, hasFlickrId };
    });
  }

  #drawReferring(coco: readonly CocoPicture[]): AnnotatedWorld["referring"] {
    const trained = coco.filter(({ part }) => part === "train");
    return new Map(
      Object.entries(referringSizes).map(([dataset, parts]) => {
        const rest = this.#random.shuffled(trained);
        const dealt = Object.entries(parts).map(([part, number]) => {
          const pictures = rest.splice(0, this.#scaled(number));
          this.#truth.add(`${dataset} ${part}`, pictures);
          return [part, pictures] as const;
        });
        return [dataset, dealt] as const;
      }),
    );
  }

  /** Parts of pictures of the web, of which some show known photos and some one another's. */
  #drawParts(
    dataset: string,
    parts: Readonly<Record<string, number>>,
    known: readonly Listing[],
  ): ReadonlyMap<string, readonly WebPicture[]> {
    const isOfFlickr = new Set(known.filter((one) => !("url" in one)).map(({ photo }) => photo));
    const before: number[] = [];
    return new Map(
      Object.entries(parts).map(([part, number]) => {
        const pictures = Array.from(
          { length: 2 * Math.ceil(this.#scaled(number) / 2) },
          (_, at) => {
            const photo = this.#photoOfWeb(known, before);
            before.push(photo);
            const url = isOfFlickr.has(photo)
              ? this.#names.flickrUrl(photo)
              : this.#names.webUrl(photo);
            const pair = `${part}-${Math.floor(at / 2)}-0-img${at % 2}`;
            return { id: dataset === "nlvr2" ? pair : url, photo, url };
          },
        );
        this.#truth.add(`${dataset} ${part}`, pictures);
        return [part, pictures] as const;
      }),
    );
  }

  #photoOfWeb(known: readonly Listing[], before: readonly number[]): number {
    const draw = this.#random.nextFloat();
    if (draw < 0.004 && before.length > 0) return this.#random.pick(before);
    return draw < 0.008 ? this.#random.pick(known).photo : this.#photos.new();
  }

  #drawSbu(shown: readonly Listing[]): readonly WebPicture[] {
    const pictures = Array.from({ length: this.#scaled(sizes.sbu) }, (_, at) => {
      const photo = shown[at * 3]?.photo ?? this.#photos.new();
      return { id: this.#names.flickrId(photo), photo, url: this.#names.flickrUrl(photo) };
    });
    this.#truth.add("sbu all", pictures);
    return pictures;
  }

  #drawVcr(): ReadonlyMap<string, readonly Listing[]> {
    return new Map(
      Object.entries(sizes.vcr).map(([part, number]) => {
        const frames = Array.from({ length: this.#scaled(number) }, (_, at) => {
          return { id: `${part}-${at}`, photo: this.#photos.new() };
        });
        this.#truth.add(`vcr ${part}`, frames);
        return [part, frames] as const;
      }),
    );
  }
}
