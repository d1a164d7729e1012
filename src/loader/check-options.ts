import { ConfigError } from "../core/errors.ts";
import { type LabelledTask, picturesOf, rowsOf } from "./labelled/labelled-task.ts";
import {
  fixedBatchSize,
  type LoaderOptions,
  type LoaderSet,
  type PairingOptions,
} from "./options.ts";
import { movingOperations, randAugmentNames } from "./pictures/rand-augment-options.ts";
import { optionsOfTasks } from "./tasks.ts";

/** ConfigError that names every option out of its range, and options that do not go together. */
export function checkOptions(options: LoaderOptions): void {
  const { rank, seed, worldSize } = options;
  const faults = [
    ...atLeast(1, "worldSize", worldSize),
    ...atLeast(0, "rank", rank),
    ...atLeast(0, "numWorkers", options.numWorkers),
    ...atLeast(1, "prefetchBatches", options.prefetchBatches),
    ...atLeast(0, "keptPixelBytes", options.keptPixelBytes ?? 0),
    ...fault(!Number.isSafeInteger(seed), `seed is ${seed}, expected an integer`),
    ...fault(rank >= worldSize, `rank is ${rank}, expected less than worldSize`),
    ...setFaults(options.sets),
    ...taskFaults(options),
    ...batchingFaults(options),
    // [CLS], [SEP] and one token of the text
    ...atLeast(3, "text.maxTokens", options.text.maxTokens),
    ...pictureFaults(options),
    ...boxFaults(options),
    ...augmentFaults(options),
  ];
  if (faults.length > 0) throw new ConfigError(`loader options: ${faults.join("; ")}`);
}

function setFaults(sets: readonly LoaderSet[]): string[] {
  const weighted = sets.filter(({ weight }) => weight !== undefined);
  return [
    ...fault(
      weighted.length > 0 && weighted.length < sets.length,
      `${weighted.length} of ${sets.length} sets have a weight, expected all or none`,
    ),
    ...sets.flatMap(({ weight = 1 }, index) =>
      fault(
        !(Number.isFinite(weight) && weight > 0),
        `sets[${index}].weight is ${weight}, expected a positive number`,
      ),
    ),
  ];
}

/** What a batch's task decides, of each task; a fault's path names the task. */
function taskFaults(options: LoaderOptions): string[] {
  const { taskGroup = 1, tasks = [] } = options;
  const names = tasks.map(({ name }) => name);
  const ratios = tasks.map(({ ratio }) => ratio);
  return [
    ...atLeast(1, "taskGroup", taskGroup),
    ...fault(new Set(names).size < names.length, `two tasks have one name: ${names.join(", ")}`),
    ...ratios.flatMap((ratio, task) =>
      fault(
        !(Number.isFinite(ratio) && ratio >= 0),
        `tasks[${task}].ratio is ${ratio}, expected a number of at least 0`,
      ),
    ),
    ...fault(tasks.length > 0 && ratios.every((ratio) => ratio === 0), "all tasks' ratios are 0"),
    ...optionsOfTasks(options).flatMap((ofTask, task) =>
      maskedPairFaults(ofTask).map((its) => (tasks.length === 0 ? its : `tasks[${task}].${its}`)),
    ),
  ];
}

function maskedPairFaults(options: LoaderOptions): string[] {
  const { batching, mlmProbability, pairing, regionMaskProbability = 0, regions } = options;
  const isLabelled = pairing.kind === "labelled";
  const keepsText = isLabelled || (pairing.kind === "bernoulli" && pairing.replace === "picture");
  return [
    ...share("mlmProbability", mlmProbability),
    ...share("regionMaskProbability", regionMaskProbability),
    ...fault(
      regionMaskProbability > 0 && (regions ?? "none") === "none",
      `regionMaskProbability is ${regionMaskProbability}, but regions is "none"`,
    ),
    ...pairingFaults(pairing),
    ...fault(
      isLabelled && batching.kind === "pictures",
      'pairing.kind "labelled" makes samples of texts: batching.kind must be "texts" or "tokens"',
    ),
    ...fault(
      !isLabelled && batching.kind === "texts",
      'batching.kind "texts" is for pairing.kind "labelled"',
    ),
    ...(isLabelled ? labelledFaults(pairing.task, options) : []),
    ...fault(
      batching.kind === "tokens" && !keepsText,
      'pairing must be of kind "bernoulli" with replace "picture", which keeps the text that batching.kind "tokens" measures a sample by',
    ),
  ];
}

function batchingFaults(options: LoaderOptions): string[] {
  const { augment, batching, pairing, regions = "none", text, worldSize } = options;
  if (batching.kind !== "tokens") {
    const name = batching.kind === "texts" ? "textsPerBatch" : "picturesPerBatch";
    const size = fixedBatchSize(batching) ?? 0;
    return [
      ...atLeast(1, `batching.${name}`, size),
      ...fault(size < worldSize, `batching.${name} is ${size}, fewer than the ${worldSize} ranks`),
    ];
  }
  const { bucketSize, lengthMultiple = 1, maxTokens, multipleOf, tokensPerPicture = 0 } = batching;
  const maxRegions = regions === "none" ? 0 : regions.maxRegions;
  const pictureTokens = tokensPerPicture === "regions" ? maxRegions : tokensPerPicture;
  const numRows = pairing.kind === "labelled" ? rowsOf(pairing.task) : 1;
  const longest = numRows * (text.maxTokens + pictureTokens);
  return [
    ...atLeast(1, "batching.maxTokens", maxTokens),
    ...atLeast(1, "batching.multipleOf", multipleOf),
    ...atLeast(1, "batching.lengthMultiple", lengthMultiple),
    ...atLeast(0, "batching.tokensPerPicture", pictureTokens),
    ...fault(
      tokensPerPicture === "regions" && regions === "none",
      'batching.tokensPerPicture is "regions", but regions is "none"',
    ),
    ...fault(
      !(Number.isSafeInteger(bucketSize) && bucketSize > 0 && bucketSize % multipleOf === 0),
      `batching.bucketSize is ${bucketSize}, expected a positive multiple of multipleOf`,
    ),
    ...fault(
      multipleOf < worldSize,
      `batching.multipleOf is ${multipleOf}, fewer than the ${worldSize} ranks`,
    ),
    ...fault(
      multipleOf * longest > maxTokens,
      `batching.maxTokens is ${maxTokens}, but ${multipleOf} samples may have ${longest} tokens each`,
    ),
    ...fault(
      augment.flip === "swap-side-words",
      'batching.kind "tokens" measures texts before they are read, so augment.flip "swap-side-words" must not change their words',
    ),
  ];
}

function labelledFaults(task: LabelledTask, options: LoaderOptions): string[] {
  const { augment, batching, regions = "none" } = options;
  const counts = batching.kind === "tokens" ? batching.tokensPerPicture : undefined;
  const names =
    task.kind === "labels" ? task.labels : task.kind === "answers" ? task.answers : ["-"];
  return [
    ...fault(names.length === 0, `pairing.task "${task.kind}" has nothing to tell apart`),
    ...fault(new Set(names).size < names.length, "pairing.task has a label twice"),
    ...fault(
      augment.crop !== "none" || augment.flip !== "never",
      'pairing.kind "labelled" needs whole pictures: augment.crop must be "none", augment.flip "never"',
    ),
    ...fault(
      task.kind === "expressions" && regions === "none",
      'pairing.task "expressions" tells regions apart, but regions is "none"',
    ),
    ...fault(
      counts === "regions" && picturesOf(task) > 1,
      'batching.tokensPerPicture "regions" counts those of one picture a sample',
    ),
  ];
}

function pairingFaults(pairing: PairingOptions): string[] {
  if (pairing.kind === "matched-unmatched") {
    const { matched, unmatched } = pairing;
    return [
      ...atLeast(0, "pairing.matched", matched),
      ...atLeast(0, "pairing.unmatched", unmatched),
      ...fault(matched + unmatched < 1, "pairing.matched + pairing.unmatched is 0"),
    ];
  }
  if (pairing.kind === "exact-half" || pairing.kind === "labelled") return [];
  const faults = share("pairing.probability", pairing.probability);
  if (pairing.kind === "bernoulli-texts")
    faults.push(...atLeast(1, "pairing.texts", pairing.texts));
  return faults;
}

function pictureFaults({ pictures, regions = "none" }: LoaderOptions): string[] {
  if (pictures.kind === "square") return atLeast(1, "pictures.size", pictures.size);
  if (pictures.kind === "none") {
    return fault(
      regions === "none",
      'pictures.kind is "none" and so is regions: batches would hold nothing of a picture',
    );
  }
  const { longer, padToMultipleOf = 1, shorter } = pictures;
  return [
    ...atLeast(1, "pictures.shorter", shorter),
    ...fault(
      !(Number.isSafeInteger(longer) && longer >= shorter),
      `pictures.longer is ${longer}, expected an integer of at least pictures.shorter`,
    ),
    ...atLeast(1, "pictures.padToMultipleOf", padToMultipleOf),
  ];
}

function boxFaults({
  augment,
  pictures,
  regions = "none",
  textBoxes = false,
}: LoaderOptions): string[] {
  const { randAugment } = augment;
  const moving = randAugment === null ? [] : movingOperations(randAugment.without);
  const needsPlace = (name: string): string =>
    `${name} needs pictures whose content stays in its place: augment.randAugment must be without ${moving.join(", ")}`;
  const regionFaults =
    regions === "none"
      ? []
      : [
          ...fault(moving.length > 0, needsPlace("regions")),
          ...atLeast(1, "regions.maxRegions", regions.maxRegions),
          ...atLeast(1, "regions.numFeatures", regions.numFeatures),
          ...atLeast(0, "regions.numClasses", regions.numClasses ?? 0),
          ...share("regions.minVisibleShare", regions.minVisibleShare ?? 0),
        ];
  return [
    ...fault(
      randAugment !== null && pictures.kind === "none",
      'augment.randAugment needs pixels, pictures.kind is "none"',
    ),
    ...fault(textBoxes && moving.length > 0, needsPlace("textBoxes")),
    ...regionFaults,
  ];
}

function augmentFaults({ augment: { crop, randAugment } }: LoaderOptions): string[] {
  const cropFaults =
    crop === "none"
      ? []
      : [
          ...fault(
            !(crop.scale[0] > 0 && crop.scale[0] <= crop.scale[1] && crop.scale[1] <= 1),
            `augment.crop.scale is ${crop.scale.join(" to ")}, expected a range within (0, 1]`,
          ),
          ...fault(
            !(crop.ratio[0] > 0 && crop.ratio[0] <= crop.ratio[1]),
            `augment.crop.ratio is ${crop.ratio.join(" to ")}, expected a positive range`,
          ),
        ];
  if (randAugment === null) return cropFaults;
  const { magnitude, numOperations, without = [] } = randAugment;
  return [
    ...cropFaults,
    ...atLeast(1, "augment.randAugment.numOperations", numOperations),
    ...fault(
      !(magnitude >= 0 && magnitude <= 30),
      `augment.randAugment.magnitude is ${magnitude}, expected 0 to 30`,
    ),
    ...without.flatMap((name) =>
      fault(
        !randAugmentNames.includes(name),
        `augment.randAugment.without names "${name}", expected some of ${randAugmentNames.join(", ")}`,
      ),
    ),
    ...fault(
      randAugmentNames.every((name) => without.includes(name)),
      "augment.randAugment.without names all operations",
    ),
  ];
}

function atLeast(smallest: number, name: string, value: number): string[] {
  return fault(
    !(Number.isSafeInteger(value) && value >= smallest),
    `${name} is ${value}, expected an integer of at least ${smallest}`,
  );
}

function share(name: string, value: number): string[] {
  return fault(!(value >= 0 && value <= 1), `${name} is ${value}, expected 0 to 1`);
}

function fault(isFault: boolean, text: string): string[] {
  return isFault ? [text] : [];
}
