"""Recall of imagededup's hashes for the copies that bench/perceptual/recall.ts wrote: folder, names of transforms."""

import pathlib
import sys

from imagededup_hashes import AHash, DHash, PHash, WHash

folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:]


def distance(one, other):
    return bin(int(one, 16) ^ int(other, 16)).count("1")


if __name__ == "__main__":
    methods = {"PHash": PHash, "DHash": DHash, "AHash": AHash, "WHash": WHash}
    hashers = {name: method(verbose=False) for name, method in methods.items()}
    originals = sorted((folder / "originals").iterdir(), key=lambda path: int(path.stem))
    known = {name: [hasher.encode_image(str(path)) for path in originals] for name, hasher in hashers.items()}
    print("imagededup, distance 10".ljust(24) + "".join(name.rjust(10) for name in hashers))
    sums = dict.fromkeys(hashers, 0.0)
    for index, transform in enumerate(names):
        row = transform.ljust(24)
        for name, hasher in hashers.items():
            copies = [hasher.encode_image(str(folder / str(index) / path.name)) for path in originals]
            found = sum(distance(one, other) <= 10 for one, other in zip(known[name], copies))
            sums[name] += found / len(originals) / len(names)
            row += f"{100 * found / len(originals):10.1f}"
        print(row)
    print("mean".ljust(24) + "".join(f"{100 * total:10.1f}" for total in sums.values()))
    row = "false pairs".ljust(24)
    for hashes in known.values():
        near = (distance(a, b) <= 10 for i, a in enumerate(hashes) for b in hashes[i + 1 :])
        row += f"{sum(near):10}"
    print(row)
