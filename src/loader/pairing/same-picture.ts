import type { PictureInfo, SceneHead } from "../../core/records.ts";

/** Whether two scenes show one picture: same or linked key, same Flickr photo, same bytes or same pixels. */
export function sharesPicture(a: SceneHead, b: SceneHead): boolean {
  return a.pictures.some((left) => b.pictures.some((right) => isSamePicture(left, right)));
}

function isSamePicture(a: PictureInfo, b: PictureInfo): boolean {
  return (
    isLinked(a, b) ||
    a.sha256 === b.sha256 ||
    a.sourceSha256 === b.sourceSha256 ||
    a.pixelSha256 === b.pixelSha256 ||
    (a.flickrPhotoId !== null && a.flickrPhotoId === b.flickrPhotoId)
  );
}

function isLinked(a: PictureInfo, b: PictureInfo): boolean {
  if (a.key === b.key) return true;
  if (a.linkedKeys.length + b.linkedKeys.length === 0) return false;
  const keys = new Set([b.key, ...b.linkedKeys]);
  return [a.key, ...a.linkedKeys].some((key) => keys.has(key));
}
