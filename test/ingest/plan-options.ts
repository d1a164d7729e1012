import { noExclusions } from "../../src/ingest/exclusion/given-rules.ts";
import { silentProgress } from "../../src/core/progress.ts";
import type { ImageKey } from "../../src/core/keys.ts";
import type { Exclusion, ExclusionRules } from "../../src/ingest/exclusion/exclusion-rules.ts";
import type { SourceOptions } from "../../src/ingest/source.ts";

/** Leaves out what is listed by key. */
export function excluding(listed: ReadonlyMap<ImageKey, Exclusion>): ExclusionRules {
  return { digest: "listed", match: ({ key }) => listed.get(key) };
}

/** What a source is planned with where a test has nothing special to say. */
export function planOptions(folder: string): Omit<SourceOptions, "splits"> {
  return {
    folder,
    exclusions: noExclusions,
    acceptUnknownRelease: false,
    annotationsOnly: false,
    strict: false,
    progress: silentProgress,
  };
}
