import { ConfigError } from "../core/errors.ts";
import { captions } from "./datasets/captions.ts";
import { coco } from "./datasets/coco.ts";
import { conceptualCaptions } from "./datasets/conceptual-captions.ts";
import { flickr30k } from "./datasets/flickr30k.ts";
import { nlvr2 } from "./datasets/nlvr2.ts";
import { refcoco, refcocog, refcocoPlus } from "./datasets/refcoco.ts";
import { sbu } from "./datasets/sbu.ts";
import { snliVe } from "./datasets/snli-ve.ts";
import { vcr } from "./datasets/vcr.ts";
import { visualGenome } from "./datasets/visual-genome.ts";
import { vqa2 } from "./datasets/vqa2.ts";
import type { Source } from "./source.ts";

/** Every dataset that can be prepared; adding one adds a line here and a row in the contract test. */
export const sources: readonly Source[] = [
  coco,
  flickr30k,
  nlvr2,
  snliVe,
  visualGenome,
  vqa2,
  conceptualCaptions,
  sbu,
  vcr,
  refcoco,
  refcocoPlus,
  refcocog,
  captions,
];

/** The source of a dataset. Throws ConfigError for a name that is none. */
export function sourceOf(dataset: string): Source {
  const source = sources.find((candidate) => candidate.dataset === dataset);
  if (source !== undefined) return source;
  const known = sources.map((candidate) => candidate.dataset).join(", ");
  throw new ConfigError(`there is no dataset "${dataset}"; there are ${known}`, {
    remedy: "correct the recipe's list of datasets",
  });
}
