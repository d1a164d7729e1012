// Goes on from a place of an epoch and reads the next 32 samples as they are stored; for `bench/resume.ts`, which starts it
// anew for every measurement. Plain JavaScript, so that where the compiled package is measured no type stripping is loaded.
const { package: folder, options, step } = JSON.parse(process.argv[2]);
const { SampleSource } = await import(`${folder}/loader/sample-source.js`);
const { BatchComposer } = await import(`${folder}/loader/batching/batch-composer.js`);
const { emptyTable } = await import(`${folder}/loader/batching/scene-table.js`);

const before = process.cpuUsage();
const startMs = performance.now();
const source = await SampleSource.open(options.sets);
const openMs = performance.now() - startMs;
const sets = [{ numScenes: source.numSamples, weight: undefined }];
const composer = new BatchComposer({ options, sets, table: emptyTable });
const { samples } = composer.compose(0, step, { pool: 0, bucket: 0, index: step });
let firstMs = 0;
let firstKey = "";
let numBytes = 0;
for (const { sampleIndex } of samples) {
  const { sceneKey } = await source.head(sampleIndex);
  numBytes += (await source.pictureBytes(sampleIndex, 0)).byteLength;
  if (firstMs === 0) [firstMs, firstKey] = [performance.now() - startMs, sceneKey];
}
const batchMs = performance.now() - startMs;
const { system, user } = process.cpuUsage(before);
const cpuMs = (user + system) / 1000;
console.log(JSON.stringify({ openMs, firstMs, batchMs, cpuMs, firstKey, numBytes }));
await source[Symbol.asyncDispose]();
