import { z } from "zod";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { SourceError } from "../../core/errors.ts";
import { parseImageKey, type ImageKey } from "../../core/keys.ts";
import type { Leak } from "../verdict.ts";

const FORMAT = "crossweave-decisions";
const VERSION = 1;

/** What a person decided about a training picture and an evaluation picture. */
export interface ReviewDecision {
  readonly train: ImageKey;
  readonly eval: ImageKey;
  /** "deny": it is one picture, a leak; "allow": it is not, whatever the rules say. */
  readonly decision: "allow" | "deny";
  /** The rule by which the pair stood in the report. */
  readonly rule: string;
  readonly note: string;
}

/** The decisions of one or more lists. */
export interface ReviewDecisions {
  /** Each pair once, in the order of its keys. */
  readonly decisions: readonly ReviewDecision[];
  /** Of the decisions alone: what they say, whatever report they were made on. */
  readonly sha256: string;
}

const imageKeySchema = z.string().transform((text, context) => {
  const key = parseImageKey(text);
  if (key !== undefined) return key;
  context.addIssue(`${JSON.stringify(text).slice(0, 80)} is no image key such as "coco:391895"`);
  return z.NEVER;
});

const listSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  auditDigest: z.string(),
  decisions: z.array(
    z.strictObject({
      train: imageKeySchema,
      eval: imageKeySchema,
      decision: z.enum(["allow", "deny"]),
      rule: z.string(),
      note: z.string(),
    }),
  ),
});

/**
 * Reads an allow/deny list as the page of an audit saves it. Throws SourceError when `text`, the content of
 * `file`, is none, or says two things about one pair.
 */
export function parseDecisions(text: string, file: string): ReviewDecisions {
  const parsed = listSchema.safeParse(parseJson(text, file));
  if (!parsed.success) {
    const { message = "", path = [] } = parsed.error.issues[0] ?? {};
    const record = `/${path.join("/")}`;
    throw notAList({ file, record, found: `${record}: ${message}` });
  }
  const byPair = new Map<string, ReviewDecision>();
  for (const [index, made] of parsed.data.decisions.entries()) {
    const pair = pairKey(made.train, made.eval);
    const other = byPair.get(pair);
    if (other !== undefined && other.decision !== made.decision) {
      const found = `it both allows and denies ${made.train} and ${made.eval}`;
      throw notAList({ file, record: `/decisions/${index}`, found });
    }
    byPair.set(pair, made);
  }
  return reviewDecisions([...byPair.values()]);
}

/** Decisions in their order, with their digest. */
export function reviewDecisions(decisions: readonly ReviewDecision[]): ReviewDecisions {
  const ordered = decisions.toSorted((a, b) =>
    pairKey(a.train, a.eval) < pairKey(b.train, b.eval) ? -1 : 1,
  );
  return {
    decisions: ordered,
    sha256: sha256(canonicalJson(ordered.map((made) => ({ ...made })))),
  };
}

// What no person can overrule: the two have one name of their own, one file or one picture.
const proofs: ReadonlySet<string> = new Set(["same-key", "same-bytes", "same-pixels"]);

/** Whether key, bytes or pixels alone make the two one picture, so that no decision can allow the pair. */
export function isProven({
  alsoBy,
  chain,
  rule,
}: Pick<Leak, "alsoBy" | "chain" | "rule">): boolean {
  const isDirect = [rule, ...alsoBy].some((each) => proofs.has(each));
  return isDirect || chain.every((step) => proofs.has(step.rule));
}

/** What names a pair among others. */
export function pairKey(train: ImageKey, evaluation: ImageKey): string {
  return `${train}\n${evaluation}`;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notAList({ file, record: undefined, found: "it is not JSON", cause });
  }
}

function notAList(fault: {
  readonly file: string;
  readonly record: string | undefined;
  readonly found: string;
  readonly cause?: unknown;
}): SourceError {
  const { file, found, ...place } = fault;
  return new SourceError(
    `${file}: no allow/deny list: ${found}; expected format "${FORMAT}", version ${VERSION}`,
    { ...place, file, remedy: "save the list again on the page of crossweave audit … --report" },
  );
}
