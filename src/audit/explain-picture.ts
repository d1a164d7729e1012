import type { JsonValue } from "../core/digest.ts";
import type { ImageKey } from "../core/keys.ts";
import { stepJson } from "./exclusions.ts";
import type { EvidenceStep } from "./findings.ts";
import { placeOf, placeText, stepsOf } from "./identity/chain-steps.ts";
import type { Identities } from "./identity/identities.ts";
import { NearestEvaluation } from "./identity/nearest-evaluation.ts";
import { partnersOf } from "./identity/partners.ts";
import type { AuditRole, PicturePlace } from "./verdict.ts";

/** One place at which a picture was seen. */
interface SeenPlace {
  /** "coco/train", with the file and record where they are known. */
  readonly place: string;
  readonly role: AuditRole;
}

/** A chain from a picture to an evaluation picture. */
interface ExplainedChain {
  readonly eval: PicturePlace;
  readonly steps: readonly EvidenceStep[];
}

/** A source of the graph with how many pictures it has. */
interface ReadSource {
  readonly set: string;
  readonly split: string;
  readonly role: AuditRole;
  readonly pictures: number;
}

/** Why a picture may not be trained on, or that nothing is known against it. */
export interface Explanation {
  readonly key: ImageKey;
  /** "evaluated": it stands in an evaluation split itself; "joined": a chain leads from it to one; "apart": none does. */
  readonly outcome: "evaluated" | "joined" | "apart";
  /** Where pictures of this key are; at least one place. */
  readonly seen: readonly SeenPlace[];
  /** The shortest chains, the nearest evaluation picture first; some of them. */
  readonly chains: readonly ExplainedChain[];
  /** How many evaluation pictures it is the same as, those of its own key among them; exact. */
  readonly numEvaluation: number;
  /** How many training pictures it is the same as; exact. */
  readonly numTraining: number;
  /** All sources that were looked at. */
  readonly sources: readonly ReadSource[];
}

/** The explanation as a document. */
export function explanationJson(explanation: Explanation): JsonValue {
  const { chains, seen, sources, ...answer } = explanation;
  return {
    ...answer,
    seen: seen.map((place) => ({ ...place })),
    chains: chains.map((chain) => ({
      eval: { ...chain.eval },
      steps: chain.steps.map(stepJson),
    })),
    sources: sources.map((source) => ({ ...source })),
  };
}

const MAX_CHAINS = 10;

/** Explains the pictures of a key; undefined where there is none. */
export function explainPicture(identities: Identities, key: string): Explanation | undefined {
  const pictures = picturesOf(identities, key);
  const [first] = pictures;
  if (first === undefined) return undefined;
  const nearest = new NearestEvaluation(identities);
  const evaluated = pictures.filter((picture) => identities.roleOf(picture) === "eval");
  const joined = pictures.find((picture) => nearest.isProtected(picture));
  const seen = pictures.map((picture) => ({
    place: placeText(identities, picture),
    role: identities.roleOf(picture),
  }));
  return {
    key: identities.key(first),
    outcome: evaluated.length > 0 ? "evaluated" : joined === undefined ? "apart" : "joined",
    seen,
    chains: evaluated.length > 0 || joined === undefined ? [] : chainsFrom(identities, joined),
    numEvaluation: identities.countPartners(joined ?? first, "eval"),
    numTraining: identities.countPartners(joined ?? first, "train"),
    sources: readSources(identities),
  };
}

const MAX_NEAREST = 5;

/** The keys that look most like a text, at most five; those whose id it is come first. */
export function nearestKeys(
  identities: Identities,
  text: string,
  distance: (one: string, other: string) => number,
): readonly string[] {
  const nearest: { readonly key: string; readonly away: number }[] = [];
  const known = new Set<string>();
  for (let picture = 0; picture < identities.numPictures; picture += 1) {
    const key = identities.key(picture);
    const farthest = nearest.length < MAX_NEAREST ? Number.POSITIVE_INFINITY : nearest.at(-1)?.away;
    const isId = key.slice(key.indexOf(":") + 1) === text;
    const away = isId ? 0 : distance(key, text);
    if (farthest === undefined || away >= farthest || known.has(key)) continue;
    known.add(key);
    const place = nearest.findIndex((other) => other.away > away);
    nearest.splice(place === -1 ? nearest.length : place, 0, { key, away });
    if (nearest.length > MAX_NEAREST) nearest.pop();
  }
  return nearest.map(({ key }) => key);
}

function picturesOf(identities: Identities, key: string): readonly number[] {
  const pictures: number[] = [];
  for (let picture = 0; picture < identities.numPictures; picture += 1) {
    if (identities.key(picture) === key) pictures.push(picture);
  }
  return pictures;
}

function chainsFrom(identities: Identities, picture: number): readonly ExplainedChain[] {
  return partnersOf(identities, picture)
    .take(MAX_CHAINS)
    .map((partner) => ({
      eval: placeOf(identities, partner.picture),
      steps: stepsOf(identities, partner.links),
    }))
    .toArray();
}

function readSources(identities: Identities): readonly ReadSource[] {
  const counts = identities.sources.map(() => 0);
  for (let picture = 0; picture < identities.numPictures; picture += 1) {
    const source = identities.sourceNumber(picture);
    counts[source] = (counts[source] ?? 0) + 1;
  }
  return identities.sources.map((source, number) => ({ ...source, pictures: counts[number] ?? 0 }));
}
