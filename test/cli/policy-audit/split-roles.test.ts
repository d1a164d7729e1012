import { beforeAll, describe, expect, it } from "vitest";
import {
  type AuditedPolicy,
  readAuditedPolicy,
} from "../../../src/cli/policy-audit/audited-policy.ts";
import { type DatasetPart, partsOf } from "../../../src/cli/policy-audit/dataset-parts.ts";
import { policyNote } from "../../../src/cli/policy-audit/policy-note.ts";
import { type HeldSplit, roleByPolicy } from "../../../src/cli/policy-audit/split-roles.ts";

let soho: AuditedPolicy;
let uniter: AuditedPolicy;
let strict: AuditedPolicy;

beforeAll(async () => {
  soho = await readAuditedPolicy("soho", undefined);
  uniter = await readAuditedPolicy("uniter", undefined);
  strict = await readAuditedPolicy("strict", undefined);
});

function holding(
  dataset: string,
  parts: readonly string[] | "everything",
  split?: string,
): readonly DatasetPart[] {
  return partsOf({ dataset, parts, split }, soho.published);
}

function held(role: HeldSplit["role"], holds: readonly DatasetPart[] | undefined): HeldSplit {
  return { place: "set/split", role, numPictures: 5, holds };
}

describe("a policy's word on a split", () => {
  it("says nothing of a split whose index names no recipe", () => {
    const { note, role } = roleByPolicy(held("train", undefined), soho);
    expect(role).toBe("train");
    expect(note).toContain("set/split keeps its role (training): its index names no recipe");
  });

  it("leaves a set on neither side there, and says what it has of the evaluation", () => {
    const { note, role } = roleByPolicy(held("witness", holding("nlvr2", ["dev"])), soho);
    expect(role).toBe("witness");
    expect(note).toContain("stays on neither side, as --through says");
    expect(roleByPolicy(held("witness", holding("sbu", ["all"])), soho).note).toBeUndefined();
  });

  it("tells two published splits of one dataset apart", () => {
    const karpathy = holding("snli-ve", ["test"], "Entities split");
    const { note } = roleByPolicy(held("eval", karpathy), soho);
    expect(note).toContain("neither trains nor evaluates on snli-ve (Entities split) test");
  });

  it("keeps a whole dataset in training, and names the evaluation parts among it", () => {
    const { role, trainedEvaluations } = roleByPolicy(
      held("train", holding("visual-genome", "everything")),
      uniter,
    );
    expect(role).toBe("train");
    expect(trainedEvaluations.map(({ part }) => part)).toEqual(["val", "test"]);
  });

  it("takes a whole dataset for training alone where its set was prepared without the evaluation parts", () => {
    const prepared = (policy: string): HeldSplit => {
      const preparation = { policy, leavesOut: strict.preparedBy.get(policy) ?? [] };
      return { ...held("train", holding("visual-genome", "everything")), preparation };
    };
    const { note, role, trainedEvaluations } = roleByPolicy(prepared("strict"), strict);
    expect([role, trainedEvaluations]).toEqual(["train", []]);
    expect(note).toBe(
      "set/split is training alone: it was prepared by the policy strict, which has left visual-genome val+test out of it",
    );
    // UNITER's policy trains on all of Visual Genome.
    const other = roleByPolicy(prepared("uniter"), strict);
    expect(other.trainedEvaluations.map(({ part }) => part)).toEqual(["val", "test"]);
    expect(other.note).toContain("stays training although its recipe takes visual-genome val+test");
  });

  it("says nothing where recipe and policy agree", () => {
    for (const [role, parts] of [
      ["train", ["train", "restval"]],
      ["eval", ["val"]],
    ] as const) {
      expect(roleByPolicy(held(role, holding("coco", parts)), soho).note).toBeUndefined();
    }
  });

  it("says of a protected split that is no evaluation that it is only kept out of training", () => {
    const { note } = roleByPolicy(held("train", holding("flickr30k", ["train"])), uniter);
    expect(note).toContain("; it only keeps these pictures out of what it trains on");
  });
});

describe("a policy's note", () => {
  it("points to annotation files for a backbone whose pictures stand among others", () => {
    const whole = roleByPolicy(held("train", holding("visual-genome", "everything")), uniter);
    const cell = { train: "set/split", eval: "coco/test", trainPictures: 3, evalPictures: 3 };
    expect(policyNote(uniter, [whole], [cell]).notes).toContain(
      "backbone vg-butd had seen visual-genome train: which evaluation pictures these are is known only from annotation files: crossweave audit --annotations DIR --policy uniter",
    );
    const apart = roleByPolicy(held("train", holding("visual-genome", ["train"])), uniter);
    expect(policyNote(uniter, [apart], [cell]).notes).toContain(
      "backbone vg-butd had seen the pictures of set/split: at least 3 of coco/test",
    );
  });

  it("counts an empty evaluation split as not compared", () => {
    const empty = { ...held("eval", holding("coco", ["test"])), numPictures: 0 };
    const { notCompared } = policyNote(soho, [roleByPolicy(empty, soho)], []);
    expect(notCompared).toContain("coco (Karpathy split) val+test");
  });
});
