import { z } from "zod";
import { parseRecipe } from "../recipe-parser.ts";
import type { RunRecord } from "./run-record.ts";

/** A run's record before its recipe has been read. */
type ReadRecord = Omit<RunRecord, "recipe"> & { readonly recipe?: unknown };

export const recordSchema: z.ZodType<ReadRecord> = z.object({
  format: z.literal("crossweave-run"),
  version: z.literal(1),
  recipe: z.unknown(),
  vocabularySha256: z.string(),
  setDigests: z.array(z.string()),
  audit: z.object({ digest: z.string(), clean: z.boolean() }),
  proofs: z.array(z.string().nullable()).optional(),
  initial: z.array(z.object({ layout: z.string(), sha256: z.string() })).optional(),
  digest: z.string(),
  codeVersion: z.string().optional(),
  changes: z.array(z.object({ from: z.string(), differences: z.array(z.string()) })).optional(),
});

/** The record with its recipe; ConfigError with the recipe's faults. `file` is where it lies. */
export function withRecipe(read: ReadRecord, file: string): RunRecord {
  return { ...read, recipe: parseRecipe(read.recipe, file) };
}
