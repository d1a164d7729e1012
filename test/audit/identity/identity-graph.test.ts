import {
  array,
  assert,
  constantFrom,
  nat,
  option,
  property,
  record,
  uniqueArray,
  type Arbitrary,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { stepsOf } from "../../../src/audit/identity/chain-steps.ts";
import type { Identities } from "../../../src/audit/identity/identities.ts";
import { IdentityGraph, type NearEdge } from "../../../src/audit/identity/identity-graph.ts";
import { NearestEvaluation } from "../../../src/audit/identity/nearest-evaluation.ts";
import { type ChainLink, partnersOf } from "../../../src/audit/identity/partners.ts";
import { sourceOverlaps } from "../../../src/audit/identity/source-overlaps.ts";
import { imageKey, namesOfReference, type PictureName } from "../../../src/core/keys.ts";

const roles = ["train", "eval", "witness"] as const;

// Pictures as the names they may share: few values, so that chains are frequent.
const smallId = nat({ max: 14 });
const made = record({
  source: nat({ max: 5 }),
  key: smallId,
  links: uniqueArray(smallId, { maxLength: 2 }),
  photo: option(smallId),
});
const worlds = record({
  pictures: array(made, { minLength: 1, maxLength: 16 }),
  near: array(record({ one: nat({ max: 15 }), other: nat({ max: 15 }) }), { maxLength: 3 }),
  spread: constantFrom(1, 3),
});
type World = typeof worlds extends Arbitrary<infer T> ? T : never;

function namesIn(world: World, index: number): readonly PictureName[] {
  const picture = world.pictures[index];
  if (picture === undefined) return [];
  // Training pictures have keys of their own where the spread is large, so that links and photos join them.
  const key = imageKey("vg", picture.key + 100 * (index % world.spread));
  return namesOfReference({
    key,
    linkedKeys: picture.links.map((id) => imageKey("vg", id)),
    url: null,
    flickrPhotoId: picture.photo === null ? null : `${1000 + picture.photo}`,
  });
}

function pairsOf({ near, pictures }: World): { readonly one: number; readonly other: number }[] {
  return near.filter(
    ({ one, other }) => one !== other && one < pictures.length && other < pictures.length,
  );
}

function identitiesOf(world: World): Identities {
  const graph = new IdentityGraph();
  for (let source = 0; source < 6; source += 1) {
    graph.addSource({ set: `s${source}`, split: "x", role: roles[source % 3] ?? "train" });
  }
  for (const [index, { source }] of world.pictures.entries()) {
    graph.add(source, { names: namesIn(world, index) });
  }
  for (const pair of pairsOf(world)) graph.addNear(edge(pair));
  return graph.identities();
}

function edge(pair: { readonly one: number; readonly other: number }): NearEdge {
  const near = { distanceBits: 7, trainView: "whole", evalView: "whole", correlation: 0.99 };
  return { ...pair, rule: "near-duplicate", near, evidence: "7 of 256 bits" };
}

/** Of each two pictures whether they have a name in common. */
function sharing(world: World): readonly (readonly boolean[])[] {
  const names = world.pictures.map(
    (_, index) => new Set(namesIn(world, index).map(({ kind, name }) => `${kind} ${name}`)),
  );
  return names.map((own) => names.map((other) => !own.isDisjointFrom(other)));
}

/** Added to the length of a chain with a verified pair: it counts only where no names lead. */
const FIRST_BEYOND = 1000;

/** The number of steps of the shortest chain with no more than one verified pair, by trying everything. */
function bruteForceDistances(world: World): (number | undefined)[][] {
  const size = world.pictures.length;
  const pairs = pairsOf(world);
  const shared = sharing(world);
  const isNear = (a: number, b: number): boolean =>
    pairs.some(({ one, other }) => (one === a && other === b) || (one === b && other === a));
  return world.pictures.map((_, start) => {
    // best[beyond][picture]
    const best = [0, 1].map(() => Array.from({ length: size }, () => Number.POSITIVE_INFINITY));
    const relax = (beyond: number, at: number, steps: number): void => {
      const row = best[beyond];
      if (row === undefined || steps >= (row[at] ?? 0)) return;
      row[at] = steps;
      for (let to = 0; to < size; to += 1) {
        if (to === at) continue;
        if (shared[at]?.[to] === true) relax(beyond, to, steps + 1);
        if (beyond === 0 && isNear(at, to)) relax(1, to, steps + 1);
      }
    };
    relax(0, start, 0);
    return world.pictures.map((__, at) => {
      const [byNames = 0, beyond = 0] = [best[0]?.[at], best[1]?.[at]];
      // Names alone are the better evidence, however many steps they take.
      const steps = Number.isFinite(byNames) ? byNames : FIRST_BEYOND + beyond;
      return Number.isFinite(steps) ? steps : undefined;
    });
  });
}

function lengthOf(links: readonly ChainLink[]): number {
  return links.length + (links.some((link) => "edge" in link) ? FIRST_BEYOND : 0);
}

function roleIn(world: World, picture: number): string {
  return roles[(world.pictures[picture]?.source ?? 0) % 3] ?? "";
}

describe("the identity graph", () => {
  it("finds the pairs that a closure over everything finds, each by a shortest chain", () => {
    assert(
      property(worlds, (world) => {
        const identities = identitiesOf(world);
        const distances = bruteForceDistances(world);
        for (const [picture] of world.pictures.entries()) {
          const found = Array.from(partnersOf(identities, picture), (partner) => [
            partner.picture,
            lengthOf(partner.links),
          ]);
          const expected = world.pictures.flatMap((_, at) => {
            const steps = at === picture ? undefined : distances[picture]?.[at];
            return roleIn(world, at) === "eval" && steps !== undefined ? [[at, steps]] : [];
          });
          expect(new Map(found.map(([at, steps]) => [at, steps]))).toEqual(
            new Map(expected.map(([at, steps]) => [at, steps])),
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  it("takes no second verified pair, also where one leads to an evaluation picture sooner", () => {
    const graph = new IdentityGraph();
    const source = (role: (typeof roles)[number]): number =>
      graph.addSource({ set: role, split: "x", role });
    const [tests, trained, lists] = [source("eval"), source("train"), source("witness")];
    const add = (from: number, key: number, links: readonly number[] = []): number => {
      const linkedKeys = links.map((id) => imageKey("vg", id));
      const names = { key: imageKey("vg", key), linkedKeys, url: null, flickrPhotoId: null };
      return graph.add(from, { names: namesOfReference(names) });
    };
    const [tooFar, named] = [add(tests, 1), add(tests, 2, [3])];
    const picture = add(trained, 4);
    const [between, like] = [add(lists, 5), add(lists, 3)];
    graph.addNear(edge({ one: picture, other: between }));
    graph.addNear(edge({ one: between, other: tooFar }));
    graph.addNear(edge({ one: picture, other: like }));
    const found = Array.from(partnersOf(graph.identities(), picture), (its) => its.picture);
    expect(found).toEqual([named]);
  });

  it("leads every picture to its nearest evaluation picture, with one verified pair at most", () => {
    assert(
      property(worlds, (world) => {
        const identities = identitiesOf(world);
        const nearest = new NearestEvaluation(identities);
        const distances = bruteForceDistances(world);
        for (const [picture] of world.pictures.entries()) {
          const reachable = world.pictures.flatMap((_, at) =>
            roleIn(world, at) === "eval" ? (distances[picture]?.[at] ?? []) : [],
          );
          const chain = nearest.chainFrom(picture);
          expect(chain === undefined ? undefined : lengthOf(chain)).toBe(
            reachable.length === 0 ? undefined : Math.min(...reachable),
          );
          const steps = stepsOf(identities, chain ?? []);
          expect(steps.filter(({ rule }) => rule === "near-duplicate").length).toBeLessThan(2);
          for (const [at, link] of (chain ?? []).entries()) {
            expect(link.from).toBe(at === 0 ? picture : chain?.[at - 1]?.to);
          }
          const last = chain?.at(-1)?.to ?? picture;
          expect(chain === undefined || roleIn(world, last) === "eval").toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("counts what every two sources share as a comparison of all pictures does", () => {
    assert(
      property(worlds, (world) => {
        const distances = bruteForceDistances(world);
        const counts = new Map<string, number>();
        for (const [at, { source }] of world.pictures.entries()) {
          if (roleIn(world, at) !== "eval") continue;
          const sources = world.pictures.flatMap((other, place) =>
            roleIn(world, place) === "train" && distances[at]?.[place] !== undefined
              ? [other.source]
              : [],
          );
          for (const train of new Set(sources)) {
            counts.set(`${train} ${source}`, (counts.get(`${train} ${source}`) ?? 0) + 1);
          }
        }
        const overlaps = sourceOverlaps(identitiesOf(world));
        expect(
          new Map(overlaps.map((row) => [`${row.train} ${row.eval}`, row.evalPictures])),
        ).toEqual(counts);
      }),
      { numRuns: 200 },
    );
  });
});
