"""Rounds 32-bit floats to 16 bits with NumPy and tells how many another program rounded otherwise.

python3 round_halves.py FLOATS HALVES
"""

import sys

import numpy as np

floats = np.fromfile(sys.argv[1], "<f4")
halves = np.fromfile(sys.argv[2], "<u2")
with np.errstate(over="ignore"):
    print(int((floats.astype(np.float16).view(np.uint16) != halves).sum()), len(floats))
