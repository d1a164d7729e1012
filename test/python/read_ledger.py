"""Prints how many rows and which columns readers that know nothing of crossweave find in a ledger, as JSON."""

import json
import sys

import duckdb
import polars
import pyarrow.dataset
import pyarrow.ipc


def main(path):
    table = pyarrow.ipc.open_file(path).read_all()
    ledger = pyarrow.dataset.dataset([path], format="ipc")
    connection = duckdb.connect()
    connection.register("ledger", ledger)
    cursor = connection.execute("select * from ledger")
    names = [column[0] for column in cursor.description]
    frame = polars.read_ipc(path)
    found = {
        "pyarrow": [table.num_rows, table.schema.names],
        "duckdb": [len(cursor.fetchall()), names],
        "polars": [frame.height, frame.columns],
    }
    json.dump(found, sys.stdout)


main(*sys.argv[1:])
