"""Reads every picture of a large split with pyarrow, shard by shard, and prints what it found as JSON."""

import glob
import hashlib
import json
import os
import sys

import pyarrow as pa
import pyarrow.ipc as ipc


def main(folder, split):
    num_pictures = 0
    num_bytes = 0
    wrong = []
    for path in sorted(glob.glob(os.path.join(folder, split, "*.arrow"))):
        with pa.memory_map(path) as source:
            reader = ipc.open_file(source)
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                batch.validate(full=True)
                pictures = batch.column("pictures").values.field("sha256").to_pylist()
                stored = batch.column("picture_bytes").values
                for place, digest in enumerate(pictures):
                    data = stored[place].as_buffer()
                    num_pictures += 1
                    num_bytes += data.size
                    if hashlib.sha256(data).hexdigest() != digest:
                        wrong.append(f"{path} {index} {place}")
    json.dump({"numPictures": num_pictures, "numBytes": num_bytes, "wrong": wrong}, sys.stdout)


main(*sys.argv[1:])
