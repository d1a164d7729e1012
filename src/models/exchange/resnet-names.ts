import { type NameLayout, without } from "./name-layout.ts";

// Ours are torchvision's names, without the classifier.

/** A count that only a moving average without momentum would need. */
const DERIVED = /\.num_batches_tracked$/;

export const torchvisionResNetLayout: NameLayout = {
  name: "torchvision-resnet",
  isPictureEncoder: true,
  origin: "torchvision's ResNet, and the backbones that take its names",
  rules: [
    { ours: "conv1.*", theirs: ["conv1.*"] },
    { ours: "bn1.*", theirs: ["bn1.*"] },
    { ours: "layer#.#.*", theirs: ["layer#.#.*"] },
  ],
  present: (name) => without(["module.", "model.", "backbone."], name),
  derived: DERIVED,
};

const STAGE = "resnet.encoder.stages.#.layers.#";

/** Rules of a block's convolutions with their norms; blocks are counted from 0 there, from 1 here. */
const blockRules = [1, 2, 3].flatMap((place) => [
  {
    ours: `layer#+1.#.conv${place}.*`,
    theirs: [`${STAGE}.layer.${place - 1}.convolution.*`],
  },
  {
    ours: `layer#+1.#.bn${place}.*`,
    theirs: [`${STAGE}.layer.${place - 1}.normalization.*`],
  },
]);

export const transformersResNetLayout: NameLayout = {
  name: "transformers-resnet",
  isPictureEncoder: true,
  origin: "transformers' ResNetModel and the models around it",
  rules: [
    { ours: "conv1.*", theirs: ["resnet.embedder.embedder.convolution.*"] },
    { ours: "bn1.*", theirs: ["resnet.embedder.embedder.normalization.*"] },
    ...blockRules,
    { ours: "layer#+1.#.downsample.0.*", theirs: [`${STAGE}.shortcut.convolution.*`] },
    { ours: "layer#+1.#.downsample.1.*", theirs: [`${STAGE}.shortcut.normalization.*`] },
  ],
  present: (name) => name.replace(/^(?=(?:embedder|encoder)\.)/, "resnet."),
  derived: DERIVED,
};
