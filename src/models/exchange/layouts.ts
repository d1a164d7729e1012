import { ConfigError } from "../../core/errors.ts";
import { bertLayout, uniterLayout } from "./bert-names.ts";
import type { NameLayout } from "./name-layout.ts";
import { ownLayout } from "./own-names.ts";
import { torchvisionResNetLayout, transformersResNetLayout } from "./resnet-names.ts";
import { sohoLayout } from "./soho-names.ts";
import { officialSwinLayout, timmSwinLayout, transformersSwinLayout } from "./swin-names.ts";

/**
 * Every naming of weights that is read and written. Where two know all names of a file, the first is meant: all of timm's
 * are official ones too, but not the other way round.
 */
export const nameLayouts: readonly NameLayout[] = [
  bertLayout,
  uniterLayout,
  sohoLayout,
  timmSwinLayout,
  officialSwinLayout,
  transformersSwinLayout,
  torchvisionResNetLayout,
  transformersResNetLayout,
];

/** The layout called `name`; ConfigError with the names there are. */
export function layoutNamed(name: string): NameLayout {
  const layout = [...nameLayouts, ownLayout].find((candidate) => candidate.name === name);
  if (layout !== undefined) return layout;
  throw new ConfigError(`there is no layout "${name}"`, {
    remedy: `the layouts are: ${nameLayouts.map((candidate) => candidate.name).join(", ")}`,
  });
}
