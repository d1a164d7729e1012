"""imagededup's hashes, without its neural networks: torchvision may be there for another build of torch."""

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    # What torchvision's compiled half would define. Nothing of it is used here.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from imagededup.methods import AHash, DHash, PHash, WHash

__all__ = ["AHash", "DHash", "PHash", "WHash"]
