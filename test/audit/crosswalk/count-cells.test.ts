import {
  array,
  assert,
  constantFrom,
  integer,
  option,
  property,
  record,
  subarray,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { countCells } from "../../../src/audit/crosswalk/count-cells.ts";
import {
  Crosswalk,
  type PlacedPicture,
  type RelatedPictures,
} from "../../../src/audit/crosswalk/crosswalk.ts";
import { chainFromGroup } from "../../../src/audit/crosswalk/group-chain.ts";
import type { StepRule } from "../../../src/audit/rules.ts";
import { imageKey } from "../../../src/core/keys.ts";

/** A picture of a small world, with the group that it is in; few names, so that they meet. */
interface DrawnPicture {
  readonly group: number;
  readonly source: "coco" | "vg" | "nlvr2";
  readonly id: number;
  readonly link: number | null;
  readonly photo: number | null;
  readonly page: number | null;
}

const NUM_GROUPS = 4;
const LEFT_OUT = 3;
const few = integer({ min: 1, max: 6 });
const maybe = option(few, { freq: 2 });
const drawn = record({
  group: integer({ min: 0, max: NUM_GROUPS - 1 }),
  source: constantFrom("coco", "vg", "nlvr2"),
  id: few,
  link: maybe,
  photo: maybe,
  page: maybe,
});

function placed({ source, id, link, photo, page }: DrawnPicture, at: number): PlacedPicture {
  return {
    key: imageKey(source, id),
    linkedKeys: link === null ? [] : [imageKey("coco", link)],
    flickrPhotoId: photo === null ? null : `${photo}`,
    url: page === null ? null : `http://example.org/${page}`,
    evidence: `list.json#/${at}`,
  };
}

function namesOf(picture: DrawnPicture, rules: readonly StepRule[]): ReadonlySet<string> {
  const { source, id, link, photo, page } = picture;
  const names = [`key ${source}:${id}`];
  if (link !== null && rules.includes("linked-key")) names.push(`key coco:${link}`);
  if (photo !== null && rules.includes("same-flickr-photo")) names.push(`photo ${photo}`);
  if (page !== null && rules.includes("same-url")) names.push(`page ${page}`);
  return new Set(names);
}

/** By a closure that compares everything with everything: the pictures that are one with each. */
function closures(
  pictures: readonly DrawnPicture[],
  rules: readonly StepRule[],
): readonly ReadonlySet<number>[] {
  const names = pictures.map((picture) => namesOf(picture, rules));
  return pictures.map((_, start) => {
    const reached = new Set([start]);
    for (const at of reached) {
      for (const [other, theirs] of names.entries()) {
        if (!names[at]?.isDisjointFrom(theirs)) reached.add(other);
      }
    }
    return reached;
  });
}

const allRules: readonly StepRule[] = ["same-key", "linked-key", "same-flickr-photo", "same-url"];

function related(
  pictures: readonly DrawnPicture[],
  policyRules: readonly StepRule[],
): RelatedPictures {
  const crosswalk = new Crosswalk(NUM_GROUPS, policyRules);
  const sources = Array.from({ length: NUM_GROUPS }, (_, group) =>
    crosswalk.addSource({ set: `set ${group}`, split: "part", role: "witness" }, [group]),
  );
  for (const [at, picture] of pictures.entries()) {
    crosswalk.add(sources[picture.group] ?? 0, placed(picture, at), true);
  }
  return crosswalk.related();
}

function keyOf({ source, id }: DrawnPicture): string {
  return `${source}:${id}`;
}

describe("The cells of a crosswalk", () => {
  it("are those of a closure by brute force, before and after what a policy leaves out", () => {
    assert(
      property(
        array(drawn, { maxLength: 14 }),
        subarray([...allRules]),
        (pictures, policyRules) => {
          const rows = [0, 2];
          const counts = countCells(related(pictures, policyRules), {
            rows,
            columns: [1],
            leaveOut: { group: LEFT_OUT, from: [0] },
          });
          const same = closures(pictures, allRules);
          const bySome = closures(pictures, policyRules);
          const isLeftOut = (at: number): boolean =>
            bySome[at]?.values().some((other) => pictures[other]?.group === LEFT_OUT) === true;
          for (const { row, column, pictures: number, kept } of counts.cells) {
            const shared = new Set<string>();
            const left = new Set<string>();
            for (const [at, picture] of pictures.entries()) {
              if (picture.group !== column) continue;
              const others = [...(same[at] ?? [])].filter(
                (other) => pictures[other]?.group === row,
              );
              if (others.length > 0) shared.add(keyOf(picture));
              if (others.some((other) => row !== 0 || !isLeftOut(other))) left.add(keyOf(picture));
            }
            expect([number, kept]).toEqual([shared.size, left.size]);
          }
          const leftOut = new Set(
            pictures.flatMap((one, at) => (one.group === 0 && isLeftOut(at) ? [keyOf(one)] : [])),
          );
          const counted = Object.values(counts.groups[0]?.leftOut ?? {});
          expect(counted.reduce((sum, each) => sum + each, 0)).toBe(leftOut.size);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("have chains whose every step is a name that both pictures have", () => {
    assert(
      property(array(drawn, { maxLength: 14 }), (pictures) => {
        const found = related(pictures, allRules);
        const { cells } = countCells(found, { rows: [0], columns: [1] });
        for (const picture of cells.flatMap(({ first }) => first)) {
          const chain = chainFromGroup(found, 0, picture);
          expect(chain?.train.set).toBe("set 0");
          expect(chain?.eval.set).toBe("set 1");
          expect(chain?.steps[0]?.from).toBe(chain?.train.picture);
          expect(chain?.steps.at(-1)?.to).toBe(chain?.eval.picture);
          for (const [at, step] of chain?.steps.entries() ?? []) {
            expect(step.from).toBe(at === 0 ? chain?.train.picture : chain?.steps[at - 1]?.to);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("say by which rule, the strongest, and that only a chain joins the rest", () => {
    const nothing = { link: null, photo: null, page: null };
    const pictures: readonly DrawnPicture[] = [
      { group: 1, source: "coco", id: 1, ...nothing, photo: 5 },
      { group: 1, source: "coco", id: 2, ...nothing, photo: 6 },
      { group: 1, source: "coco", id: 3, ...nothing },
      { group: 1, source: "nlvr2", id: 4, ...nothing, page: 1 },
      { group: 0, source: "coco", id: 1, ...nothing, photo: 5 },
      { group: 0, source: "nlvr2", id: 6, ...nothing, photo: 6 },
      { group: 0, source: "vg", id: 3, ...nothing, link: 3 },
      // In neither group: it leads from the page to the photo.
      { group: 2, source: "nlvr2", id: 5, ...nothing, page: 1, photo: 3 },
      { group: 0, source: "vg", id: 5, ...nothing, photo: 3 },
    ];
    const { cells, groups } = countCells(related(pictures, allRules), { rows: [0], columns: [1] });
    expect(cells).toMatchObject([
      {
        pictures: 4,
        byRule: { "same-key": 1, "linked-key": 1, "same-flickr-photo": 1, chain: 1 },
      },
    ]);
    expect(groups.map(({ pictures: number }) => number)).toEqual([4, 4, 1, 0]);
  });
});
