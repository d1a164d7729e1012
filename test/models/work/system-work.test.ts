import { describe, expect, it } from "vitest";
import { bertBaseUncased } from "../../../src/models/bert/config.ts";
import { resNet101 } from "../../../src/models/resnet/config.ts";
import { sohoSpecs, type SohoConfig } from "../../../src/models/soho/config.ts";
import { sohoPaper, sohoReleased } from "../../../src/models/soho/switches.ts";
import { swinBase384 } from "../../../src/models/swin/config.ts";
import { uniterBase, uniterSpecs } from "../../../src/models/uniter/config.ts";
import { uniterReleased } from "../../../src/models/uniter/switches.ts";
import { visualParsingSpecs } from "../../../src/models/visual-parsing/visual-parsing.ts";
import {
  forwardWork,
  parameterCount,
  type PartWork,
  sohoWork,
  stepWork,
  uniterWork,
  visualParsingWork,
} from "../../../src/models/work/system-work.ts";

const sizes = { textTokens: 40, predictedWords: 6, predictedTokens: 7 };
const transformer = { ...bertBaseUncased, tokenTypes: 0 };
const visualParsing = { swin: swinBase384, transformer, languageLayers: 0 };
const soho: SohoConfig = {
  resnet: resNet101,
  dictionary: { codes: 2048, momentum: 0.9, restartAfterSteps: 0 },
  transformer,
  switches: sohoReleased,
};

const numParameters = (parts: readonly PartWork[]): number =>
  parts.reduce((sum, { parameters }) => sum + parameters, 0);
const partNamed = (parts: readonly PartWork[], name: string): PartWork | undefined =>
  parts.find(({ part }) => part === name);

describe("the parts of a system", () => {
  it("hold every weight of Visual Parsing once", () => {
    const parts = visualParsingWork(visualParsing, sizes);
    expect(numParameters(parts)).toBe(parameterCount(visualParsingSpecs(visualParsing)));
    expect(partNamed(parts, "Swin Transformer")?.parameters).toBe(86_878_584);
    expect(partNamed(parts, "multi-modal Transformer")?.parameters).toBe(85_054_464);
  });

  it("hold those of its language Transformer, where it has one", () => {
    const config = { ...visualParsing, languageLayers: 2 };
    const parts = visualParsingWork(config, sizes);
    expect(numParameters(parts)).toBe(parameterCount(visualParsingSpecs(config)));
    const language = partNamed(parts, "language Transformer");
    expect(language?.parameters).toBe(2 * 7_087_872);
    expect(language?.perText).toBe(2 * (40 * 7_077_888 + 2 * 40 ** 2 * 768));
  });

  it.each([sohoPaper, sohoReleased])("hold every weight of SOHO once (case %#)", (switches) => {
    const config = { ...soho, switches };
    const parts = sohoWork(config, { ...sizes, picture: { height: 608, width: 1024 } });
    expect(numParameters(parts)).toBe(parameterCount(sohoSpecs(config)));
  });

  it("hold every weight of UNITER once", () => {
    const config = { ...uniterBase, switches: uniterReleased };
    const parts = uniterWork(config, { ...sizes, regions: 36 });
    expect(numParameters(parts)).toBe(parameterCount(uniterSpecs(config)));
  });
});

describe("the work of a system", () => {
  it("is that of the picture once and of its Transformer for each text", () => {
    const parts = visualParsingWork(visualParsing, sizes);
    const embedding = 144 * 1024 * 768;
    const heads = 6 * 768 * 30_522 + 7 * 768 * 1024 + 2 * 768;
    expect(forwardWork(parts, 1)).toBe(47_082_110_976 + embedding + 16_252_010_496 + heads);
    expect(forwardWork(parts, 4) - forwardWork(parts, 3)).toBe(16_252_010_496 + heads);
    const batch = { pictures: 2, textsPerPicture: 4 };
    expect(stepWork(parts, batch)).toBe(6 * forwardWork(parts, 4));
  });

  it("is that of SOHO's halved grid, and of the wider one where the convolution comes first", () => {
    const released = sohoWork(soho, { ...sizes, picture: { height: 64, width: 128 } });
    // 2 x 4 cells, pooled to 1 x 2.
    const tokens = 2;
    expect(partNamed(released, "visual embedding")?.perPicture).toBe(
      tokens * (2048 * 768 + 2048 * 768 + 768 * 768 + 4 * 768),
    );
    const paper = sohoWork(
      { ...soho, switches: sohoPaper },
      { ...sizes, picture: { height: 64, width: 128 } },
    );
    expect(partNamed(paper, "visual embedding")?.perPicture).toBe(
      8 * 2048 * 768 + tokens * 2048 * 768,
    );
  });

  it("is that of a detector's regions in UNITER", () => {
    const parts = uniterWork(uniterBase, { ...sizes, regions: 36 });
    expect(partNamed(parts, "region embedding")?.perPicture).toBe(36 * 768 * 2055);
  });
});
