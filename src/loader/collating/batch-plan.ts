import pLimit from "p-limit";

import { ShardError } from "../../core/errors.ts";
import type { SampleKey } from "../draws.ts";
import { batchSize, shownSize } from "../pictures/picture-sizes.ts";
import type { Size } from "../pictures/view-geometry.ts";
import { type PicturePlan, planPicture, type SampleContext } from "./sample-plan.ts";

/** What ranks must agree on before any of them reads a picture. */
export interface BatchPlan {
  /** The height and width of the batch's pictures. */
  readonly picture: Size;
  /** Of each sample of the global batch, or why there is none; undefined where the size does not depend on them. */
  readonly samples: readonly PromiseSettledResult<PicturePlan>[] | undefined;
}

// Heads that are not in memory are read; more at once would not come sooner.
const PLANS_AT_ONCE = 8;

/**
 * Pictures that keep their ratio have a size that depends on all of a global batch. Each rank computes it from the heads of
 * all samples: they say how large a picture is, whatever may be wrong with its bytes, which only the rank that reads
 * them sees. A damaged head is damaged for all ranks and has no part in the size; its sample is not used even where
 * a second reading would succeed. Squares, and no pictures at all, need no look at other ranks' samples.
 */
export async function planBatch(
  keys: readonly SampleKey[],
  context: SampleContext,
): Promise<BatchPlan> {
  const { onDamage, pictures } = context.options;
  if (pictures.kind !== "keep-ratio") {
    return { picture: batchSize(pictures, []), samples: undefined };
  }
  const limit = pLimit(PLANS_AT_ONCE);
  const samples = await Promise.allSettled(
    keys.map((key) => limit(() => planPicture(key, context))),
  );
  const shown = samples.flatMap((result) => {
    if (result.status === "fulfilled") {
      const { drawn, picture, second } = result.value;
      const all = second === undefined ? [picture] : [picture, second];
      return all.map((one) => shownSize(pictures, one, drawn));
    }
    if (onDamage === "stop" || !(result.reason instanceof ShardError)) throw result.reason;
    return [];
  });
  return { picture: batchSize(pictures, shown), samples };
}
