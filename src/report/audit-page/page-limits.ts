/** Thumbnails in one block of data: a block is read when a page of pairs first needs it. */
export const PICTURES_PER_BLOCK = 100;

/** Pairs drawn at once. */
export const PAIRS_PER_PAGE = 50;

/**
 * The most bytes that one of a page's thumbnails may have: with 1,000 pairs of 2,000 pictures the page stays
 * below 20 MB, and with fewer the thumbnails are larger.
 */
export function thumbnailBytes(numPictures: number): number {
  const share = Math.floor(ALL_THUMBNAILS_BYTES / Math.max(1, numPictures));
  return Math.min(LARGEST_THUMBNAIL_BYTES, Math.max(SMALLEST_THUMBNAIL_BYTES, share));
}

const ALL_THUMBNAILS_BYTES = 12_500_000;
const LARGEST_THUMBNAIL_BYTES = 24_000;
// A person has to recognize something: the page of ten times as many pairs is allowed to be larger.
const SMALLEST_THUMBNAIL_BYTES = 2000;
