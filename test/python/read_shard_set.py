"""Reads a shard set with readers that know nothing of crossweave and prints what they found as JSON."""

import glob
import hashlib
import json
import os
import sys
import tempfile


def digest(data):
    return hashlib.sha256(data).hexdigest()


def plain_regions(regions):
    if regions is None:
        return None
    confidences = regions["confidences"]
    return {
        **regions,
        "boxes": [[float(value) for value in box] for box in regions["boxes"]],
        "confidences": None if confidences is None else [float(value) for value in confidences],
        "features": digest(regions["features"]),
        "class_probabilities": digest(regions["class_probabilities"]),
    }


def plain_rows(rows):
    """Rows as every reader must give them."""
    return [
        {
            "scene_key": row["scene_key"],
            "texts": [
                {**text, "box": None if text["box"] is None else [float(value) for value in text["box"]]}
                for text in row["texts"]
            ],
            "pictures": row["pictures"],
            "regions": None if row["regions"] is None else [plain_regions(item) for item in row["regions"]],
            "bytes": [digest(data) for data in row["picture_bytes"]],
        }
        for row in rows
    ]


def by_pyarrow(files):
    import pyarrow as pa
    import pyarrow.ipc as ipc

    tables = []
    for path in files:
        with pa.memory_map(path) as source:
            reader = ipc.open_file(source)
            for index in range(reader.num_record_batches):
                reader.get_batch(index).validate(full=True)
            tables.append(reader.read_all())
    table = pa.concat_tables(tables)
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    return {"rows": plain_rows(table.to_pylist()), "metadata": metadata}


def by_datasets(files):
    from datasets import load_dataset

    with tempfile.TemporaryDirectory() as cache:
        loaded = load_dataset("arrow", data_files={"split": files}, cache_dir=cache, split="split")
        return {"rows": plain_rows(loaded.to_list())}


def by_duckdb(files):
    import duckdb
    import pyarrow.dataset

    shards = pyarrow.dataset.dataset(files, format="ipc")
    connection = duckdb.connect()
    connection.register("shards", shards)
    cursor = connection.execute("select * from shards")
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, values)) for values in cursor.fetchall()]
    (num_texts,) = connection.execute("select sum(len(texts)) from shards").fetchone()
    return {"rows": plain_rows(rows), "num_texts": int(num_texts)}


def by_polars(files):
    import polars

    return {"rows": plain_rows(polars.concat([polars.read_ipc(path) for path in files]).to_dicts())}


def ledger_by_pyarrow(path):
    import pyarrow.ipc as ipc

    return ipc.open_file(path).read_all().to_pylist()


def rewrite(path, rewritten):
    """The same batches in a file of pyarrow's own."""
    import pyarrow.ipc as ipc

    reader = ipc.open_file(path)
    with ipc.new_file(rewritten, reader.schema) as writer:
        for index in range(reader.num_record_batches):
            writer.write_batch(reader.get_batch(index))


def main(folder, split, rewritten):
    files = sorted(glob.glob(os.path.join(folder, split, "*.arrow")))
    rewrite(files[0], rewritten)
    found = {
        "pyarrow": by_pyarrow(files),
        "datasets": by_datasets(files),
        "duckdb": by_duckdb(files),
        "polars": by_polars(files),
        "ledger": ledger_by_pyarrow(os.path.join(folder, "ledger.arrow")),
    }
    json.dump(found, sys.stdout)


main(*sys.argv[1:])
