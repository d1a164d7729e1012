import { type ImageKey, type ImageSource, imageKey } from "../../core/keys.ts";

// How image ids of TSV files and names of npz files spell the picture: "COCO_val2014_000000000042" of LXMERT,
// "42" of bottom-up attention, "coco_val2014_000000000042.npz" of UNITER. Leading zeros are padding.
const idForms: Readonly<Partial<Record<ImageSource, RegExp>>> = {
  coco: /^(?:COCO_(?:train|val|test)20\d\d_)?0*(\d+)(?:\.jpg)?$/,
  vg: /^(?:VG_)?0*(\d+)(?:\.jpg)?$/,
  flickr30k: /^0*(\d+)(?:\.jpg)?$/,
};

/** The picture that an image id of a TSV file names among those of `pictures`, or undefined. */
export function keyOfImageId(text: string, pictures: ImageSource): ImageKey | undefined {
  const form = idForms[pictures] ?? /^([^\s/\\]+?)(?:\.(?:jpg|png))?$/;
  const id = form.exec(text)?.[1];
  return id === undefined ? undefined : imageKey(pictures, id);
}

const npzForms: readonly { readonly pictures: ImageSource; readonly form: RegExp }[] = [
  { pictures: "coco", form: /^coco_(?:train|val|test)20\d\d_0*(\d+)\.npz$/ },
  // Features of RefCOCO's own boxes.
  { pictures: "coco", form: /^visual_grounding_(?:coco_gt|det_coco)_0*(\d+)\.npz$/ },
  { pictures: "vg", form: /^vg_0*(\d+)\.npz$/ },
  { pictures: "flickr30k", form: /^flickr30k_0*(\d+)\.npz$/ },
  { pictures: "nlvr2", form: /^nlvr2_(.+-img[01])\.npz$/ },
  { pictures: "vcr", form: /^vcr_(?:gt_)?(?:train|val|test)_(.+)\.npz$/ },
];

/** The picture that the name of one of UNITER's npz files spells, or undefined. */
export function keyOfNpzName(name: string): ImageKey | undefined {
  for (const { pictures, form } of npzForms) {
    const id = form.exec(name)?.[1];
    if (id !== undefined) return imageKey(pictures, id);
  }
  return undefined;
}

/**
 * The key that names and ids of feature files spell for a picture: VCR's pictures are keyed by folder and name, and
 * the names, which are different in all folders, are what feature files have.
 */
export function spelledKey(key: ImageKey): ImageKey {
  const folderEnd = key.lastIndexOf("/");
  const hasFolder = key.startsWith("vcr:") && folderEnd !== -1;
  return hasFolder ? imageKey("vcr", key.slice(folderEnd + 1)) : key;
}
