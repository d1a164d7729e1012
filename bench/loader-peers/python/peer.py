"""One contestant of bench/loader-peers: a DataLoader that delivers batches when it is asked to.

  peer.py <JSON: what to deliver, see `Order` below>

Answers each JSON line of stdin with one JSON line:
  {"open": workers}     makes the loader anew, with so many worker processes
  {"window": {"warmUp": n, "seconds": s, "turn": t}}
                        takes n batches, says {"begun": true}, takes batches for s seconds and on to a multiple of t:
                        workers that began together deliver together, and a window has whole turns of all of them
"""

import json
import os
import sys
import time
import warnings
from dataclasses import dataclass

order = json.loads(sys.argv[1])
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, order["cores"])  # before torch counts the cores
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the processes are what is parallel

warnings.filterwarnings("ignore")  # of torch, at more workers than cores

import torch  # noqa: E402


@dataclass
class Order:
    """What a contestant delivers."""

    kind: str  # "folder" and "tars": pictures; "pairs-per-caption" and "pairs-per-picture": pictures with texts
    library: str  # "pillow" or "opencv"
    kernel: str
    values: str  # "float32": normalised, channels first; "uint8": as decoded, channels last
    crop: bool  # a random part of the picture instead of all of it
    size: int
    batch: int  # pictures, or samples of pairs
    data: str  # the folder that photographs.ts wrote
    vocabulary: str
    cores: list


def make_loader(given, workers):
    if given.kind.startswith("pairs"):
        from pairs import make_pair_loader

        return make_pair_loader(given, workers)
    from pictures import make_picture_loader

    return make_picture_loader(given, workers)


class Window:
    """Counts what is delivered, and touches one value of each page of it as the first use of a batch does."""

    def __init__(self, given):
        self.given = given
        self.pictures = self.pairs = self.touched = 0
        self.levels = 0.0

    def take(self, batch):
        values, pairs = batch if isinstance(batch, tuple) else ([batch], 0)
        for pixels in values:
            self.levels += level(pixels)
            self.touched += 1
            self.pictures += len(pixels)
        self.pairs += pairs
        self.shape = f"{str(values[0].dtype).removeprefix('torch.')} {list(values[0].shape)}"

    def result(self, seconds):
        return {
            "numPictures": self.pictures,
            "numPairs": self.pairs,
            "seconds": seconds,
            "meanLevel": self.levels / self.touched,
            "batch": self.shape,
        }


def level(pixels):
    """The mean, from 0 to 255, of the first value of each page of 4096 bytes."""
    if pixels.dtype == torch.uint8:
        return pixels.reshape(-1)[::4096].float().mean().item()
    from pictures import MEAN, STD

    touched = pixels.reshape(-1)[::1024].reshape(len(pixels), 3, -1)  # the sizes' planes are whole pages
    return 255 * (touched.mean(dim=(0, 2)) * STD.flatten() + MEAN.flatten()).mean().item()


def measure(batches, given, asked):
    for _ in range(asked["warmUp"]):
        Window(given).take(next(batches))
    say({"begun": True})
    window = Window(given)
    begin = time.perf_counter()
    elapsed = taken = 0
    while elapsed <= asked["seconds"] or taken % asked["turn"] > 0:
        window.take(next(batches))
        taken += 1
        elapsed = time.perf_counter() - begin
    say(window.result(elapsed))


def versions():
    import numpy
    from PIL import Image, features

    found = {"Python": sys.version.split()[0], "torch": torch.__version__, "numpy": numpy.__version__}
    if order["library"] == "pillow":
        turbo = features.version("libjpeg_turbo")
        found["Pillow"] = f"{Image.__version__} (libjpeg-turbo {turbo})"
    if order["library"] == "opencv":
        import cv2

        (line,) = [line for line in cv2.getBuildInformation().split("\n") if " JPEG:" in line]
        found["OpenCV"] = f"{cv2.__version__} ({line.split(':')[1].strip()})"
    if order["kind"] == "tars":
        import webdataset

        found["webdataset"] = webdataset.__version__
    if order["kind"].startswith("pairs"):
        import tokenizers

        found["tokenizers"] = tokenizers.__version__
    return found


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    given = Order(**order)
    batches = None
    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            del batches  # ends its processes
            batches = iter(make_loader(given, request["open"]))
            say({"versions": versions()})
        else:
            measure(batches, given, request["window"])


if __name__ == "__main__":
    main()
