import { type Explanation, explainPicture, nearestKeys } from "../../audit/explain-picture.ts";
import type { Identities } from "../../audit/identity/identities.ts";
import { ConfigError } from "../../core/errors.ts";
import { parseImageKey } from "../../core/keys.ts";
import type { Progress } from "../../core/progress.ts";
import { escapeControls } from "../../core/text.ts";
import type { NearChoice } from "../auditing/near-audit.ts";
import type { Checked } from "./why-text.ts";

/** Where to look for a picture. */
export interface Searched {
  readonly folders: readonly string[];
  /** Sets on neither side. */
  readonly through: readonly string[];
  /** A folder of annotation files, instead of sets. */
  readonly annotations: string | undefined;
  /** How near-duplicates are looked for; they are not when left out. */
  readonly near: NearChoice | undefined;
}

export interface ExplainedKey {
  readonly explanation: Explanation;
  readonly checked: Checked;
}

interface ExplainContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Explains the picture of a key. Throws ConfigError with the nearest keys where there is none, and an audit's errors. */
export function explainKey(
  key: string,
  searched: Searched,
  context: ExplainContext,
): Promise<ExplainedKey> {
  return searched.annotations === undefined
    ? explainInSets(key, searched, context)
    : explainInAnnotations(key, searched.annotations, context);
}

async function explainInSets(
  key: string,
  { folders, near: choice, through }: Searched,
  context: ExplainContext,
): Promise<ExplainedKey> {
  const { withRelatedSets } = await import("../auditing/shard-set-audit.ts");
  const options = { ...context, near: choice, through };
  return withRelatedSets(folders, options, async ({ near, related }) => {
    const digests = new Map(
      related.splits.map(({ digest, set, split }) => [`${set}/${split}`, digest]),
    );
    const where = [...folders, ...through].join(", ");
    return {
      explanation: await explained(key, related.identities, where),
      checked: { digests, near: near?.findings.summary ?? null },
    };
  });
}

async function explainInAnnotations(
  key: string,
  folder: string,
  context: ExplainContext,
): Promise<ExplainedKey> {
  const { groupsOfEverything } = await import("../annotation-audit/compared-groups.ts");
  const { relateAnnotatedPictures } = await import("../annotation-audit/annotation-pictures.ts");
  const { groups } = await groupsOfEverything();
  const { related } = await relateAnnotatedPictures(groups, { folder }, context);
  return {
    explanation: await explained(key, related.identities, `the annotation files of ${folder}`),
    checked: { digests: new Map(), near: null },
  };
}

async function explained(key: string, identities: Identities, where: string): Promise<Explanation> {
  const explanation = explainPicture(identities, key);
  if (explanation !== undefined) return explanation;
  const { distance } = await import("fastest-levenshtein");
  const nearest = nearestKeys(identities, key, distance);
  const form =
    parseImageKey(key) === undefined ? "a key is a collection and its id, as coco:391895; " : "";
  throw new ConfigError(
    `no picture of ${where} has the key ${JSON.stringify(key)}; ${identities.numPictures.toLocaleString("en-US")} pictures were looked at`,
    {
      remedy:
        nearest.length === 0
          ? "name a set that has pictures"
          : `${form}the nearest keys are ${nearest.map((name) => escapeControls(name)).join(", ")}; a picture that was left out of a set is found with --annotations`,
    },
  );
}
