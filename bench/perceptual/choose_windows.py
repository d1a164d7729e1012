"""Chooses the windows of src/audit/perceptual/window-bank.ts; prints left, top, right, bottom in thousandths.

    pip install numpy==2.4.6
    python3 bench/perceptual/choose_windows.py

A crop is found when one of the windows lies on it so well that the hash of the window is the crop's. Measured on
photographs, a shift by 1 % of a side changes 28 of PDQ's bits, edges moved 1 % outwards on two opposite sides
change 17; squares add up. That makes the distance of each window to each crop a formula, and choosing windows a
covering problem: greedily, then improved at random with a cooling temperature. No photograph is used.
"""

import numpy

NUM_WINDOWS = 46
BITS_PER_SHIFT, BITS_PER_SCALE = 2800.0, 1700.0
# Distance at which half of the crops are still found; with 48 it would choose too cautiously.
FOUND_WITHIN = 55.0
NUM_STEPS = 60_000

random = numpy.random.default_rng(0)


def crops(number, least, most):
    """Left, right, top, bottom of crops that take a share between `least` and `most` of each side, anywhere."""
    share = random.uniform(least, most, (number, 2))
    before = random.uniform(0, 1, (number, 2)) * share
    after = 1 - (share - before)
    return numpy.stack([before[:, 0], after[:, 0], before[:, 1], after[:, 1]], 1)


def banners(number, below):
    kept = 1 / (1 + random.uniform(0.03, 0.15, number))
    top = numpy.zeros(number) if below else 1 - kept
    return numpy.stack([numpy.zeros(number), numpy.ones(number), top, top + kept], 1)


def distances(windows, wanted):
    """[wanted, windows]"""
    total = 0
    for axis in (0, 2):
        low, high = wanted[:, None, axis], wanted[:, None, axis + 1]
        side = high - low
        shift = (windows[:, axis] + windows[:, axis + 1] - low - high) / 2 / side
        scale = (windows[:, axis + 1] - windows[:, axis] - side) / 2 / side
        total = total + (BITS_PER_SHIFT * shift) ** 2 + (BITS_PER_SCALE * scale) ** 2
    return numpy.sqrt(total)


def chance(distance):
    """How likely it is that a crop at this distance is found."""
    return 1 / (1 + numpy.exp(-1.7 * (FOUND_WITHIN - distance) / (0.13 * distance + 2)))


centred = numpy.array([[c / 2, 1 - c / 2] * 2 for c in (0.05, 0.1, 0.2)])
corners = numpy.array(
    [[x * c, 1 - c + x * c, y * c, 1 - c + y * c] for c in (0.05, 0.1) for x in (0, 1) for y in (0, 1)]
)
kinds = [
    (crops(1500, 0.02, 0.05), 1.0),
    (crops(2500, 0.05, 0.10), 1.5),
    (crops(2500, 0.10, 0.20), 1.4),
    (banners(300, below=True), 0.35),
    (banners(150, below=False), 0.15),
    (centred, 0.2),
    (corners, 0.3),
]
wanted = numpy.concatenate([examples for examples, _ in kinds])
weights = numpy.concatenate([numpy.full(len(examples), weight / len(examples)) for examples, weight in kinds])
candidates = numpy.concatenate([wanted, crops(4000, 0.04, 0.11), crops(3000, 0.09, 0.2)])

whole = distances(numpy.array([[0.0, 1, 0, 1]]), wanted)[:, 0]
found = chance(distances(candidates, wanted)).astype(numpy.float32)
missed = 1 - chance(whole)
windows = []
for _ in range(NUM_WINDOWS):
    best = int(numpy.argmax((missed * weights) @ found))
    windows.append(candidates[best])
    missed = missed * (1 - found[:, best])
windows = numpy.array(windows)

table = distances(windows, wanted)


def score(table):
    return float((weights * chance(numpy.minimum(table.min(1), whole))).sum())


current, temperature = score(table), 2e-3
for _ in range(NUM_STEPS):
    index = random.integers(NUM_WINDOWS)
    moved = windows[index] + random.normal(0, 0.006, 4) * (random.random(4) < 0.6)
    moved = numpy.clip(moved, 0, 1)
    if random.random() < 0.05:
        moved = candidates[random.integers(len(candidates))]
    before = table[:, index].copy()
    table[:, index] = distances(moved[None], wanted)[:, 0]
    tried = score(table)
    if tried > current or random.random() < numpy.exp((tried - current) / temperature):
        windows[index], current = moved, tried
    else:
        table[:, index] = before
    temperature = max(1e-6, temperature * 0.9998)

for left, right, top, bottom in sorted(numpy.round(windows * 1000).astype(int).tolist()):
    print(f"[{left}, {top}, {right}, {bottom}],")
