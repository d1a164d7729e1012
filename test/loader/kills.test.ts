import { expect, it } from "vitest";

import { faultsOfKilledRun, smallBatches } from "./kills.ts";
import { loaderFixture } from "./loader-fixture.ts";
import { temporaryFolder } from "./shard-set-fixture.ts";

// 200 kills, and with token batches of weighted sets: kills.slow.ts.
it("loses and repeats no sample when its process is killed 3 times (G9)", async () => {
  await using fixture = await loaderFixture();
  await using folder = await temporaryFolder();
  const options = fixture.options({ ...smallBatches, numWorkers: 1 });
  const faults = await faultsOfKilledRun(folder.path, options, { numKills: 3, numBatches: 250 });
  expect(faults).toEqual([]);
});
