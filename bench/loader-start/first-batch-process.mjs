// Opens a loader and waits for one batch; for `bench/first-batch.ts`, which starts it anew for every measurement.
// Plain JavaScript, so that where the compiled package is measured no type stripping is loaded.
const { module, options, from } = JSON.parse(process.argv[2]);
const { BatchLoader } = await import(module);
const loadedMs = performance.now();
const loader = await BatchLoader.open(options);
const openedMs = performance.now();
for await (const batch of loader.batches(from)) {
  const firstBatchMs = performance.now();
  const endedAt = performance.timeOrigin + firstBatchMs;
  const { system, user } = process.cpuUsage();
  console.log(
    JSON.stringify({
      loadedMs,
      openMs: openedMs - loadedMs,
      fromOpenMs: firstBatchMs - loadedMs,
      endedAt,
      cpuMs: (system + user) / 1000,
      keys: batch.keys,
    }),
  );
  break;
}
// Node writes what it compiled when threads and process end of themselves.
await loader[Symbol.asyncDispose]();
