import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { realData } from "./real-data.ts";

/** The real files that overlaps are known of, by the official names under which a user has them. */
const layout: Readonly<Record<string, string>> = {
  "coco/captions_val2014.subset4800.json.gz": "coco/annotations/captions_val2014.json.gz",
  "coco/mini/captions_train2017.mini80.json": "coco/annotations/captions_train2017.json",
  "coco/captions_val2017.json.gz": "coco/annotations/captions_val2017.json.gz",
  "karpathy/coco_train.txt.gz": "karpathy/coco_train.txt.gz",
  "karpathy/coco_restval.txt": "karpathy/coco_restval.txt",
  "karpathy/coco_val.txt": "karpathy/coco_val.txt",
  "karpathy/coco_test.txt": "karpathy/coco_test.txt",
  "karpathy/flickr30k_train.txt": "karpathy/flickr30k_train.txt",
  "karpathy/flickr30k_val.txt": "karpathy/flickr30k_val.txt",
  "karpathy/flickr30k_test.txt": "karpathy/flickr30k_test.txt",
  "flickr30k/entities/train.txt": "flickr30k/entities/train.txt",
  "flickr30k/entities/val.txt": "flickr30k/entities/val.txt",
  "flickr30k/entities/test.txt": "flickr30k/entities/test.txt",
  "flickr8k/Flickr8k.token.txt.gz": "flickr8k/Flickr8k.token.txt.gz",
  "flickr8k/Flickr_8k.trainImages.txt": "flickr8k/Flickr_8k.trainImages.txt",
  "flickr8k/Flickr_8k.devImages.txt": "flickr8k/Flickr_8k.devImages.txt",
  "flickr8k/Flickr_8k.testImages.txt": "flickr8k/Flickr_8k.testImages.txt",
  "nlvr2/dev.json.gz": "nlvr2/dev.json.gz",
  "nlvr2/test1.json.gz": "nlvr2/test1.json.gz",
  "nlvr2/dev_hashes.json": "nlvr2/dev_hashes.json",
  "nlvr2/test1_hashes.json": "nlvr2/test1_hashes.json",
  "snli_ve/esnlive_dev.csv.gz": "snli-ve/esnlive_dev.csv.gz",
  "snli_ve/flickr30k_test.lst": "snli-ve/flickr30k_test.lst",
  "snli_ve/flickr30k_train_val.lst": "snli-ve/flickr30k_train_val.lst",
  "visual_genome/image_data.first100.json": "vg/image_data.json",
  "visual_genome/butd_train.txt.gz": "vg/butd_train.txt.gz",
  "visual_genome/butd_val.txt": "vg/butd_val.txt",
  "visual_genome/butd_test.txt": "vg/butd_test.txt",
  "overlap/coco_flickr30k_md5_duplicates.txt": "mscoco/remove_flickr30k.txt",
};

/** Lays the files out below a folder, as links to where they are: those whose official path begins with one of `wanted`. */
export async function linkRealData(
  folder: string,
  wanted: readonly string[] = [""],
): Promise<void> {
  for (const [from, to] of Object.entries(layout)) {
    if (!wanted.some((beginning) => to.startsWith(beginning))) continue;
    const path = join(folder, to);
    await mkdir(dirname(path), { recursive: true });
    await symlink(realData(from), path);
  }
}
