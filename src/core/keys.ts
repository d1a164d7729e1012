/** The collections that name pictures; VQA v2 and RefCOCO use COCO's names, SNLI-VE uses Flickr30K's. */
export const imageSources = ["coco", "vg", "flickr30k", "nlvr2", "cc3m", "sbu", "vcr"] as const;

export type ImageSource = (typeof imageSources)[number];

/** A picture's name across datasets, such as "coco:391895" or "flickr30k:1007129816". */
export type ImageKey = `${ImageSource}:${string}`;

export function imageKey(source: ImageSource, id: string | number): ImageKey {
  return `${source}:${id}`;
}

/** The key that `text` spells, or undefined when it is none. */
export function parseImageKey(text: string): ImageKey | undefined {
  const colon = text.indexOf(":");
  const source = imageSources.find((name) => name === text.slice(0, colon));
  return source === undefined || colon === text.length - 1
    ? undefined
    : imageKey(source, text.slice(colon + 1));
}

const FLICKR_STATIC = String.raw`(?:(?:(?:farm|c|live)\d*\.)?static\.?|photos\d*\.)flickr\.com`;
const FLICKR_STATIC_HOST = new RegExp(`^${FLICKR_STATIC}$`);
// The server's number stands before the name, and the farm's before that; the first years had neither.
const FLICKR_STATIC_PATH = /^(?:\/\d+){0,2}\/([1-9]\d*)_[0-9a-z]+(?:_[0-9a-z]+){0,2}\.[a-z]+$/i;
const FLICKR_PAGE_HOST = /^(?:(?:www|m|secure)\.)?flickr\.com$/;
const FLICKR_PAGE_PATH = /^\/photos\/(?!tags\/)[^/]+\/([1-9]\d*)(?:\/|$)/;
// Proxies and archives have the picture's own address in their path.
const FLICKR_STATIC_IN_PATH = new RegExp(`/(${FLICKR_STATIC}/.+)$`, "i");

/**
 * The Flickr photo id in a picture's URL, whatever its historical form (farmN.static.flickr.com,
 * farmN.staticflickr.com, static.flickr.com, photosN.flickr.com, cN…, live…,
 * flickr.com/photos/user/id, or one of the former in the path of a proxy or an archive); undefined
 * for any other URL. Ids pass 2^31 and are kept as strings. Farm, server, secret, size and extension
 * do not matter.
 */
export function flickrPhotoId(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null) return undefined;
  const { hostname, pathname } = parsed;
  if (FLICKR_STATIC_HOST.test(hostname)) return FLICKR_STATIC_PATH.exec(pathname)?.[1];
  if (FLICKR_PAGE_HOST.test(hostname)) return FLICKR_PAGE_PATH.exec(pathname)?.[1];
  const inner = FLICKR_STATIC_IN_PATH.exec(pathname)?.[1];
  return inner === undefined ? undefined : flickrPhotoId(`http://${inner}`);
}

/** What names a picture; a `PictureInfo` is one. */
interface NamedPicture {
  readonly key: ImageKey;
  readonly linkedKeys: readonly ImageKey[];
  readonly url: string | null;
  readonly flickrPhotoId: string | null;
  readonly sha256: string;
  readonly sourceSha256: string;
  readonly pixelSha256: string;
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly orientation: number;
}

// Two pictures are the same when they have a name of one kind in common; each function gives few names, each once.

/** The picture's key and those that its publisher says are the same: two may also both be a third. */
export function namesByKey({ key, linkedKeys }: NamedPicture): readonly string[] {
  return linkedKeys.length === 0 ? [key] : [...new Set([key, ...linkedKeys])];
}

const FLICKR30K_PREFIX = "flickr30k:";

/** A recorded photo id and the one in the URL, which may contradict each other; Flickr30K's names are photo ids themselves. */
export function namesByFlickrPhoto(picture: NamedPicture): readonly string[] {
  const named = picture.key.startsWith(FLICKR30K_PREFIX)
    ? picture.key.slice(FLICKR30K_PREFIX.length)
    : undefined;
  const linked = picture.url === null ? undefined : flickrPhotoId(picture.url);
  return distinctNames(picture.flickrPhotoId ?? named, linked);
}

/** Two preparations may store one file differently; one of them may store what the other calls its source. */
export function namesByBytes({ sha256, sourceSha256 }: NamedPicture): readonly string[] {
  return distinctNames(sourceSha256, sha256);
}

// EXIF orientations 5 to 8 turn a picture by a quarter.
const FIRST_TURNED = 5;

/** The digest is of the pixels in a row, which alone does not tell a black 20 x 10 picture from one of 10 x 20. */
export function namesByPixels(picture: NamedPicture): readonly string[] {
  if (NO_NAME.test(picture.pixelSha256)) return [];
  const { sourceWidth, sourceHeight, orientation } = picture;
  const size =
    orientation >= FIRST_TURNED ? [sourceHeight, sourceWidth] : [sourceWidth, sourceHeight];
  return [`${picture.pixelSha256} (${size.join(" x ")})`];
}

/** All names of a picture, each with its kind before it: pictures that have one in common are the same picture. */
export function pictureNames(picture: NamedPicture): string[] {
  return [
    ...namesByKey(picture).map(nameOfKey),
    ...namesByFlickrPhoto(picture).map((photo) => `Flickr photo ${photo}`),
    ...namesByBytes(picture).map((digest) => `bytes ${digest}`),
    ...namesByPixels(picture).map((pixels) => `pixels ${pixels}`),
  ];
}

/** The name of a picture by its key alone. */
export function nameOfKey(key: string): string {
  return `key ${key}`;
}

const NO_NAME = /^0*$/;

/** The names that are there; an absent, empty or zero one is none. */
function distinctNames(first: string | undefined, second: string | undefined): readonly string[] {
  const names: string[] = [];
  if (first !== undefined && !NO_NAME.test(first)) names.push(first);
  if (second !== undefined && second !== first && !NO_NAME.test(second)) names.push(second);
  return names;
}
