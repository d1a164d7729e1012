import * as tf from "@tensorflow/tfjs-core";
import { floatsOf } from "../tensor/bytes.ts";
import { tensor4 } from "./ranks.ts";

/** Mean and standard deviation of ImageNet's pictures, red, green and blue, of values in [0, 1]. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_DEVIATION = [0.229, 0.224, 0.225] as const;

/** 8-bit RGB pictures [P, H, W, 3], bytes or int32, as the pre-trained encoders take them: normalised, float32. */
export function normalisedPixels(pixels: tf.Tensor4D): tf.Tensor4D {
  const scaled = tf.div(floatsOf(pixels), 255);
  const centred = tf.sub(scaled, tf.tensor1d([...IMAGENET_MEAN]));
  return tensor4(tf.div(centred, tf.tensor1d([...IMAGENET_DEVIATION])));
}
