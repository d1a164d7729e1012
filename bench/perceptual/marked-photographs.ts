import type { Scene } from "../../src/core/records.ts";
import { caption, storedPicture } from "../../test/loader/shard-set-fixture.ts";

/** Scenes of the photographs over and over, from one number to another, each with bytes and captions of its own. */
export function* markedScenes(
  photographs: readonly Scene[],
  { from, to }: { readonly from: number; readonly to: number },
): Generator<Scene> {
  for (let at = from; at < to; at += 1) {
    const scene = photographs[at % photographs.length];
    const [picture] = scene?.pictures ?? [];
    if (scene === undefined || picture === undefined) continue;
    const { bytes, height, width } = picture;
    const marked = storedPicture(`${at}`, withComment(bytes, at), { width, height });
    const texts = scene.texts.map(({ id, text }) => caption(`${id}-${at}`, `${text} ${at}`));
    yield { ...scene, sceneKey: marked.key, pictures: [marked], texts };
  }
}

/**
 * A JPEG with a number in a comment behind its first marker: pictures with bytes of their own, so that what is known of one
 * does not save a look at another.
 */
function withComment(jpeg: Uint8Array, number: number): Uint8Array {
  const comment = Buffer.from([0xff, 0xfe, 0, 6, 0, 0, 0, 0]);
  comment.writeUInt32BE(number, 4);
  return Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]);
}
