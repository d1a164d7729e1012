import type sharp from "sharp";

/**
 * sharp, loaded when it is first needed: most pictures are JPEGs that go without. Parallelism comes from the
 * processes that decode, so one thread a picture; and no cache, because no picture comes twice.
 */
export async function loadSharp(): Promise<typeof sharp> {
  const { default: loaded } = await import("sharp");
  loaded.concurrency(1);
  loaded.cache(false);
  return loaded;
}
