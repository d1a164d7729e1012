import { createHash } from "node:crypto";
import { type ImageKey, type ImageSource, webAddress } from "../../core/keys.ts";
import type { Exclusion, PictureIdentity } from "./exclusion-rules.ts";
import type { PictureIdentityRule } from "./leak-policy.ts";

/** A picture as an annotation file or a published split names it. */
export interface PlacedPicture extends PictureIdentity {
  /** Where that is written: "coco/annotations/captions_val2014.json#/images/3". */
  readonly evidence: string;
}

/** Why a key or a Flickr photo is protected: who has it, and how that picture is a protected one. */
interface Claim {
  readonly holder: ImageKey;
  readonly place: string;
  /** The part that protects the holder, or the token by which it is another picture. */
  readonly because: string | { readonly token: string; readonly claim: Claim };
  /** By which identity the holder itself is a protected picture. */
  readonly rule: PictureIdentityRule;
  /** How many pictures lie between the token and the protected picture. */
  readonly depth: number;
}

/** A picture that is in no protected part, but may turn out to be one that is. */
interface Bystander {
  readonly key: ImageKey;
  readonly place: string;
  readonly tokens: readonly string[];
}

const PHOTO = "Flickr photo ";
const WEB = "web address ";
const FLICKR30K = "flickr30k:";
const NO_PHOTO = /^0*$/;

/**
 * What protected pictures could share with others: their keys, the keys they are linked to, their
 * Flickr photos and their web addresses. Pictures outside the protected parts are told as well: one that is linked to a
 * protected picture passes that on, so that Visual Genome's picture of a COCO picture of a Flickr30K
 * photo is known for what it is.
 */
export class ProtectedTokens {
  readonly #identities: ReadonlySet<PictureIdentityRule>;
  readonly #claims = new Map<string, Claim>();
  #bystanders: Bystander[] = [];
  #numPictures = 0;

  constructor(identities: readonly PictureIdentityRule[]) {
    this.#identities = new Set(identities);
  }

  /** How many pictures were named as protected ones, each counted once. */
  get numPictures(): number {
    return this.#numPictures;
  }

  /** Protects a picture; `part` says of what: "the test part of coco". */
  protect(picture: PlacedPicture, part: string): void {
    const { key, evidence: place } = picture;
    const known = this.#claims.get(key);
    const isNew = known?.holder !== key;
    if (isNew) this.#numPictures += 1;
    const claim: Claim = isNew
      ? { holder: key, place, because: part, rule: "same-key", depth: 0 }
      : known;
    for (const token of this.#tokensOf(picture)) this.#add(token, claim);
  }

  /** Tells of a picture that is in no protected part. */
  passBy(picture: PlacedPicture): void {
    const tokens = this.#tokensOf(picture);
    if (tokens.length < 2) return;
    this.#bystanders.push({ key: picture.key, place: picture.evidence, tokens });
  }

  /** Protects the pictures that are protected ones by what was told; call it once, after all are told. */
  spread(): void {
    let rest = this.#bystanders;
    let numBefore = Number.POSITIVE_INFINITY;
    while (rest.length < numBefore) {
      numBefore = rest.length;
      rest = rest.filter((bystander) => !this.#claimFor(bystander));
    }
    this.#bystanders = [];
  }

  /** By what the picture is a protected one, or undefined. */
  match(picture: PictureIdentity): Exclusion | undefined {
    let best: { readonly token: string; readonly claim: Claim } | undefined;
    for (const token of this.#tokensOf(picture)) {
      const claim = this.#claims.get(token);
      if (claim !== undefined && (best === undefined || claim.depth < best.claim.depth)) {
        best = { token, claim };
      }
    }
    if (best === undefined) return undefined;
    const { token, claim } = best;
    const rule = ruleOf(token, picture.key, claim);
    const start = rule === "linked-key" && token !== picture.key ? "linked to " : "";
    const link = start === "" ? " is" : ", which is";
    return { rule, evidence: `${start}${token}${link} ${predicateOf(token, claim)}` };
  }

  /** Hashes every token with what protects it. */
  digest(): string {
    const hash = createHash("sha256");
    for (const token of Array.from(this.#claims.keys()).toSorted()) {
      const claim = this.#claims.get(token);
      if (claim !== undefined)
        hash.update(`${JSON.stringify([token, predicateOf(token, claim)])}\n`);
    }
    return hash.digest("hex");
  }

  // The claim of the picture that has the key comes before those of pictures linked to it.
  #add(token: string, claim: Claim): void {
    if (token === claim.holder || !this.#claims.has(token)) this.#claims.set(token, claim);
  }

  #claimFor({ key, place, tokens }: Bystander): boolean {
    for (const token of tokens) {
      const claim = this.#claims.get(token);
      if (claim === undefined) continue;
      const rule = ruleOf(token, key, claim);
      const own = { holder: key, place, because: { token, claim }, rule, depth: claim.depth + 1 };
      for (const other of tokens) if (!this.#claims.has(other)) this.#claims.set(other, own);
      return true;
    }
    return false;
  }

  #tokensOf(picture: PictureIdentity): readonly string[] {
    const tokens: string[] = [picture.key];
    if (this.#identities.has("linked-key")) tokens.push(...picture.linkedKeys);
    const photo = this.#identities.has("same-flickr-photo") ? photoOf(picture) : undefined;
    if (photo !== undefined) tokens.push(`${PHOTO}${photo}`);
    const address = this.#identities.has("same-url") ? webAddressOf(picture) : undefined;
    if (address !== undefined) tokens.push(`${WEB}${address}`);
    return tokens;
  }
}

/** The Flickr photo that a picture is; Flickr30K's names are photo ids themselves, and zero is none. */
export function photoOf({ key, flickrPhotoId }: PictureIdentity): string | undefined {
  const named = key.startsWith(FLICKR30K) ? key.slice(FLICKR30K.length) : undefined;
  const photo = flickrPhotoId ?? named;
  return photo === undefined || NO_PHOTO.test(photo) ? undefined : photo;
}

/** The address of a picture that was found anywhere in the web; collections with servers of their own give addresses that nobody else has. */
function webAddressOf({ key, url }: PictureIdentity): string | undefined {
  const isOfWeb = webSources.some((source) => key.startsWith(`${source}:`));
  return isOfWeb && url !== null ? webAddress(url) : undefined;
}

const webSources: readonly ImageSource[] = ["nlvr2", "cc3m", "sbu", "own"];

function ruleOf(token: string, key: ImageKey, { holder, rule }: Claim): PictureIdentityRule {
  if (token.startsWith(PHOTO)) return "same-flickr-photo";
  if (token.startsWith(WEB)) return "same-url";
  return token === key && holder === key ? rule : "linked-key";
}

/** What a token is: "coco:2, which is Flickr photo 1 (…#/images/3), which is flickr30k:1 in the test part of …". */
function predicateOf(token: string, { holder, place, because }: Claim): string {
  const isHolder = token === holder;
  if (typeof because === "string") return `${isHolder ? "" : `${holder} `}in ${because} (${place})`;
  const { token: shared, claim } = because;
  const step = `${shared} (${place}), which is ${predicateOf(shared, claim)}`;
  return isHolder ? step : `${holder}, which is ${step}`;
}
