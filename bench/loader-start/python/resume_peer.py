"""Times how long a new process takes from a saved position to the next 32 samples of a streamed Hugging Face dataset.

Usage: resume_peer.py states FORMAT WAY COUNT,COUNT… PATHS... prints the states after so many samples, a list of JSON texts;
resume_peer.py resume FORMAT WAY STATE PATHS... goes on from one of them and prints JSON: the milliseconds to the next sample and to
the 32nd one, from the opening of the files on, and the processor's. Samples come as they are stored: nothing is decoded.
Ways: "state_dict" and "shuffled" (a buffer of 1000) are the dataset's own; "stateful" is torchdata's StatefulDataLoader over the
dataset, which it asks for its state; "fast-forward" is the same over an iterable that has none: it goes through all samples before.
"""

import json
import os
import sys
import time

import datasets
from torch.utils.data import IterableDataset
from torchdata.stateful_dataloader import StatefulDataLoader

BATCH = 32
BUFFER = 1000


class Plain(IterableDataset):
    """Samples without a state."""

    def __init__(self, stream):
        self.stream = stream

    def __iter__(self):
        return iter(self.stream)


def opened(form, way, paths):
    stream = datasets.load_dataset(form, data_files=paths, split="train", streaming=True)
    if form == "parquet":
        stream = stream.cast_column("image", datasets.Image(decode=False))
    if way == "shuffled":
        return stream.shuffle(seed=1, buffer_size=BUFFER)
    if way in ("stateful", "fast-forward"):
        dataset = stream if way == "stateful" else Plain(stream)
        return StatefulDataLoader(dataset, batch_size=None, num_workers=0)
    return stream


def states_after(form, way, counts, paths):
    wanted = [int(count) for count in counts.split(",")]
    stream = opened(form, way, paths)
    states = []
    for number, _ in enumerate(stream, 1):
        if number == wanted[len(states)]:
            states.append(json.dumps(stream.state_dict()))
            if len(states) == len(wanted):
                return states
    raise ValueError(f"there are no {wanted[-1]} samples")


def resumed(form, way, state, paths):
    before = time.process_time()
    start = time.perf_counter()
    stream = opened(form, way, paths)
    stream.load_state_dict(json.loads(state))
    samples = iter(stream)
    first_key = next(samples)["key"]
    first = time.perf_counter()
    for _ in range(BATCH - 1):
        next(samples)
    end = time.perf_counter()
    return {
        "version": datasets.__version__,
        "firstKey": first_key,
        "firstMs": (first - start) * 1000,
        "batchMs": (end - start) * 1000,
        "cpuMs": (time.process_time() - before) * 1000,
    }


def main():
    action, form, way, given, *paths = sys.argv[1:]
    run = states_after if action == "states" else resumed
    print(json.dumps(run(form, way, given, paths)))
    # Threads of a reader that are still at work abort an interpreter that ends as usual.
    sys.stdout.flush()
    os._exit(0)


datasets.disable_progress_bars()
main()
