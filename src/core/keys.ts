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
