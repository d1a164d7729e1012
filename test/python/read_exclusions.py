"""Reads an exclusion manifest with pyarrow, DuckDB and polars alone and prints what each found."""

import json
import sys

import duckdb
import polars
import pyarrow.dataset
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
    connection = duckdb.connect()
    connection.register("exclusions", pyarrow.dataset.dataset([path], format="ipc"))
    # The pictures that two steps lead to an evaluation picture, by policy: what a person would ask of such a list.
    query = "select policy, count(*) from exclusions where len(chain) = 2 group by policy order by policy"
    steps = "select key, step.rule from (select key, unnest(chain) as step from exclusions) order by all"
    found = {
        "metadata": metadata,
        "rows": rows,
        "duckdb": [connection.execute(query).fetchall(), connection.execute(steps).fetchall()],
        "polars": polars.read_ipc(path).group_by("rule").len().rows(),
    }
    json.dump(found, sys.stdout)


main(*sys.argv[1:])
