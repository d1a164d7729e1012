"""Times how long a streamed Hugging Face dataset takes to its next 32 samples from a saved position, and to the first of them.

Usage: resume_peer.py FOLDER NUM_SAMPLES NUM_FILES BUFFER SHARE...; the samples are rows of Arrow files with a key,
five captions and the bytes of a small picture, as they are stored: nothing is decoded. BUFFER 0 does not shuffle.
Prints JSON: the version, the size of the state, and for each share the seconds of several resumptions, to the
first sample and to the last one.
"""

import json
import os
import sys
import time

import datasets
import pyarrow as pa

BATCH = 32
NUM_RUNS = 3
CAPTION = "A man riding a wave on top of a surfboard in the ocean."
SCHEMA = pa.schema(
    [("key", pa.string()), ("texts", pa.list_(pa.string())), ("picture", pa.large_binary())]
)


def write(path, first, end):
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, SCHEMA) as writer:
        for start in range(first, end, 1000):
            rows = range(start, min(start + 1000, end))
            columns = [
                [f"coco:{row}" for row in rows],
                [[f"{CAPTION} {row}"] * 5 for row in rows],
                [str(row).encode() * 100 for row in rows],
            ]
            writer.write_batch(pa.record_batch(columns, schema=SCHEMA))


def opened(paths, buffer):
    stream = datasets.load_dataset("arrow", data_files=paths, split="train", streaming=True)
    return stream.shuffle(seed=1, buffer_size=buffer) if buffer > 0 else stream


def states_at(paths, buffer, counts):
    """The states after so many samples, by going there once."""
    stream = opened(paths, buffer)
    states = {}
    for number, _ in enumerate(stream, 1):
        if number in counts:
            states[number] = json.dumps(stream.state_dict())
            if len(states) == len(counts):
                return states
    raise ValueError(f"there are no {max(counts)} samples")


def resumed(paths, buffer, state):
    """Seconds from the saved state to the next sample and to the 32nd, on a dataset that is open."""
    stream = opened(paths, buffer)
    start = time.perf_counter()
    stream.load_state_dict(json.loads(state))
    samples = iter(stream)
    next(samples)
    first = time.perf_counter() - start
    for _ in range(BATCH - 1):
        next(samples)
    return [first, time.perf_counter() - start]


def main():
    folder, samples, files, buffer = sys.argv[1], *map(int, sys.argv[2:5])
    shares = [float(share) for share in sys.argv[5:]]
    os.makedirs(folder, exist_ok=True)
    rows = -(-samples // files)
    paths = [os.path.join(folder, f"{number:05}.arrow") for number in range(files)]
    for number, path in enumerate(paths):
        write(path, number * rows, min((number + 1) * rows, samples))
    counts = {share: int(samples * share) for share in shares}
    states = states_at(paths, buffer, set(counts.values()))
    seconds = {
        str(share): [resumed(paths, buffer, states[count]) for _ in range(NUM_RUNS)]
        for share, count in counts.items()
    }
    size = max(map(len, states.values()))
    print(json.dumps({"version": datasets.__version__, "stateBytes": size, "seconds": seconds}))


main()
