import * as tf from "@tensorflow/tfjs-core";
import type { SohoPictures } from "../../../src/models/soho/grid-encoder.ts";
import { sohoBuffers, sohoSpecs, type SohoConfig } from "../../../src/models/soho/config.ts";
import { sohoPaper, sohoReleased, type SohoSwitches } from "../../../src/models/soho/switches.ts";
import { initialiseWeights, type Weights } from "../../../src/models/weights.ts";
import { uniform } from "../parity-fixture.ts";

/** A model of a few thousand weights. */
export function tinySoho(switches: SohoSwitches): SohoConfig {
  return {
    resnet: { block: "basic", depths: [1, 1, 1, 1], width: 2 },
    dictionary: { codes: 12, momentum: 0.4, restartAfterSteps: 0 },
    transformer: {
      vocabularySize: 12,
      hiddenSize: 16,
      layers: 1,
      heads: 2,
      intermediateSize: 32,
      maxPositions: 20,
      tokenTypes: 2,
      dropout: 0.1,
      recompute: false,
    },
    switches,
  };
}

export const presets: readonly (readonly [string, SohoSwitches])[] = [
  ["paper", sohoPaper],
  ["released", sohoReleased],
];

/** Fresh weights and buffers. */
export function freshSoho(config: SohoConfig): Weights {
  return initialiseWeights([...sohoSpecs(config), ...sohoBuffers(config)], {
    seed: 11,
    scale: "fan-in",
  });
}

/** A picture of 128 x 192 pixels, and one of 64 x 128 in the same frame. */
export function tinyPictures(): SohoPictures {
  const bytes = uniform(4, "pixels", [2 * 128 * 192 * 3]).map((value) => 127.5 + 127 * value);
  return {
    pixels: tf.tensor4d(Int32Array.from(bytes), [2, 128, 192, 3], "int32"),
    valid: {
      heights: tf.tensor1d([128, 64], "int32"),
      widths: tf.tensor1d([192, 128], "int32"),
    },
  };
}
