import assert from "node:assert/strict";
import type { PictureReference } from "../../src/core/records.ts";
import {
  type PictureIdentityRule,
  pictureIdentities,
} from "../../src/ingest/exclusion/leak-policy.ts";
import {
  type PlacedPicture,
  ProtectedTokens,
} from "../../src/ingest/exclusion/protected-tokens.ts";
import type { PlannedScene, SourcePlan, SourceSplit } from "../../src/ingest/source.ts";
import { planOptions } from "../ingest/plan-options.ts";
import type { SourceCase } from "./source-contract.ts";

/**
 * What every source keeps of exclusions: a picture that is protected is trained on in no scene, by
 * whatever its annotation file tells of it; all records of its scenes stand in the ledger with the
 * rule; nothing else changes; and an evaluation split stays as it was published.
 * Gives the identities that the pictures of the case have. Throws AssertionError otherwise.
 */
export async function checkExclusionContract(one: SourceCase): Promise<PictureIdentityRule[]> {
  const scenes = await scenesOf(one, "train");
  const all = new ProtectedTokens(pictureIdentities);
  const told: PictureIdentityRule[] = [];
  for (const identity of pictureIdentities) {
    const tokens = new ProtectedTokens(pictureIdentities);
    const every2nd = scenes.filter((_, index) => index % 2 === 0);
    const pictures = every2nd.flatMap(({ draft }) => draft.pictures);
    for (const picture of pictures.flatMap((each) => disguised(each, identity))) {
      tokens.protect(picture, PART);
      all.protect(picture, PART);
    }
    if (tokens.numPictures === 0) continue;
    told.push(identity);
    await checkLeftOut(one, { scenes, tokens, identity });
  }
  assert.deepEqual(await scenesOf(one, "eval", all), scenes);
  return told;
}

const PART = "the test part of another dataset";

/** Another dataset's picture that is the same by one identity alone; none when it cannot be told. */
function disguised(picture: PictureReference, identity: PictureIdentityRule): PlacedPicture[] {
  const { key, linkedKeys, flickrPhotoId, url } = picture;
  const blank = { linkedKeys: [], flickrPhotoId: null, url: null, evidence: "another.json#/0" };
  if (identity === "same-key") return [{ ...blank, key }];
  if (identity === "linked-key") return linkedKeys.map((linked) => ({ ...blank, key: linked }));
  if (identity === "same-url") {
    // In a spelling of its own; the photo of one on Flickr is the stronger evidence.
    const isOfWeb = /^(?:nlvr2|cc3m|sbu|own):/.test(key) && flickrPhotoId === null;
    return isOfWeb && url !== null
      ? [{ ...blank, key: "nlvr2:other", url: otherSpelling(url) }]
      : [];
  }
  if (flickrPhotoId === null) return [];
  return [{ ...blank, key: `vcr:${flickrPhotoId}`, flickrPhotoId }];
}

function otherSpelling(url: string): string {
  return url.startsWith("http:")
    ? url.replace(/^http:/, "https:")
    : url.replace(/^https:/, "http:");
}

interface Expected {
  readonly scenes: readonly PlannedScene[];
  readonly tokens: ProtectedTokens;
  readonly identity: PictureIdentityRule;
}

async function checkLeftOut(
  one: SourceCase,
  { scenes, tokens, identity }: Expected,
): Promise<void> {
  const isLeftOut = ({ draft }: PlannedScene): boolean =>
    draft.pictures.some((picture) => tokens.match(picture) !== undefined);
  const removed = scenes.filter(isLeftOut);
  assert.ok(removed.length > 0);
  using plan = await planOf(one, "train", tokens);
  assert.deepEqual(
    await allScenes(plan),
    scenes.filter((scene) => !isLeftOut(scene)),
  );
  const rows = (await Array.fromAsync(plan.ledger())).filter(({ reason }) => reason === identity);
  for (const { outcome, evidence } of rows) {
    assert.equal(outcome, "excluded");
    assert.match(evidence, /in the test part of another dataset \(another\.json#\/0\)$/);
  }
  const places = new Set(rows.map(({ file, record }) => `${file}#${record}`));
  const lost = removed
    .flatMap(({ records }) => records)
    .filter(({ file, record }) => !places.has(`${file}#${record}`));
  assert.deepEqual(lost, []);
}

async function scenesOf(
  one: SourceCase,
  role: SourceSplit["role"],
  tokens?: ProtectedTokens,
): Promise<PlannedScene[]> {
  using plan = await planOf(one, role, tokens);
  return await allScenes(plan);
}

function planOf(
  { source, folder, splits, choice }: SourceCase,
  role: SourceSplit["role"],
  tokens = new ProtectedTokens([]),
): Promise<SourcePlan> {
  return source.plan({
    ...planOptions(folder),
    ...choice,
    annotationsOnly: true,
    splits: splits.map((split) => ({ ...split, role })),
    exclusions: { digest: "", match: (picture) => tokens.match(picture) },
  });
}

async function allScenes(plan: SourcePlan): Promise<PlannedScene[]> {
  const scenes: PlannedScene[] = [];
  for (const { name } of plan.splits) scenes.push(...(await Array.fromAsync(plan.scenes(name))));
  return scenes;
}
