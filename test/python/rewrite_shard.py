"""Writes a shard again as no shard may be: compressed, with a dictionary, or otherwise drifted."""

import sys

import pyarrow as pa
import pyarrow.ipc as ipc


def rewrite(path, target, kind):
    table = ipc.open_file(path).read_all()
    compression = None
    if kind == "compressed":
        compression = "zstd"
    elif kind == "dictionary":
        keys = table.column("scene_key").combine_chunks().dictionary_encode()
        table = table.set_column(0, "scene_key", keys)
    elif kind == "missing column":
        table = table.drop_columns(["regions"])
    elif kind == "other type":
        table = table.set_column(0, "scene_key", table.column("scene_key").cast(pa.large_string()))
    elif kind == "other order":
        names = table.column_names
        table = table.select([names[1], names[0], *names[2:]])
    else:
        raise ValueError(kind)
    options = ipc.IpcWriteOptions(compression=compression)
    with ipc.new_file(target, table.schema, options=options) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)


path, target, *kinds = sys.argv[1:]
for index, kind in enumerate(kinds):
    rewrite(path, f"{target}-{index}", kind)
