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

const FLICKR_STATIC_HOST = /^(?:(?:farm|c|live)\d*\.)?static\.?flickr\.com$/;
const FLICKR_STATIC_PATH = /^(?:\/\d+)?\/\d+\/(\d+)_[0-9a-z]+(?:_[a-z0-9]+)?\.[a-z]+$/i;
const FLICKR_PAGE_HOST = /^(?:www\.|m\.)?flickr\.com$/;
const FLICKR_PAGE_PATH = /^\/photos\/[^/]+\/(\d+)(?:\/|$)/;

/**
 * The Flickr photo id in a picture's URL, whatever its historical form (farmN.static.flickr.com,
 * farmN.staticflickr.com, cN…, live…, flickr.com/photos/user/id); undefined for any other URL.
 * Ids pass 2^31 and are kept as strings. Farm, server, secret, size and extension do not matter.
 */
export function flickrPhotoId(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null) return undefined;
  const host = parsed.hostname.toLowerCase();
  if (FLICKR_STATIC_HOST.test(host)) return FLICKR_STATIC_PATH.exec(parsed.pathname)?.[1];
  if (FLICKR_PAGE_HOST.test(host)) return FLICKR_PAGE_PATH.exec(parsed.pathname)?.[1];
  return undefined;
}
