import type { Batch } from "../../loader/options.ts";
import type { WordPieceTokenizer } from "../../loader/text/word-piece.ts";
import { pngOf } from "../../pixels/thumbnail.ts";
import type {
  LivePicture,
  LiveRegion,
  LiveSample,
  LiveText,
} from "../../report/live-page/live-report.ts";

const MAX_PICTURES = 4;

/** Some pictures of a batch with their texts, as the model is shown them. */
export async function liveSamples(
  batch: Batch,
  tokenizer: Pick<WordPieceTokenizer, "token">,
): Promise<LiveSample[]> {
  const pictures = batch.keys.slice(0, MAX_PICTURES).keys();
  return await Promise.all(
    [...pictures].map(async (picture) => {
      const pairs = [...batch.pictureOfPair.keys()].filter(
        (pair) => batch.pictureOfPair[pair] === picture && (batch.matched[pair] ?? -1) >= 0,
      );
      const texts = pairs.map((pair) => textOf(batch, pair, tokenizer));
      return { picture: await pictureOf(batch, picture), texts };
    }),
  );
}

async function pictureOf(batch: Batch, picture: number): Promise<LivePicture> {
  const { pictureHeight, pictureWidth } = batch.shape;
  const name = batch.keys[picture] ?? "";
  const view = { name, regions: regionsOf(batch, picture) };
  const numBytes = pictureHeight * pictureWidth * 3;
  if (numBytes === 0) {
    const [width = 0, height = 0] = [batch.validWidths[picture], batch.validHeights[picture]];
    return { ...view, image: null, width, height };
  }
  const size = { width: pictureWidth, height: pictureHeight };
  const pixels = batch.pixels.slice(picture * numBytes, (picture + 1) * numBytes);
  return { ...view, image: { name, bytes: await pngOf(pixels, size) }, ...size };
}

function regionsOf(batch: Batch, picture: number): LiveRegion[] {
  const first = picture * batch.shape.regionsPerPicture;
  return Array.from({ length: batch.numRegions[picture] ?? 0 }, (_, index) => {
    const region = first + index;
    const box = batch.regionBoxes.subarray(4 * region, 4 * region + 4);
    const [left = 0, top = 0, width = 0, height = 0] = box;
    return { left, top, width, height, isMasked: batch.maskedRegions[region] === 1 };
  });
}

function textOf(
  batch: Batch,
  pair: number,
  tokenizer: Pick<WordPieceTokenizer, "token">,
): LiveText {
  const { textTokens } = batch.shape;
  const [start, end] = [pair * textTokens, (pair + 1) * textTokens];
  const labels = batch.mlmLabels.subarray(start, end);
  const mask = batch.tokenMask.subarray(start, end);
  const ids = [...batch.tokenIds.subarray(start, end)].filter((_, place) => mask[place] === 1);
  const tokens = ids.map((id, place) => {
    const label = labels[place] ?? -1;
    return { text: tokenizer.token(id), expected: label < 0 ? null : tokenizer.token(label) };
  });
  return { isMatched: batch.matched[pair] === 1, tokens };
}
