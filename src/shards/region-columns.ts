import { sha256 } from "../core/digest.ts";
import type { Box, PictureRegions } from "../core/records.ts";
import type { ByteRange } from "./arrow/batch-body.ts";
import { type Codec, float32, int32, largeBinary, utf8 } from "./arrow/codec.ts";
import { field, fixedSizeList, list, nullable, struct } from "./arrow/nested-codec.ts";

const fourFloats = fixedSizeList(float32, 4);
/** x, y, width, height as four floats. */
export const box: Codec<Box> = {
  ...fourFloats,
  blank: { x: 0, y: 0, width: 0, height: 0 },
  encode(values, body, validity) {
    const rows = values.map((value) => [value.x, value.y, value.width, value.height]);
    fourFloats.encode(rows, body, validity);
  },
  view(cursor, numRows, allowsNulls) {
    const view = fourFloats.view(cursor, numRows, allowsNulls);
    return {
      ...view,
      get(row) {
        const [x = 0, y = 0, width = 0, height = 0] = view.get(row);
        return { x, y, width, height };
      },
    };
  },
};

/** Where the regions of a picture lie: what is small, and the places of what is not. */
export interface RegionRanges extends Omit<PictureRegions, "features" | "classProbabilities"> {
  /** In the body of the batch, as are the class probabilities. */
  readonly features: ByteRange;
  readonly featuresSha256: string;
  readonly classProbabilities: ByteRange;
  readonly classProbabilitiesSha256: string;
}

const boxes = list(box);
const confidences = nullable(list(float32));
/** The halves are kept as bytes, because DuckDB opens no file that has a float16 column. */
export const pictureRegions: Codec<PictureRegions, RegionRanges> = struct<
  PictureRegions,
  RegionRanges
>({
  fields: [
    field("boxes", boxes, (row) => row.boxes),
    field("confidences", confidences, (row) => row.confidences),
    field("num_features", int32, (row) => row.numFeatures),
    field("num_classes", int32, (row) => row.numClasses),
    field("features_sha256", utf8, (row) => sha256(row.features)),
    field("class_probabilities_sha256", utf8, (row) => sha256(row.classProbabilities)),
    field("features", largeBinary, (row) => row.features),
    field("class_probabilities", largeBinary, (row) => row.classProbabilities),
  ],
  blank: {
    boxes: [],
    confidences: null,
    numFeatures: 0,
    numClasses: 0,
    features: new Uint8Array(0),
    classProbabilities: new Uint8Array(0),
  },
  view(cursor, numRows) {
    const place = boxes.view(cursor, numRows);
    const confidence = confidences.view(cursor, numRows);
    const numFeatures = int32.view(cursor, numRows);
    const numClasses = int32.view(cursor, numRows);
    const featuresSha256 = utf8.view(cursor, numRows);
    const classProbabilitiesSha256 = utf8.view(cursor, numRows);
    const features = largeBinary.view(cursor, numRows);
    const classProbabilities = largeBinary.view(cursor, numRows);
    return (row) => ({
      boxes: place.get(row),
      confidences: confidence.get(row),
      numFeatures: numFeatures.get(row),
      numClasses: numClasses.get(row),
      features: features.get(row),
      featuresSha256: featuresSha256.get(row),
      classProbabilities: classProbabilities.get(row),
      classProbabilitiesSha256: classProbabilitiesSha256.get(row),
    });
  },
});

const BYTES_PER_HALF = 2;

/** How the sizes of a picture's regions contradict each other, or undefined: R, D and C must agree with the bytes. */
export function regionSizeFault(regions: RegionRanges): string | undefined {
  const { boxes: places, confidences: known, numFeatures, numClasses } = regions;
  const numRegions = places.length;
  if (numFeatures < 1 || numClasses < 0) {
    return `${numFeatures} features and ${numClasses} classes for each region`;
  }
  if (known !== null && known.length !== numRegions) {
    return `${numRegions} boxes, but ${known.length} confidences`;
  }
  const features = numRegions * numFeatures * BYTES_PER_HALF;
  const classProbabilities = numRegions * numClasses * BYTES_PER_HALF;
  if (regions.features.sizeBytes !== features) {
    return `${regions.features.sizeBytes} bytes of features, ${numRegions} regions have ${features}`;
  }
  if (regions.classProbabilities.sizeBytes === classProbabilities) return undefined;
  return `${regions.classProbabilities.sizeBytes} bytes of class probabilities, ${numRegions} regions have ${classProbabilities}`;
}
