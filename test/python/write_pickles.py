"""Writes random plain data as pickles of every protocol, then damaged ones with what Python makes of them.

Prints one JSON document: {"whole": [{"protocol", "pickle", "data"}], "damaged": [{"pickle", "data" or null}]}.
"""

import base64
import io
import json
import pickle
import random
import sys

TEXTS = ["", "a", "sentences", "it's \"quoted\"", "back\\slash \\u0041 \\x41", "line\nend\r\t\0\x1a\x7f",
         "caf\u00e9 \u00ff\u0080", "\u20ac \u4e2d\u6587", "\U0001f600 wide", "x" * 300]
LONG_TEXT = "y" * 70000
INTEGERS = [0, 1, -1, 127, 128, 255, 256, -128, -129, 65535, 65536, 2**31 - 1, 2**31, -2**31, -2**31 - 1,
            2**53 - 1, 2**53 + 1, -2**63, 2**64, 10**30, -10**30, 2**2040, -2**2048]
FLOATS = [0.5, -1.25, 1e100, 5e-324, 1.7976931348623157e308, 3.141592653589793]


def random_data(rng, depth, shared):
    kind = rng.random()
    if depth == 0 or kind < 0.35:
        return rng.choice([lambda: rng.choice(TEXTS), lambda: rng.choice(INTEGERS), lambda: rng.choice(FLOATS),
                           lambda: rng.randint(-2**40, 2**40), lambda: None, lambda: True, lambda: False])()
    if kind < 0.45 and shared:
        return rng.choice(shared)
    size = rng.choice([0, 1, 2, 3, 4, 9])
    if kind < 0.7:
        data = {rng.choice(TEXTS[:9]) + str(n): random_data(rng, depth - 1, shared) for n in range(size)}
    else:
        data = [random_data(rng, depth - 1, shared) for _ in range(size)]
        if kind > 0.85:
            data = tuple(data)
    shared.append(data)
    return data


# The one in Python: the one in C allocates whatever index a damaged file says.
class PlainUnpickler(pickle._Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError("refused")

    def persistent_load(self, pid):
        raise pickle.UnpicklingError("refused")


def read_back(data):
    """What Python reads as strict JSON, or null."""
    try:
        value = PlainUnpickler(io.BytesIO(data), encoding="latin1").load()
        return json.dumps(plain(value), allow_nan=False)
    except Exception:
        return None


def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return value.decode("latin1")
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key if isinstance(key, (str, int)) else plain(key): plain(item) for key, item in value.items()}
    return value


def damaged(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data))
        what = rng.randrange(4)
        if what == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[at] = rng.randrange(256)
        elif what == 2:
            del data[at]
        else:
            data.insert(at, rng.randrange(256))
        if not data:
            break
    return bytes(data)


def main(seed, num_whole, num_damaged):
    rng = random.Random(seed)
    encode = lambda data: base64.b64encode(data).decode("ascii")
    whole, wrong = [], []
    for number in range(num_whole):
        data = [random_data(rng, 4, []) for _ in range(3)] + [LONG_TEXT] * (number % 40 == 0)
        for protocol in range(6):
            written = pickle.dumps(data, protocol)
            whole.append({"protocol": protocol, "pickle": encode(written), "data": json.dumps(data)})
    small = [entry for entry in whole if len(entry["pickle"]) < 3000]
    for _ in range(num_damaged):
        data = damaged(rng, base64.b64decode(rng.choice(small)["pickle"]))
        wrong.append({"pickle": encode(data), "data": read_back(data)})
    json.dump({"whole": whole, "damaged": wrong}, sys.stdout)


main(*map(int, sys.argv[1:]))
