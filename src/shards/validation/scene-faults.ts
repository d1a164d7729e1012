import type { PictureInfo, SceneHead, SceneText } from "../../core/records.ts";

const DIGEST = /^[0-9a-f]{64}$/;

/** What is not well-formed in a scene, without looking at its pictures' bytes. */
export function* sceneFaults(scene: SceneHead): Generator<string> {
  if (scene.sceneKey === "") yield "the scene has no key";
  if (scene.pictures.length === 0) yield `scene ${scene.sceneKey} has no picture`;
  for (const picture of scene.pictures) yield* pictureFaults(picture);
  for (const text of scene.texts) yield* textFaults(text);
}

function* pictureFaults(picture: PictureInfo): Generator<string> {
  const { key, width, height, sourceWidth, sourceHeight, orientation } = picture;
  for (const [name, digest] of Object.entries({
    sha256: picture.sha256,
    source_sha256: picture.sourceSha256,
    pixel_sha256: picture.pixelSha256,
    perceptual_hash: picture.perceptualHash,
  })) {
    if (digest !== null && !DIGEST.test(digest))
      yield `${name} of ${key} is no digest: "${digest}"`;
  }
  if (Math.min(width, height, sourceWidth, sourceHeight) < 1) {
    yield `${key} measures ${width}x${height}, its source ${sourceWidth}x${sourceHeight}`;
  }
  if (picture.sourceSizeBytes < 1)
    yield `the source of ${key} has ${picture.sourceSizeBytes} bytes`;
  if (orientation < 1 || orientation > 8) yield `${key} has the orientation ${orientation}`;
  if (picture.path === "") yield `${key} has no path`;
  if (picture.format === "") yield `${key} has no format`;
  const names = [key, ...picture.linkedKeys];
  if (new Set(names).size < names.length) yield `${key} is linked to one key twice or to itself`;
}

function* textFaults(text: SceneText): Generator<string> {
  if (text.id === "") yield `the text "${text.text}" has no id`;
  if (text.text.trim() === "") yield `text ${text.id} is empty`;
  if (text.context?.trim() === "") yield `the context of text ${text.id} is empty`;
  for (const { answer, count } of text.answers) {
    if (count < 1) yield `text ${text.id}: the answer "${answer}" was given ${count} times`;
  }
  if (text.box === null) return;
  const { x, y, width, height } = text.box;
  const isBox = [x, y, width, height].every((value) => Number.isFinite(value));
  if (!isBox || width < 0 || height < 0) {
    yield `text ${text.id} has the box ${x}, ${y}, ${width}, ${height}`;
  }
}
