import { RandomStream } from "../../core/random.ts";
import { bestPictures, bestTexts, type RetrievalResult } from "../../eval/retrieval.ts";
import { thumbnail } from "../../pixels/thumbnail.ts";
import type { PictureQuery, ReportPicture, TextQuery } from "../../report/run-report.ts";
import type { SplitReader } from "../../shards/shard-set-reader.ts";
import type { RunRetrieval } from "./retrieval.ts";

/** How many queries of each direction a page shows, and how many answers of each. */
const SHOWN_QUERIES = 6;
const SHOWN_ANSWERS = 5;

/** Queries drawn by the evaluation's seed (not chosen by their outcome) with their best answers. */
export async function exampleQueries(
  { retrieval, seed }: RunRetrieval,
  split: SplitReader,
): Promise<{ readonly textQueries: TextQuery[]; readonly pictureQueries: PictureQuery[] }> {
  const random = new RandomStream(seed, SHOWN_QUERIES);
  const texts = random.sampleDistinct(SHOWN_QUERIES, retrieval.texts.length);
  const pictures = random.sampleDistinct(SHOWN_QUERIES, retrieval.pictures.length);
  return {
    textQueries: await Promise.all(texts.map((text) => textQuery(text, retrieval, split))),
    pictureQueries: await Promise.all(
      pictures.map((picture) => pictureQuery(picture, retrieval, split)),
    ),
  };
}

async function textQuery(
  text: number,
  { matrix, texts }: RetrievalResult,
  split: SplitReader,
): Promise<TextQuery> {
  const right = matrix.pictureOfText[text] ?? 0;
  const ranked = bestPictures(matrix, text, matrix.numPictures);
  const shown = ranked.slice(0, SHOWN_ANSWERS);
  const rank = ranked.findIndex(({ index }) => index === right) + 1;
  return {
    text: texts[text]?.text.text ?? "",
    rank,
    numCandidates: matrix.numPictures,
    found: await Promise.all(
      shown.map(async ({ index, score }) => ({
        picture: await reportPicture(index, split),
        score,
        isRight: index === right,
      })),
    ),
    expected: rank > SHOWN_ANSWERS ? await reportPicture(right, split) : null,
  };
}

async function pictureQuery(
  picture: number,
  { matrix, texts }: RetrievalResult,
  split: SplitReader,
): Promise<PictureQuery> {
  const ranked = bestTexts(matrix, picture, texts.length);
  const isRight = (index: number): boolean => matrix.pictureOfText[index] === picture;
  const rank = ranked.findIndex(({ index }) => isRight(index)) + 1;
  const expected = texts.find(({ sceneIndex }) => sceneIndex === picture);
  return {
    picture: await reportPicture(picture, split),
    rank,
    numCandidates: texts.length,
    found: ranked.slice(0, SHOWN_ANSWERS).map(({ index, score }) => ({
      text: texts[index]?.text.text ?? "",
      score,
      isRight: isRight(index),
    })),
    expected: rank > SHOWN_ANSWERS ? (expected?.text.text ?? null) : null,
  };
}

async function reportPicture(sceneIndex: number, split: SplitReader): Promise<ReportPicture> {
  const { pictures } = await split.head(sceneIndex);
  const bytes = await thumbnail(await split.pictureBytes(sceneIndex, 0));
  return { name: pictures[0]?.key ?? "", bytes };
}
