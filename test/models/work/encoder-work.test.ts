import { describe, expect, it } from "vitest";
import { bertBaseUncased } from "../../../src/models/bert/config.ts";
import { resNet101, resNet18, resNet50 } from "../../../src/models/resnet/config.ts";
import { swinBase384, swinTiny } from "../../../src/models/swin/config.ts";
import {
  resNetGrid,
  resNetWork,
  swinWork,
  transformerWork,
} from "../../../src/models/work/encoder-work.ts";

// Half of what torch.utils.flop_counter of PyTorch 2.13.0 counts in the models of transformers 5.23.0 (eager attention).

const square = (side: number): { height: number; width: number } => ({ height: side, width: side });

describe("the work of an encoder", () => {
  it("is PyTorch's count for Swin, in windows that tile the picture and in windows that do not", () => {
    expect(swinWork(swinTiny, square(224))).toBe(4_489_798_656);
    expect(swinWork(swinBase384, square(384))).toBe(47_082_110_976);
    expect(swinWork({ ...swinTiny, imageSize: 384 }, square(384))).toBe(14_298_933_504);
  });

  it("is PyTorch's count for BERT on 184 tokens", () => {
    expect(transformerWork(bertBaseUncased, 184)).toBe(16_252_010_496);
  });

  it.each([
    { depth: 18, config: resNet18, usual: 1_813_561_344, odd: 3_112_571_072 },
    { depth: 50, config: resNet50, usual: 4_087_136_256, odd: 7_019_794_624 },
    { depth: 101, config: resNet101, usual: 7_799_357_440, odd: 13_383_602_368 },
  ])("is PyTorch's count for ResNet-$depth, also of a picture of 250 x 330", (network) => {
    const { config, odd, usual } = network;
    expect(resNetWork(config, square(224))).toBe(usual);
    expect(resNetWork(config, { height: 250, width: 330 })).toBe(odd);
    expect(resNetGrid(config, { height: 250, width: 330 })).toEqual({ height: 8, width: 11 });
  });

  it("of a layer of two tokens is the one counted by hand", () => {
    const config = { ...bertBaseUncased, hiddenSize: 4, intermediateSize: 8, layers: 1, heads: 1 };
    // Each token: four 4 x 4 products, 4 x 8 and 8 x 4; then 2 x 2 logits and 2 x 2 mixtures of 4 channels.
    expect(transformerWork(config, 2)).toBe(2 * (4 * 16 + 32 + 32) + 16 + 16);
  });
});
