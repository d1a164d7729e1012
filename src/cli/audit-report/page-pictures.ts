import type { PicturePlace } from "../../audit/verdict.ts";
import type { Progress } from "../../core/progress.ts";
import type { PictureInfo } from "../../core/records.ts";
import type { AuditedSet } from "../auditing/shard-set-audit.ts";
import { otherSet } from "../proving/proof-writing.ts";
import { thumbnailWithin } from "../../pixels/thumbnail.ts";
import { thumbnailBytes } from "../../report/audit-page/page-limits.ts";
import { ShardSetReader, type SplitReader } from "../../shards/shard-set-reader.ts";
import type { PageThumbnails } from "./page-model.ts";

// Decoding is done by threads of the pixel library; more than these would only wait.
const PICTURES_AT_ONCE = 8;

export interface MadeThumbnails extends PageThumbnails {
  /** Pictures that could not be drawn. */
  readonly numUndrawn: number;
}

interface ReadOptions {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Small pictures of what stands at `places` in sets, each picture once however often it is shown; the more there are,
 * the smaller they get. Throws StateError where a set is no longer the one that was audited, and what ShardSetReader throws.
 */
export async function pageThumbnails(
  places: readonly PicturePlace[],
  sets: readonly Pick<AuditedSet, "folder" | "digest">[],
  options: ReadOptions,
): Promise<MadeThumbnails> {
  await using opened = new AsyncDisposableStack();
  const wanted = new WantedPictures(places);
  for (const { digest, folder } of sets) {
    const reader = opened.use(await ShardSetReader.open(folder));
    if (reader.index.digest !== digest)
      throw otherSet(folder, { digest, now: reader.index.digest });
    for (const { name } of reader.index.splits) {
      await wanted.find({ set: reader.index.name, split: reader.split(name) }, options.signal);
    }
  }
  const maxBytes = thumbnailBytes(wanted.found.length);
  const pictures: Uint8Array[] = [];
  const numbers = new Map<string, number>();
  for (let start = 0; start < wanted.found.length; start += PICTURES_AT_ONCE) {
    options.signal.throwIfAborted();
    const some = wanted.found.slice(start, start + PICTURES_AT_ONCE);
    const drawn = await Promise.all(some.map((found) => draw(found, maxBytes)));
    for (const [index, thumbnail] of drawn.entries()) {
      if (thumbnail === undefined) continue;
      numbers.set(some[index]?.sha256 ?? "", pictures.length);
      pictures.push(thumbnail);
    }
    const done = start + some.length;
    options.progress.report({
      activity: "draw the report's pictures",
      done,
      total: wanted.found.length,
      unit: "pictures",
    });
  }
  return {
    pictures,
    numberAt: (place) => numbers.get(wanted.sha256At(place) ?? "") ?? null,
    numUndrawn: wanted.found.length - pictures.length,
  };
}

interface FoundPicture {
  readonly split: SplitReader;
  readonly sceneIndex: number;
  readonly pictureIndex: number;
  /** Of the stored bytes: what makes two places show one thumbnail. */
  readonly sha256: string;
}

/** The pictures at some places, looked for split by split. */
class WantedPictures {
  /** Each picture once, as it was found. */
  readonly found: FoundPicture[] = [];
  readonly #sha256s = new Map<string, string | undefined>();
  readonly #known = new Set<string>();
  readonly #numLeft = new Map<string, number>();

  constructor(places: readonly PicturePlace[]) {
    for (const place of places) {
      const name = spelledPlace(place);
      if (this.#sha256s.has(name)) continue;
      this.#sha256s.set(name, undefined);
      const split = `${place.set}\n${place.split}`;
      this.#numLeft.set(split, (this.#numLeft.get(split) ?? 0) + 1);
    }
  }

  sha256At(place: PicturePlace): string | undefined {
    return this.#sha256s.get(spelledPlace(place));
  }

  /** Reads the heads of a split as far as something of it is wanted. */
  async find(
    { set, split }: { readonly set: string; readonly split: SplitReader },
    signal: AbortSignal,
  ): Promise<void> {
    let numLeft = this.#numLeft.get(`${set}\n${split.name}`) ?? 0;
    if (numLeft === 0) return;
    let sceneIndex = 0;
    for await (const { sceneKey, pictures } of split.heads(signal)) {
      for (const [pictureIndex, picture] of pictures.entries()) {
        const place = { set, split: split.name, sceneKey, picture: picture.key };
        if (!this.#isMissing(place)) continue;
        this.#keep(place, picture, { split, sceneIndex, pictureIndex, sha256: picture.sha256 });
        numLeft -= 1;
      }
      if (numLeft === 0) return;
      sceneIndex += 1;
    }
  }

  #isMissing(place: PicturePlace): boolean {
    const name = spelledPlace(place);
    return this.#sha256s.has(name) && this.#sha256s.get(name) === undefined;
  }

  #keep(place: PicturePlace, { sha256 }: PictureInfo, found: FoundPicture): void {
    this.#sha256s.set(spelledPlace(place), sha256);
    if (this.#known.has(sha256)) return;
    this.#known.add(sha256);
    this.found.push(found);
  }
}

function spelledPlace({ picture, sceneKey, set, split }: PicturePlace): string {
  return [set, split, sceneKey, picture].join("\n");
}

/** A thumbnail, or undefined for bytes that are no picture any more: the report tells of them and of all others. */
async function draw(found: FoundPicture, maxBytes: number): Promise<Uint8Array | undefined> {
  const bytes = await found.split.pictureBytes(found.sceneIndex, found.pictureIndex);
  try {
    return await thumbnailWithin(bytes, maxBytes);
  } catch {
    return undefined;
  }
}
