import { join } from "node:path";
import { expect, it } from "vitest";
import { pageThumbnails } from "../../../src/cli/audit-report/page-pictures.ts";
import { refuseOtherResults } from "../../../src/cli/audit-report/result-files.ts";
import { ConfigError, StateError } from "../../../src/core/errors.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../../shards/small-set.ts";

it("are files of their own, however their names are spelled", async () => {
  await using made = await temporaryFolder();
  const [file, list] = [join(made.path, "a"), join(made.path, "list")];
  const repeated = [
    { report: file, sarif: `${made.path}/b/../a` },
    { junit: file, exclusions: file },
    { sarif: file, proof: file },
    { report: `${list}.arrow`, exclusions: `${list}.json` },
    { junit: `${list}.json`, exclusions: `${list}.arrow` },
  ];
  for (const flags of repeated) {
    const refusing = refuseOtherResults(flags);
    await expect(refusing).rejects.toThrow(ConfigError);
    await expect(refusing).rejects.toThrow("two results would be written to");
  }
  await refuseOtherResults({ report: file, exclusions: `${list}.json`, sarif: `${list}.sarif` });
});

it("show pictures of no other set than the one that was audited", async () => {
  await using made = await temporaryFolder();
  const folder = join(made.path, "set");
  const scenes = madeUpScenes(2);
  const { digest } = await writeShardSet(folder, [{ split: "train", role: "train", scenes }]);
  const options = { progress: silentProgress, signal: new AbortController().signal };
  await pageThumbnails([], [{ folder, digest }], options);
  const drawing = pageThumbnails([], [{ folder, digest: "0".repeat(64) }], options);
  await expect(drawing).rejects.toThrow(StateError);
  await expect(drawing).rejects.toThrow(`${folder} was another set while it was audited`);
});
