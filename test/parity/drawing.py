"""Numbers that PyTorch's and our side draw alike from a seed and a name, so that no weights need to be stored."""

import math

import numpy as np


def uniform(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers in [-1, 1): FNV-1a of the name, then MurmurHash3's finalizer of each index."""
    base = 0x811C9DC5
    for byte in f"{seed}/{name}".encode():
        base = ((base ^ byte) * 0x01000193) & 0xFFFFFFFF
    size = math.prod(shape)
    with np.errstate(over="ignore"):
        word = np.arange(size, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(base)
        word = (word ^ (word >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        word = (word ^ (word >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        word = word ^ (word >> np.uint32(16))
    values = word.astype(np.float64) / 2**31 - 1
    return values.astype(np.float32).reshape(shape)


def weight_of(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Kernels keep the variance of what they pass on; norms scale by 0.7 to 1.3; the rest is up to 0.3."""
    values = uniform(seed, name, shape)
    is_norm = "norm" in name.lower() and name.endswith(".weight")
    if is_norm or name.endswith(".running_var"):
        return np.float32(1) + np.float32(0.3) * values
    if len(shape) <= 1 or name.endswith("_table"):
        return np.float32(0.3) * values
    return np.float32(math.sqrt(3 / math.prod(shape[1:]))) * values
