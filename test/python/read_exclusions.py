"""Reads an exclusion manifest with pyarrow alone and prints what it found."""

import json
import sys

import pyarrow.ipc as ipc


def main(path):
    table = ipc.open_file(path).read_all()
    columns = ["key", "dataset", "split", "rule", "eval_key", "policy", "tool_version"]
    rows = [
        {
            **{name: row[name] for name in columns},
            "chain": [[step["evidence"], step["near"]] for step in row["chain"]],
        }
        for row in table.to_pylist()
    ]
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    json.dump({"metadata": metadata, "rows": rows}, sys.stdout)


main(*sys.argv[1:])
