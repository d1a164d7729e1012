import type { ImageKey } from "../../core/keys.ts";

/** Why a picture and all of its texts stay out of what is trained on. */
export interface Exclusion {
  /** "same-key", "linked-key", "same-flickr-photo" or "same-url"; for a user's own list, the rule it names. */
  readonly rule: string;
  /** What shows it: "Flickr photo 2230458748 is flickr30k:2230458748 in the test part (flickr30k/…)". */
  readonly evidence: string;
}

/** Everything that tells which picture a picture is, before its file is opened. */
export interface PictureIdentity {
  readonly key: ImageKey;
  readonly linkedKeys: readonly ImageKey[];
  readonly flickrPhotoId: string | null;
  /** Where it was found, as its annotation file says. */
  readonly url: string | null;
}

/** Which pictures may not be trained on; the evaluation stays as it was published. */
export interface ExclusionRules {
  /** Names the rules and all they were made from; a part of what names a preparation. */
  readonly digest: string;
  /** The rule and evidence by which this picture is one that is protected, or undefined. */
  match(picture: PictureIdentity): Exclusion | undefined;
}
