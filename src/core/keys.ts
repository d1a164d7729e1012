/** The collections that name pictures; VQA v2 and RefCOCO use COCO's names, SNLI-VE uses Flickr30K's. */
export const imageSources = [
  "coco",
  "vg",
  "flickr30k",
  "flickr8k",
  "nlvr2",
  "cc3m",
  "sbu",
  "vcr",
] as const;

/** A collection, "hidden" for pictures of which only hashes are known, or "own" for a user's that are in none. */
export type ImageSource = (typeof imageSources)[number] | "hidden" | "own";

const keySources: readonly ImageSource[] = [...imageSources, "hidden", "own"];

/** A picture's name across datasets, such as "coco:391895" or "flickr30k:1007129816". */
export type ImageKey = `${ImageSource}:${string}`;

export function imageKey(source: ImageSource, id: string | number): ImageKey {
  return `${source}:${id}`;
}

/** The collection that a key, or a scene's key, names: "coco". */
export function collectionOf(key: string): string {
  const colon = key.indexOf(":");
  return colon === -1 ? key : key.slice(0, colon);
}

/** Whether `text` spells a key. */
export function isImageKey(text: string): text is ImageKey {
  const colon = text.indexOf(":");
  const isNamed = keySources.some((name) => name.length === colon && text.startsWith(name));
  return isNamed && colon < text.length - 1;
}

/** The key that `text` spells, or undefined when it is none. */
export function parseImageKey(text: string): ImageKey | undefined {
  return isImageKey(text) ? text : undefined;
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

const WEB_PROTOCOL = /^https?:$/;
const LEADING_WWW = /^www\./;
const ESCAPE = /%[0-9a-f]{2}/gi;
// What an address is put together of: escaped, these are a part of a name.
const STRUCTURAL = new Set("%/?#&=+;");
const PRINTABLE = /^[!-~]$/;

/**
 * The address of a picture in the web, the same however it is spelled: without scheme, "www.", the port that goes
 * without saying, fragment, password and needless escapes, but with its query, by which some servers tell their
 * pictures apart. Undefined for what is no http or https address.
 */
export function webAddress(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || !WEB_PROTOCOL.test(parsed.protocol)) return undefined;
  const { host, pathname, search } = parsed;
  return `${host.replace(LEADING_WWW, "")}${evenlyEscaped(pathname)}${evenlyEscaped(search)}`;
}

/** Escapes only what must be, in upper case; the parser has escaped spaces and whatever is not ASCII. */
function evenlyEscaped(text: string): string {
  return text.replaceAll(ESCAPE, (escape) => {
    const character = String.fromCodePoint(Number.parseInt(escape.slice(1), 16));
    const isNeedless = PRINTABLE.test(character) && !STRUCTURAL.has(character);
    return isNeedless ? character : escape.toUpperCase();
  });
}

/** What names a picture before its file is read. */
export interface PictureReferenceNames {
  readonly key: ImageKey;
  /** Keys of other collections that the publisher says are the same picture. */
  readonly linkedKeys: readonly ImageKey[];
  readonly url: string | null;
  readonly flickrPhotoId: string | null;
}

/** What names a picture; a `PictureInfo` is one. */
interface NamedPicture extends PictureReferenceNames {
  readonly sha256: string;
  readonly sourceSha256: string;
  readonly pixelSha256: string;
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly orientation: number;
}

/** The kinds of names; two pictures are the same when they have a name of one kind in common. */
export const pictureNameKinds = ["key", "photo", "address", "bytes", "pixels"] as const;

export type PictureNameKind = (typeof pictureNameKinds)[number];

/** Which field of a picture gives it a name. */
export const nameFields = [
  "key",
  "linked key",
  "Flickr photo id",
  "file name",
  "photo in URL",
  "URL",
  "source file",
  "stored file",
  "pixels",
] as const;

export type NameField = (typeof nameFields)[number];

/** The kind of name that each field gives. */
export const kindOfField: Readonly<Record<NameField, PictureNameKind>> = {
  key: "key",
  "linked key": "key",
  "Flickr photo id": "photo",
  "file name": "photo",
  "photo in URL": "photo",
  URL: "address",
  "source file": "bytes",
  "stored file": "bytes",
  pixels: "pixels",
};

/** One name of a picture; its kind is that of the field. */
export interface PictureName {
  readonly kind: PictureNameKind;
  readonly name: string;
  readonly field: NameField;
}

/** All names of a picture whose file was read, the strongest first and its key at the front; each once. */
export function namesOfPicture(picture: NamedPicture): readonly PictureName[] {
  const names = referenceNames(picture);
  addName(names, "source file", picture.sourceSha256);
  addName(names, "stored file", picture.sha256);
  addName(names, "pixels", pixelName(picture));
  return names;
}

/**
 * The names that an annotation file gives a picture, its key at the front. A recorded Flickr photo id and the one in the
 * URL may contradict each other; Flickr30K's file names are photo ids themselves.
 */
export function namesOfReference(picture: PictureReferenceNames): readonly PictureName[] {
  return referenceNames(picture);
}

const FLICKR30K_PREFIX = "flickr30k:";

function referenceNames(picture: PictureReferenceNames): PictureName[] {
  const { flickrPhotoId: recorded, key, linkedKeys, url } = picture;
  const names: PictureName[] = [{ kind: "key", name: key, field: "key" }];
  for (const linked of linkedKeys) addName(names, "linked key", linked);
  if (recorded !== null) addName(names, "Flickr photo id", recorded);
  else if (key.startsWith(FLICKR30K_PREFIX)) {
    addName(names, "file name", key.slice(FLICKR30K_PREFIX.length));
  }
  if (url === null) return names;
  addName(names, "photo in URL", flickrPhotoId(url));
  addName(names, "URL", webAddress(url));
  return names;
}

// Digests and photo ids that are nothing but zeros stand for none.
const NO_NAME = /^0*$/;

/** Adds a name that is there; an absent, empty or zero one is none, and each of a kind counts once. */
function addName(names: PictureName[], field: NameField, name: string | undefined): void {
  if (name === undefined || NO_NAME.test(name)) return;
  const kind = kindOfField[field];
  if (names.some((known) => known.name === name && known.kind === kind)) return;
  names.push({ kind, name, field });
}

// EXIF orientations 5 to 8 turn a picture by a quarter.
const FIRST_TURNED = 5;

/** The digest is of the pixels in a row, which alone does not tell a black 20 x 10 picture from one of 10 x 20. */
function pixelName(picture: NamedPicture): string | undefined {
  const { orientation, pixelSha256, sourceHeight, sourceWidth } = picture;
  if (NO_NAME.test(pixelSha256)) return undefined;
  const isTurned = orientation >= FIRST_TURNED;
  const [width, height] = isTurned ? [sourceHeight, sourceWidth] : [sourceWidth, sourceHeight];
  return `${pixelSha256} (${width} x ${height})`;
}

const kindWords = {
  key: "key",
  photo: "Flickr photo",
  address: "address",
  bytes: "bytes",
  pixels: "pixels",
} as const;

/** A name with its kind before it, as loaders are told of it: "key coco:391895", "Flickr photo 2945213105". */
function spelledName({ kind, name }: PictureName): string {
  return `${kindWords[kind]} ${name}`;
}

/** All names of a picture, each with its kind before it: pictures that have one in common are the same picture. */
export function pictureNames(picture: NamedPicture): string[] {
  return namesOfPicture(picture).map(spelledName);
}

/** The name of a picture by its key alone. */
export function nameOfKey(key: string): string {
  return `key ${key}`;
}
