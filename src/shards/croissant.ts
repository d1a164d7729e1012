import type { JsonValue } from "../core/digest.ts";
import type { ShardSetIndex } from "./shard-set-index.ts";

/** The MLCommons Croissant 1.1 description (JSON-LD) of a shard set; a pure function of its index. */
export function croissantDocument(index: ShardSetIndex): JsonValue {
  return { "@type": "sc:Dataset", name: index.name, version: index.digest };
}

export function croissantText(index: ShardSetIndex): string {
  return `${JSON.stringify(croissantDocument(index), null, 1)}\n`;
}
