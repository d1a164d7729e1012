import { sha256 } from "../../src/core/digest.ts";
import { imageKey } from "../../src/core/keys.ts";
import type { PictureInfo, SceneHead } from "../../src/core/records.ts";
import type { AuditedSplit, AuditRole } from "../../src/audit/verdict.ts";

/** A picture like no other: every token it has is made from `id`. */
export function pictureOf(id: number, same: Partial<PictureInfo> = {}): PictureInfo {
  const bytes = sha256(`bytes ${id}`);
  return {
    key: imageKey("coco", id),
    path: `coco/train2017/${id}.jpg`,
    format: "jpeg",
    width: 640,
    height: 480,
    sourceWidth: 640,
    sourceHeight: 480,
    sourceSizeBytes: 100_000,
    orientation: 1,
    sha256: bytes,
    sourceSha256: bytes,
    pixelSha256: sha256(`pixels ${id}`),
    perceptualHash: null,
    url: null,
    flickrPhotoId: null,
    license: null,
    linkedKeys: [],
    notes: [],
    ...same,
  };
}

export function sceneOf(...pictures: readonly PictureInfo[]): SceneHead {
  return { sceneKey: pictures.map(({ key }) => key).join("+"), pictures, texts: [] };
}

/** A split of one-picture scenes. */
export function splitOf(
  name: string,
  role: AuditRole,
  pictures: readonly PictureInfo[],
): AuditedSplit {
  return splitOfScenes(
    name,
    role,
    pictures.map((picture) => sceneOf(picture)),
  );
}

/** `name` is "set/split". */
export function splitOfScenes(
  name: string,
  role: AuditRole,
  scenes: Iterable<SceneHead>,
): AuditedSplit {
  const [set = "", split = ""] = name.split("/");
  return { set, setDigest: sha256(set), split, role, heads: streamed(scenes) };
}

async function* streamed(scenes: Iterable<SceneHead>): AsyncGenerator<SceneHead> {
  yield* scenes;
}
