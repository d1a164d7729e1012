import { ShardError } from "../../core/errors.ts";
import type { PicturePlan, SampleContext } from "../collating/sample-plan.ts";
import { sampleDraws, type SampleKey } from "../draws.ts";
import { maskingRules } from "../options.ts";
import { shownSize } from "../pictures/picture-sizes.ts";
import { boxInView, wholePicture } from "../pictures/view-geometry.ts";
import type { DescribedSample, SampleText, ShownPicture } from "../sample.ts";
import { rowTokens } from "./labelled-rows.ts";
import { labelledText, type LabelledTask } from "./labelled-task.ts";

interface LabelledContext {
  readonly context: Pick<SampleContext, "options" | "tokenizer">;
  readonly task: LabelledTask;
}

/** A text with what is to be told of it, beside its scene's picture or pictures. ShardError when it is none of the task's. */
export function describeLabelled(
  key: SampleKey,
  plan: PicturePlan,
  { context, task }: LabelledContext,
): Omit<DescribedSample, "key" | "timer"> {
  const { head } = plan;
  const text = head.texts[key.textIndex ?? 0];
  const found = text && labelledText(text, task);
  if (text === undefined || found === undefined) {
    throw new ShardError(
      `text ${key.textIndex} of scene ${head.sceneKey} is none of ${task.kind}`,
      {
        record: head.sceneKey,
      },
    );
  }
  const places = placesOf(plan, context);
  const [place] = places;
  const { options, tokenizer } = context;
  const rules = maskingRules(options);
  const { maxTokens } = options.text;
  const shownBox =
    text.box === null || place === undefined
      ? null
      : (boxInView(text.box, place.picture, place)?.box ?? null);
  let numCutTexts = 0;
  const texts = found.rows.map((row, part): SampleText => {
    const draws = sampleDraws("masking", key, part);
    const { isCut, ...tokens } = rowTokens(row, draws, { tokenizer, rules, maxTokens });
    numCutTexts += Number(isCut);
    return { textId: text.id, matched: true, box: shownBox, ...tokens };
  });
  const { label, targets } = found;
  const statistics = { numRedraws: 0, numRepeats: 0, numDroppedTexts: 0, numCutTexts };
  return { places, texts, labelled: { label, targets }, statistics };
}

function placesOf(
  { picture, pictureIndex, second }: PicturePlan,
  { options }: LabelledContext["context"],
): ShownPicture[] {
  const pictures = second === undefined ? [picture] : [picture, second];
  return pictures.map((one, pictureNumber) => ({
    pictureIndex,
    pictureNumber,
    picture: one,
    view: wholePicture,
    shown: shownSize(options.pictures, one, wholePicture),
  }));
}
