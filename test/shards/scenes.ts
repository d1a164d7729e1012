import { createHash } from "node:crypto";
import { imageKey } from "../../src/core/keys.ts";
import { sha256 } from "../../src/core/digest.ts";
import type { PictureRegions, Scene, SceneText, StoredPicture } from "../../src/core/records.ts";

/** Bytes that look like nothing but are the same for the same seed. */
function madeUpBytes(seed: string, sizeBytes: number): Uint8Array {
  return createHash("shake256", { outputLength: Math.max(1, sizeBytes) })
    .update(seed)
    .digest()
    .subarray(0, sizeBytes);
}

export function madeUpPicture(id: number, sizeBytes = 500): StoredPicture {
  const bytes = madeUpBytes(`picture ${id}`, sizeBytes);
  return {
    key: imageKey("coco", id),
    path: `coco/train2017/${String(id).padStart(12, "0")}.jpg`,
    format: "jpeg",
    width: 640,
    height: 480,
    sourceWidth: 640,
    sourceHeight: 480,
    sourceSizeBytes: bytes.byteLength,
    orientation: 1,
    sha256: sha256(bytes),
    sourceSha256: sha256(bytes),
    pixelSha256: sha256(`pixels ${id}`),
    perceptualHash: null,
    url: id % 3 === 0 ? null : `http://images.cocodataset.org/train2017/${id}.jpg`,
    flickrPhotoId: id % 2 === 0 ? null : `${4_000_000_000 + id}`,
    license: id % 5 === 0 ? null : "3",
    notes: id % 5 === 2 ? ["cmyk-to-rgb", "trailing-bytes-cut"] : [],
    linkedKeys: id % 4 === 3 ? [imageKey("vg", id), imageKey("flickr30k", `${id}`)] : [],
    bytes,
  };
}

export function madeUpText(id: number): SceneText {
  return {
    id: String(id),
    kind: id % 7 === 0 ? "question" : "caption",
    text: `Zwei Hunde und ein Ball № ${id} 🐕`,
    label: id % 4 === 0 ? "entailment" : null,
    answers:
      id % 7 === 0
        ? [
            { answer: "yes", count: 9 },
            { answer: "", count: 1 },
          ]
        : [],
    choices: id % 11 === 0 ? ["red", "", "blue"] : [],
    box: id % 3 === 0 ? { x: 0.5, y: 2, width: 30.25, height: id } : null,
    context: id % 5 === 0 ? `Ein Bild von ${id} Hunden.` : null,
  };
}

/** Bytes of finite 16-bit floats, little-endian. */
function madeUpHalves(seed: string, numValues: number): Uint8Array {
  const bytes = madeUpBytes(seed, 2 * numValues);
  return bytes.map((byte, index) => (index % 2 === 1 ? byte & 0x3f : byte));
}

/** What a detector could have seen in picture `id`: 1 to 4 regions, 6 features, 3 classes. */
export function madeUpRegions(id: number): PictureRegions {
  const numRegions = 1 + (id % 4);
  const [numFeatures, numClasses] = [6, 3];
  const regions = Array.from({ length: numRegions }, (_, index) => index);
  return {
    boxes: regions.map((index) => ({ x: 10 * index, y: 0.5, width: 600, height: 400 - index })),
    confidences: id % 3 === 0 ? null : regions.map((index) => 1 - index / 8),
    numFeatures,
    numClasses,
    features: madeUpHalves(`features ${id}`, numRegions * numFeatures),
    classProbabilities: madeUpHalves(`classes ${id}`, numRegions * numClasses),
  };
}

/** The scene with regions for its pictures, but for the last of two. */
export function withRegions(scene: Scene, index: number): Scene {
  const regions = scene.pictures.map((_, place) => (place === 1 ? null : madeUpRegions(index)));
  return { ...scene, regions };
}

/** Scene number `index` of a made-up split: one or two pictures, 0 to 5 texts. */
export function madeUpScene(index: number, sizeBytes = 500): Scene {
  const pictures = [madeUpPicture(2 * index, sizeBytes)];
  if (index % 6 === 5) pictures.push(madeUpPicture(2 * index + 1, sizeBytes >>> 1));
  const texts = Array.from({ length: (index * 7) % 6 }, (_, text) => madeUpText(index * 6 + text));
  return { sceneKey: `scene-${index}`, pictures, texts, regions: null };
}
