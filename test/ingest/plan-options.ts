import { noExclusions } from "../../src/ingest/exclusion/given-rules.ts";
import { silentProgress } from "../../src/core/progress.ts";
import type { SourceOptions } from "../../src/ingest/source.ts";

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
