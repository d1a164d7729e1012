import { canonicalJson } from "../core/digest.ts";
import { ConfigError } from "../core/errors.ts";
import { type ImageKey, parseImageKey, type PictureName } from "../core/keys.ts";
import { silentProgress, type Progress } from "../core/progress.ts";
import { reviewGraph, type GraphReview } from "./review/graph-review.ts";
import type { ReviewDecisions } from "./results/decisions.ts";
import type { Identities } from "./identity/identities.ts";
import { IdentityGraph, type ListedPicture } from "./identity/identity-graph.ts";
import { listPictures } from "./listing/list-pictures.ts";
import type { PictureListing } from "./listing/picture-listing.ts";
import type { NearFindings } from "./near/near-findings.ts";
import { TextMarks } from "./text-marks.ts";
import type { AuditedSplit, AuditRole, PicturePlace, WitnessSplit } from "./verdict.ts";

export interface RelateOptions {
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What a search for near-duplicates has found between these splits. */
  readonly near?: NearFindings | undefined;
  /** What a person decided about pairs. */
  readonly decisions?: ReviewDecisions | undefined;
  /** Names that a picture has beside its own, its key at the front: those by which hidden test sets know it, say. */
  readonly moreNames?: ((own: readonly PictureName[]) => readonly PictureName[]) | undefined;
}

/** A split whose pictures are in the graph; its place in the list is the number of its source there. */
export interface RelatedSplit extends WitnessSplit {
  readonly role: AuditRole;
}

/** Pictures of splits in one graph. */
export interface RelatedSplits {
  readonly splits: readonly RelatedSplit[];
  readonly identities: Identities;
  /** What the decisions changed; null without any. */
  readonly review: GraphReview | null;
  readonly texts: TextMarks;
  /** The number of the first picture at a place that `near` names. */
  readonly numberAt: (place: PicturePlace) => number | undefined;
}

/**
 * Reads the pictures of all splits into one graph, evaluation splits first. The graph does not depend on the order in
 * which the splits are given. Throws ConfigError when a split is given twice.
 */
export async function relateSplits(
  splits: readonly AuditedSplit[],
  options: RelateOptions = {},
): Promise<RelatedSplits> {
  const reading = new SplitReading(options);
  const related: RelatedSplit[] = [];
  for (const split of inFixedOrder(splits)) related.push(await reading.read(split));
  return { splits: related, ...reading.finish() };
}

const PICTURES_PER_REPORT = 1000;
const noNames: readonly PictureName[] = [];

class SplitReading {
  readonly #options: RelateOptions;
  readonly #graph = new IdentityGraph();
  readonly #texts = new TextMarks();
  /** The places that near-duplicates have, and the pictures that were seen there. */
  readonly #places: Map<string, number | undefined>;
  /** The pictures that have the keys of decisions. */
  readonly #decidedPictures: ReadonlyMap<ImageKey, number[]>;
  /** The keys of both. */
  readonly #wantedKeys: ReadonlySet<string>;

  constructor(options: RelateOptions) {
    this.#options = options;
    const { suspects = [], verified = [] } = options.near ?? {};
    const places = [...verified, ...suspects].flatMap((pair) => [pair.train, pair.eval]);
    this.#places = new Map(places.map((place) => [spelledPlace(place), undefined]));
    const decided = (options.decisions?.decisions ?? []).flatMap((made) => [made.train, made.eval]);
    this.#decidedPictures = new Map(decided.map((key) => [key, []]));
    this.#wantedKeys = new Set([...places.map(({ picture }) => picture), ...decided]);
  }

  async read(audited: AuditedSplit): Promise<RelatedSplit> {
    const { numPictures: total, role, set, setDigest: digest, split } = audited;
    const { progress = silentProgress, signal } = this.#options;
    const source = this.#graph.addSource({ set, split, role });
    const first = this.#graph.numPictures;
    const activity = `audit ${set}/${split}`;
    const onPictures = (): void => {
      signal?.throwIfAborted();
      const done = this.#graph.numPictures - first;
      progress.report({ activity, done, total, unit: "pictures" });
    };
    for await (const listing of audited.listings ?? listPictures(audited.heads)) {
      signal?.throwIfAborted();
      this.#add(listing, { source, set, split, onPictures });
    }
    return { set, split, digest, pictures: this.#graph.numPictures - first, role };
  }

  finish(): Omit<RelatedSplits, "splits"> {
    const numberAt = (place: PicturePlace): number | undefined =>
      this.#places.get(spelledPlace(place));
    for (const { evidence, near, ...pair } of this.#options.near?.verified ?? []) {
      const [one, other] = [numberAt(pair.train), numberAt(pair.eval)];
      if (one === undefined || other === undefined) throw missingPicture(pair);
      this.#graph.addNear({ one, other, near, evidence });
    }
    const { decisions } = this.#options;
    const review =
      decisions === undefined ? null : reviewGraph(this.#graph, decisions, this.#decidedPictures);
    const identities = review?.identities ?? this.#graph.identities();
    return { identities, review, texts: this.#texts, numberAt };
  }

  #add(listing: PictureListing, from: ReadSource): void {
    let picture = 0;
    for (let scene = 0; scene < listing.numScenes; scene += 1) {
      this.#texts.addScene(listing.marksOf(scene));
      for (; picture < listing.endOfPictures(scene); picture += 1) {
        this.#addPicture({ listing, scene, picture }, from);
        if (this.#graph.numPictures % PICTURES_PER_REPORT === 0) from.onPictures();
      }
    }
  }

  #addPicture(listed: Omit<ListedPicture, "more">, { source, set, split }: ReadSource): void {
    const { listing, picture, scene } = listed;
    const more = this.#options.moreNames?.(listing.namesOf(picture)) ?? noNames;
    const number = this.#graph.addListed(source, { listing, scene, picture, more });
    this.#texts.addPicture();
    if (this.#wantedKeys.size === 0) return;
    const key = parseImageKey(listing.name(listing.startOfNames(picture)));
    if (key === undefined || !this.#wantedKeys.has(key)) return;
    this.#decidedPictures.get(key)?.push(number);
    const place = spelledPlace({ set, split, sceneKey: listing.sceneKey(scene), picture: key });
    if (this.#places.has(place) && this.#places.get(place) === undefined) {
      this.#places.set(place, number);
    }
  }
}

/** Where listed pictures come from, and whom to tell of them now and then. */
interface ReadSource {
  readonly source: number;
  readonly set: string;
  readonly split: string;
  readonly onPictures: () => void;
}

function spelledPlace({ picture, sceneKey, set, split }: PicturePlace): string {
  return [set, split, sceneKey, picture].join("\n");
}

function missingPicture(pair: {
  readonly train: PicturePlace;
  readonly eval: PicturePlace;
}): Error {
  return new Error(
    `near-duplicates were found between ${pair.train.picture} and ${pair.eval.picture}, which are not both in the splits`,
  );
}

const roleRanks = { eval: 0, train: 1, witness: 2 } as const;

/** Splits by role, set, digest and name, so that the order on the command line changes nothing. */
function inFixedOrder(splits: readonly AuditedSplit[]): readonly AuditedSplit[] {
  const byIdentity = new Map<string, AuditedSplit>();
  for (const split of splits) {
    const identity = canonicalJson([split.set, split.setDigest, split.split]);
    if (byIdentity.has(identity)) {
      throw new ConfigError(
        `split "${split.split}" of shard set "${split.set}" (${split.setDigest}) is given twice`,
        { remedy: "name each shard set once" },
      );
    }
    byIdentity.set(identity, split);
  }
  return [...byIdentity]
    .toSorted(
      ([a, one], [b, other]) => roleRanks[one.role] - roleRanks[other.role] || (a < b ? -1 : 1),
    )
    .map(([, split]) => split);
}
