"""Writes photographs with captions as Hugging Face's own writers do: Arrow and Parquet files of at most 500 MB.

Usage: write_photographs.py arrow FOLDER NUM_SAMPLES IMAGES...; sample n is image n modulo their number with n behind its
last byte, so that no two samples have equal bytes. write_photographs.py parquet FOLDER ARROW_FILES... writes the samples of Arrow
files once more, in as many files as `push_to_hub` would make. Prints JSON: the paths in order, and the bytes of all files.
"""

import json
import os
import sys

import datasets

CAPTION = "A man riding a wave on top of a surfboard in the ocean."
MAX_FILE_BYTES = 500_000_000
FEATURES = datasets.Features(
    {
        "key": datasets.Value("string"),
        "texts": datasets.List(datasets.Value("string")),
        "image": datasets.Image(decode=False),
    }
)


def samples(images, count):
    contents = []
    for path in images:
        with open(path, "rb") as file:
            contents.append(file.read())
    for row in range(count):
        content = contents[row % len(contents)] + row.to_bytes(8, "big")
        texts = [f"{CAPTION} {row} {part}" for part in range(5)]
        yield {"key": f"coco:{row}", "texts": texts, "image": {"bytes": content, "path": None}}


def main():
    form, folder, *given = sys.argv[1:]
    paths = written_arrow(folder, *given) if form == "arrow" else written_parquet(folder, given)
    print(json.dumps({"paths": paths, "sizeBytes": sum(map(os.path.getsize, paths))}))


def written_arrow(folder, count, *images):
    made = datasets.Dataset.from_generator(
        samples,
        features=FEATURES,
        gen_kwargs={"images": tuple(images), "count": int(count)},
        cache_dir=folder,
    )
    return [file["filename"] for file in made.cache_files]


def written_parquet(folder, arrow_files):
    made = datasets.concatenate_datasets([datasets.Dataset.from_file(path) for path in arrow_files])
    num_files = -(-made.data.nbytes // MAX_FILE_BYTES)
    paths = [os.path.join(folder, f"train-{index:05}.parquet") for index in range(num_files)]
    for index, path in enumerate(paths):
        made.shard(num_files, index, contiguous=True).to_parquet(path)
    return paths


datasets.disable_progress_bars()
main()
