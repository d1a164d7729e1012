import { basename } from "node:path";
import { canonicalJson, type JsonValue, sha256 } from "../../core/digest.ts";
import type { Backbone } from "../../ingest/exclusion/backbones.ts";
import { evaluatedOn, trainedOn } from "../../ingest/exclusion/evaluations.ts";
import {
  type LeakSetting,
  readLeakPolicy,
  readLeakSetting,
} from "../../ingest/exclusion/leak-policy.ts";
import { policyNames } from "../../ingest/recipe.ts";
import { readBackbones } from "../annotation-audit/compared-groups.ts";
import {
  type DatasetPart,
  partsOf,
  type PublishedSplits,
  publishedSplits,
} from "./dataset-parts.ts";

/** A policy by which sets are audited, with all that it names looked up. */
export interface AuditedPolicy {
  readonly setting: LeakSetting;
  readonly published: PublishedSplits;
  readonly trains: readonly DatasetPart[];
  readonly evaluates: readonly DatasetPart[];
  readonly protects: readonly DatasetPart[];
  /** By the names of the policies that come with the program: what each keeps out of a set that is prepared by it. */
  readonly preparedBy: ReadonlyMap<string, readonly DatasetPart[]>;
  readonly backbones: readonly Backbone[];
  /** The flags that name it, for commands that are shown; files without their folders, since a verdict is the same anywhere. */
  readonly flags: readonly string[];
  /** SHA-256 of the policy with what "every-evaluation" and its backbones stand for. */
  readonly digest: string;
}

/**
 * Reads a policy by its name or file, with backbones that a user declares instead of its own. Throws ConfigError for one
 * that there is not, or that says anything wrong.
 */
export async function readAuditedPolicy(
  name: string,
  declared: readonly string[] | undefined,
): Promise<AuditedPolicy> {
  const setting = await readLeakSetting(name);
  const [backbones, trains, evaluates, published, known] = await Promise.all([
    readBackbones(setting, declared),
    trainedOn(setting),
    evaluatedOn(setting),
    publishedSplits(),
    Promise.all(policyNames.map(readLeakPolicy)),
  ]);
  const content: JsonValue = JSON.parse(
    JSON.stringify({ ...setting, trains, evaluates, backbones }),
  );
  return {
    setting,
    published,
    trains: trains.flatMap((named) => partsOf(named, published)),
    evaluates: evaluates.flatMap((named) => partsOf(named, published)),
    preparedBy: new Map(
      known.map(({ name: ownName, protects }) => [
        ownName,
        protects.flatMap((named) => partsOf(named, published)),
      ]),
    ),
    protects: setting.protects.flatMap((named) => partsOf(named, published)),
    backbones,
    flags: [
      "--policy",
      basename(name),
      ...(declared ?? []).flatMap((backbone) => ["--backbone", basename(backbone)]),
    ],
    digest: sha256(canonicalJson(content)),
  };
}
