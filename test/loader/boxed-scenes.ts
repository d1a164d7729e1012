import sharp from "sharp";

import { RandomStream } from "../../src/core/random.ts";
import type { Box, PictureRegions, Scene, SceneText } from "../../src/core/records.ts";
import { caption, storedPicture } from "./shard-set-fixture.ts";

/** The colours of things in the pictures, by the words in their texts. */
export const colours = ["red", "green", "blue"] as const;

const DARK = 40;
/** Halfway from a thing to what is around it, where its edge is. */
export const EDGE_VALUE: number = (DARK + 255) / 2;
export const numFeatures = 4;
export const numClasses = 3;

/**
 * Scenes whose picture shows a red, a green and a blue rectangle, for each of which there is a text and a region with
 * its box; the region's first three features and its class probabilities say which it is. EXIF orientations 1 to 8 take
 * turns; every other picture is a JPEG without subsampling, the others are PNG.
 */
export function boxedScenes(numScenes: number): Promise<Scene[]> {
  return Promise.all(Array.from({ length: numScenes }, (_, index) => boxedScene(index)));
}

async function boxedScene(index: number): Promise<Scene> {
  const draws = new RandomStream(index, 77);
  const [width, height] = [60 + draws.nextInt(90), 60 + draws.nextInt(90)];
  const boxes = colours.map((_, band): Box => {
    const [bandStart, bandWidth] = [Math.ceil((band * width) / 3), Math.floor(width / 3) - 1];
    const size = { width: 10 + draws.nextInt(bandWidth - 10), height: 10 + draws.nextInt(35) };
    const x = bandStart + draws.nextInt(bandWidth - size.width);
    return { x, y: draws.nextInt(height - size.height), ...size };
  });
  const orientation = 1 + (index % 8);
  const raw = { width, height, channels: 3 } as const;
  const picture = sharp(paint(boxes, { width, height }), { raw }).withMetadata({ orientation });
  const isJpeg = index % 2 === 0;
  const bytes = await (
    isJpeg ? picture.jpeg({ quality: 98, chromaSubsampling: "4:4:4" }) : picture.png()
  ).toBuffer();
  const format = isJpeg ? "jpeg" : "png";
  const facts = { width, height, orientation, format };
  return {
    sceneKey: `coco:${index}`,
    pictures: [storedPicture(String(index), bytes, facts)],
    texts: colours.map((colour, part) =>
      boxedText(`${index}-${part}`, { colour, box: boxes[part] }),
    ),
    regions: [regionsOf(boxes)],
  };
}

function boxedText(
  id: string,
  { box = null, colour }: { box: Box | null | undefined; colour: string },
): SceneText {
  return { ...caption(id, `a ${colour} box number ${id}`), kind: "region-description", box };
}

function paint(boxes: readonly Box[], size: { width: number; height: number }): Uint8Array {
  const pixels = new Uint8Array(size.width * size.height * 3).fill(DARK);
  for (const [channel, { height, width, x, y }] of boxes.entries()) {
    for (let row = y; row < y + height; row += 1) {
      for (let column = x; column < x + width; column += 1) {
        pixels[(row * size.width + column) * 3 + channel] = 255;
      }
    }
  }
  return pixels;
}

function regionsOf(boxes: readonly Box[]): PictureRegions {
  return {
    boxes,
    confidences: boxes.map((_, kind) => 0.9 - kind / 10),
    numFeatures,
    numClasses,
    features: oneHotRows(boxes.length, numFeatures),
    classProbabilities: oneHotRows(boxes.length, numClasses),
  };
}

/** The bytes of 16-bit floats: row after row, with a 1 at the row's number. */
function oneHotRows(numRows: number, width: number): Uint8Array {
  const values = Float16Array.from({ length: numRows * width }, (_, place) =>
    Number(place % width === Math.floor(place / width)),
  );
  return new Uint8Array(values.buffer);
}

/** The first regions of a picture. */
export function firstRegions(regions: PictureRegions | null, count: number): PictureRegions | null {
  if (regions === null) return null;
  const { boxes, classProbabilities, confidences, features } = regions;
  return {
    ...regions,
    boxes: boxes.slice(0, count),
    confidences: confidences?.slice(0, count) ?? null,
    features: features.subarray(0, 2 * count * numFeatures),
    classProbabilities: classProbabilities.subarray(0, 2 * count * numClasses),
  };
}
