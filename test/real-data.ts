import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";

/**
 * The folder of real annotation files and photographs. Tests that read it fail when it is missing:
 * a test that skips itself proves nothing.
 */
const realDataFolder: string = join(import.meta.dirname, "../../shared/data");

/** A path inside the real data; throws when the file is not there. */
export function realData(...parts: readonly string[]): string {
  const path = join(realDataFolder, ...parts);
  if (!existsSync(path)) throw new Error(`real data missing: ${path}`);
  return path;
}

/** The photographs of the real data, as paths below `coco/`: "train2017/000000000790.jpg". */
export async function realPhotographs(): Promise<string[]> {
  const splits = ["train2017", "val2017"];
  const lists = await Promise.all(
    splits.map(async (split) =>
      (await readdir(realData("images/coco", split))).map((name) => `${split}/${name}`),
    ),
  );
  return lists.flat().toSorted();
}

/**
 * Lays the real COCO data out as a user has it after unpacking the official downloads: 159 images
 * listed (80 of train2017, 79 of val2017), 795 captions, 51 photographs present, Karpathy name
 * lists. The folder is created; whatever it held before stays.
 */
export async function layOutRealCoco(folder: string): Promise<void> {
  const copies = [
    ["coco/mini/captions_train2017.mini80.json", "coco/annotations/captions_train2017.json"],
    ["coco/mini/captions_val2017.mini79.json", "coco/annotations/captions_val2017.json"],
    ...(await realPhotographs()).map((name) => [`images/coco/${name}`, `coco/${name}`]),
  ];
  for (const [from = "", to = ""] of copies) await copyWritable(realData(from), join(folder, to));
  await layOutKarpathyLists(folder);
}

/** Writes the four Karpathy name lists of COCO to `karpathy/` below the folder. */
export async function layOutKarpathyLists(folder: string): Promise<void> {
  const to = join(folder, "karpathy");
  await mkdir(to, { recursive: true });
  for (const part of ["restval", "val", "test"]) {
    await copyWritable(realData(`karpathy/coco_${part}.txt`), join(to, `coco_${part}.txt`));
  }
  const train = gunzipSync(await readFile(realData("karpathy/coco_train.txt.gz")));
  await writeFile(join(to, "coco_train.txt"), train);
}

// The real data is read-only; a plain copy would keep that and could not be changed or removed.
async function copyWritable(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, 0o644);
}
