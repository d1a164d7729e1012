// Writes scenes as its arguments say and ends as a process does that is killed.
import { z } from "zod";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { madeUpScene } from "./scenes.ts";
import { smallLayout } from "./small-set.ts";

const [folder, numScenes] = z.tuple([z.string(), z.coerce.number()]).parse(process.argv.slice(2));
const plan = { folder, split: "train", role: "train" as const, layout: smallLayout };
const writer = await SplitWriter.create({ ...plan, planDigest: "plan" });
for (let index = writer.numScenesDone; index < numScenes; index += 1) {
  await writer.append(madeUpScene(index));
}
process.kill(process.pid, "SIGKILL");
