import { collectionOf } from "../../core/keys.ts";
import type { SceneText } from "../../core/records.ts";
import type { LeakKind, TextLeak, TextLeakRule, TextPlace } from "../findings.ts";
import { stepsOf } from "../identity/chain-steps.ts";
import { partnersOf } from "../identity/partners.ts";
import { labelOf } from "./labels.ts";
import type {
  ComparedSplits,
  ProtectedText,
  ProtectedTexts,
  TextScene,
} from "./protected-texts.ts";

/** A training text, and the number of an evaluation text that it is. */
export interface TextPair {
  readonly rule: TextLeakRule;
  readonly text: SceneText;
  readonly scene: TextScene;
  readonly partner: number;
  readonly similarity: number;
}

/** Of a picture that so many evaluation pictures are, the chain to a farther one is not looked for. */
const MAX_PARTNERS = 1000;

/** A pair as a verdict lists it. */
export function describeTextLeak(
  pair: TextPair,
  texts: ProtectedTexts,
  related: ComparedSplits,
): TextLeak {
  const { rule, scene, similarity, text } = pair;
  const other = texts.at(pair.partner);
  const chain = chainBetween(scene, other.scene, related);
  const label = labelOf(text);
  return {
    rule,
    kind: kindOf(pair, other, chain !== undefined),
    train: placeOf(related, { scene, id: text.id, text: text.text, label }),
    eval: placeOf(related, other),
    sameLabel: label === null || other.label === null ? null : label === other.label,
    similarity,
    evidence: evidenceOf(pair, other, chain),
  };
}

function kindOf({ rule, scene }: TextPair, other: ProtectedText, isSamePicture: boolean): LeakKind {
  const isWithin = collectionOf(scene.sceneKey) === collectionOf(other.scene.sceneKey);
  return {
    modality: isSamePicture ? "picture-and-text" : "text",
    coverage: isWithin ? "within-dataset" : "between-datasets",
    degree: rule === "near-text" ? "near-identical" : "identical",
  };
}

function placeOf(
  { splits }: ComparedSplits,
  at: Pick<ProtectedText, "scene" | "id" | "text" | "label">,
): TextPlace {
  const { set = "", split = "" } = splits[at.scene.source] ?? {};
  const { id: textId, label, scene, text } = at;
  return { set, split, sceneKey: scene.sceneKey, textId, text, label };
}

function evidenceOf(
  { rule, similarity, text }: TextPair,
  other: ProtectedText,
  chain: string | undefined,
): string {
  const picture = chain === undefined ? "another picture" : `the same picture: ${chain}`;
  if (rule === "near-text") {
    return `${Math.round(similarity * 100)} % of the pairs of words are the same, of ${picture}`;
  }
  const record = rule === "same-pair-id" ? `record ${text.id}` : `${text.id} and ${other.id}`;
  return `the same ${text.kind} (${record}) of ${picture}`;
}

/** Why two scenes have a picture in common, or undefined when they have none. */
function chainBetween(
  one: TextScene,
  other: TextScene,
  { identities }: ComparedSplits,
): string | undefined {
  for (const own of one.pictures) {
    if (other.pictures.includes(own)) return `key ${identities.key(own)}`;
    for (const { links, picture } of partnersOf(identities, own).take(MAX_PARTNERS)) {
      if (!other.pictures.includes(picture)) continue;
      const steps = stepsOf(identities, links);
      return steps.map(({ evidence }) => evidence).join(", then ");
    }
  }
  return undefined;
}
