/** One step of the chain by which a training picture is an evaluation picture, as exclusion manifests hold it. */
export interface ExclusionStepRow {
  readonly from: string;
  readonly to: string;
  readonly rule: string;
  readonly evidence: string;
  readonly fromPlace: string;
  readonly toPlace: string;
  /** Canonical JSON of what hashes and pixels say, or null where a name joins the two. */
  readonly near: string | null;
}

/** One row of an exclusion manifest: a training picture to leave out, and why. */
export interface ExclusionRow {
  readonly key: string;
  /** The collection that named the picture. */
  readonly dataset: string;
  /** Where it is trained on. */
  readonly set: string;
  readonly split: string;
  readonly rule: string;
  readonly evidence: string;
  /** The evaluation picture that it is. */
  readonly evalSet: string;
  readonly evalSplit: string;
  readonly evalKey: string;
  readonly chain: readonly ExclusionStepRow[];
  /** The name of the audit's policy, or null where it had none. */
  readonly policy: string | null;
  readonly toolVersion: string;
}
