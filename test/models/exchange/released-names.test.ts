import { describe, expect, it } from "vitest";
import { bertBaseUncased } from "../../../src/models/bert/config.ts";
import { layoutNamed } from "../../../src/models/exchange/layouts.ts";
import { theirNames } from "../../../src/models/exchange/name-layout.ts";
import { resNet18 } from "../../../src/models/resnet/config.ts";
import { sohoBuffers, sohoSpecs, type SohoConfig } from "../../../src/models/soho/config.ts";
import { sohoReleased } from "../../../src/models/soho/switches.ts";
import { uniterBase, uniterSpecs } from "../../../src/models/uniter/config.ts";
import { uniterReleased } from "../../../src/models/uniter/switches.ts";

const soho: SohoConfig = {
  resnet: resNet18,
  dictionary: { codes: 2048, momentum: 0.4, restartAfterSteps: 0 },
  transformer: bertBaseUncased,
  switches: sohoReleased,
};

describe("the released code's names", () => {
  it("are known for every weight and buffer of SOHO but the count of idle steps", () => {
    const layout = layoutNamed("soho");
    const names = [...sohoSpecs(soho), ...sohoBuffers(soho)].map(({ name }) => name);
    expect(names.filter((name) => theirNames(layout, name) === undefined)).toEqual([
      "neck.vq.idle_steps",
    ]);
    expect(theirNames(layout, "embeddings.LayerNorm.bias")).toEqual([
      "language.bert.embeddings.LayerNorm.bias",
    ]);
  });

  it("are known for every weight of UNITER", () => {
    const layout = layoutNamed("uniter");
    const names = uniterSpecs({ ...uniterBase, switches: uniterReleased }).map(({ name }) => name);
    expect(names.filter((name) => theirNames(layout, name) === undefined)).toEqual([]);
    expect(theirNames(layout, "itm_head.weight")).toEqual(["itm_output.weight"]);
    expect(theirNames(layout, "img_embeddings.mask_embedding.weight")).toEqual([
      "uniter.img_embeddings.mask_embedding.weight",
    ]);
  });
});
