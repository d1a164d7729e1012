"""Opens a shard by pyarrow's memory map and fetches single pictures; prints microseconds, one measure a line."""

import json
import random
import statistics
import sys
import time

import pyarrow as pa
import pyarrow.ipc as ipc


def fetch(path, batch, row):
    with pa.memory_map(path) as source:
        column = ipc.open_file(source).get_batch(batch).column("picture_bytes")
        start = column.offsets[row].as_py()
        return column.values[start].as_buffer().to_pybytes()


def timed(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e6


def main(path, num_batches, num_rows):
    with pa.memory_map(path) as source:
        columns = [ipc.open_file(source).get_batch(batch).column("picture_bytes") for batch in range(num_batches)]
        picks = [(random.randrange(num_batches), random.randrange(num_rows)) for _ in range(2000)]

        def held(batch, row):
            return columns[batch].values[columns[batch].offsets[row].as_py()].as_buffer().to_pybytes()

        reads = [timed(lambda pick=pick: held(*pick)) for pick in picks]
    opens = [timed(lambda pick=pick: fetch(path, *pick)) for pick in picks[:200]]
    found = {"version": pa.__version__, "open": statistics.median(opens), "read": statistics.median(reads)}
    json.dump(found, sys.stdout)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
