import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import {
  NUM_CLASSES,
  type SeenRegions,
  seenRegions,
} from "../../../src/ingest/small-detector/detector.ts";
import { viewOf } from "../../../src/ingest/small-world/picture.ts";
import {
  colors,
  drawPhotograph,
  type SceneObject,
  shapes,
  type View,
} from "../../../src/ingest/small-world/scene.ts";

const NUM_FEATURES = 128;
const NUM_PICTURES = 400;
const views = Array.from({ length: NUM_PICTURES }, (_, index) =>
  viewOf(drawPhotograph("any", new RandomStream(5, index)), { kind: "drawn" }),
);
const seen = views.map((view, index) =>
  seenRegions(view, new RandomStream(9, index), NUM_FEATURES),
);

/** A region's rows and its box in pixels. */
interface Region {
  readonly box: { readonly x: number; readonly y: number; readonly width: number; height: number };
  readonly confidence: number;
  readonly features: readonly number[];
  readonly probabilities: Float16Array;
}

function regionsOf(view: View, found: SeenRegions): Region[] {
  return Array.from({ length: found.numRegions }, (_, row) => {
    const [left = 0, top = 0, right = 0, bottom = 0, width = 0, height = 0] =
      found.corners.subarray(row * 6, (row + 1) * 6);
    expect(Math.abs(right - left - width)).toBeLessThan(2e-3);
    expect(Math.abs(bottom - top - height)).toBeLessThan(2e-3);
    const box = { x: left * view.width, y: top * view.height };
    return {
      box: { ...box, width: width * view.width, height: height * view.height },
      confidence: found.confidences[row] ?? 0,
      features: [...found.features.subarray(row * NUM_FEATURES, (row + 1) * NUM_FEATURES)],
      probabilities: found.classProbabilities.subarray(row * NUM_CLASSES, (row + 1) * NUM_CLASSES),
    };
  });
}

const pictures = views.flatMap((view, index) => {
  const found = seen[index];
  return found === undefined ? [] : [{ view, regions: regionsOf(view, found) }];
});

/** The object that a region is of: more than half of what both cover is common to them. */
function objectOf({ box }: Region, { objects }: View): SceneObject | undefined {
  return objects.find(({ box: other }) => {
    const width = Math.min(box.x + box.width, other.x + other.width) - Math.max(box.x, other.x);
    const height = Math.min(box.y + box.height, other.y + other.height) - Math.max(box.y, other.y);
    const shared = Math.max(0, width) * Math.max(0, height);
    return shared / (box.width * box.height + other.width * other.height - shared) > 0.55;
  });
}

function kindOf({ color, shape }: SceneObject): number {
  return 1 + colors.indexOf(color) * shapes.length + shapes.indexOf(shape);
}

function argmaxOfObjects(probabilities: Float16Array): number {
  let best = 1;
  for (let label = 2; label < NUM_CLASSES; label += 1) {
    if ((probabilities[label] ?? 0) > (probabilities[best] ?? 0)) best = label;
  }
  return best;
}

describe("the small world's detector", () => {
  it("sees 10 to 40 regions of each picture, inside it, the most confident ones first", () => {
    const counts = pictures.map(({ regions }) => regions.length);
    expect(Math.min(...counts)).toBe(10);
    expect(Math.max(...counts)).toBeGreaterThan(30);
    expect(Math.max(...counts)).toBeLessThanOrEqual(40);
    for (const { regions, view } of pictures) {
      const confidences = regions.map(({ confidence }) => confidence);
      expect(confidences).toEqual(confidences.toSorted((a, b) => b - a));
      for (const { box } of regions) {
        expect(Math.min(box.x, box.y)).toBeGreaterThanOrEqual(0);
        expect(Math.min(box.width, box.height)).toBeGreaterThan(0);
        expect(box.x + box.width).toBeLessThan(view.width * 1.002);
        expect(box.y + box.height).toBeLessThan(view.height * 1.002);
      }
    }
  });

  it("U-5: has pictures of which fewer than 10 regions are confident, and others", () => {
    const confident = pictures.map(
      ({ regions }) => regions.filter(({ confidence }) => confidence > 0.2).length,
    );
    expect(confident.some((count) => count < 10)).toBe(true);
    expect(confident.some((count) => count > 10)).toBe(true);
  });

  it("sees every object, several times, and the backdrop as well", () => {
    for (const { regions, view } of pictures) {
      const ofRegions = regions.map((region) => objectOf(region, view));
      for (const object of view.objects) {
        expect(ofRegions.filter((one) => one === object).length).toBeGreaterThan(1);
      }
    }
    const onBackdrop = pictures.flatMap(({ regions, view }) =>
      regions.filter((region) => objectOf(region, view) === undefined),
    );
    expect(onBackdrop.length).toBeGreaterThan(2 * NUM_PICTURES);
  });

  it("G-4: gives class probabilities that sum to 1 in 16 bits", () => {
    for (const { regions } of pictures.slice(0, 60)) {
      for (const { probabilities } of regions) {
        const sum = probabilities.reduce((total, probability) => total + probability, 0);
        expect(Math.abs(sum - 1)).toBeLessThan(1e-2);
      }
    }
  });

  it("is as confident as its most probable class but the background, which is the object's kind", () => {
    let [numRight, numObjects] = [0, 0];
    for (const { regions, view } of pictures.slice(0, 100)) {
      for (const region of regions) {
        const label = argmaxOfObjects(region.probabilities);
        const probability = region.probabilities[label] ?? 0;
        expect(Math.abs(probability - region.confidence)).toBeLessThan(1e-2);
        const object = objectOf(region, view);
        if (object === undefined || region.confidence < 0.45) continue;
        numObjects += 1;
        numRight += Number(label === kindOf(object));
      }
    }
    expect(numRight / numObjects).toBeGreaterThan(0.99);
  });

  it("T-17: gives features from which the nearest mean of other pictures' tells the kind of object", () => {
    const all = pictures.map(({ regions, view }) =>
      regions.flatMap((region) => {
        const object = objectOf(region, view);
        const isTold = object !== undefined && region.confidence > 0.7;
        return isTold ? [{ kind: kindOf(object), features: region.features }] : [];
      }),
    );
    const [known, unknown] = [all.slice(0, 300).flat(), all.slice(300).flat()];
    const means = [...Map.groupBy(known, ({ kind }) => kind)].map(([kind, ofKind]) => ({
      kind,
      mean: Array.from(
        { length: NUM_FEATURES },
        (_, place) =>
          ofKind.reduce((sum, { features }) => sum + (features[place] ?? 0), 0) / ofKind.length,
      ),
    }));
    const right = unknown.filter(({ features, kind }) => {
      const distances = means.map(({ mean }) =>
        mean.reduce((sum, value, place) => sum + (value - (features[place] ?? 0)) ** 2, 0),
      );
      return means[distances.indexOf(Math.min(...distances))]?.kind === kind;
    });
    expect(right.length / unknown.length).toBeGreaterThan(0.98);
  });

  it("sees the same again, and other things by other draws", () => {
    const [view] = views;
    if (view === undefined) throw new RangeError("no picture");
    expect(seenRegions(view, new RandomStream(9, 0), NUM_FEATURES)).toEqual(seen[0]);
    expect(seenRegions(view, new RandomStream(9, 1), NUM_FEATURES)).not.toEqual(seen[0]);
  });
});
