"""Decoding and transforms of the peers as torchvision's are written, and their loaders of pictures alone.

Where there was a choice, the faster one was taken: draws by Python's `random` rather than by tensors, values normalised
in place, an endless order so that no epoch's end lets the workers run dry, OpenCV decoding to RGB by itself.
"""

import glob
import io
import json
import math
import os
import random

import numpy
import torch
from torch.utils.data import DataLoader, Dataset

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
SHUFFLED_AT_ONCE = 1000


def draw_crop(width, height):
    """RandomResizedCrop: 8 % to 100 % of the area, 3:4 to 4:3; the centre after ten misses."""
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        cut_width, cut_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < cut_width <= width and 0 < cut_height <= height:
            left, top = random.randint(0, width - cut_width), random.randint(0, height - cut_height)
            return left, top, left + cut_width, top + cut_height
    side_ratio = min(max(width / height, 3 / 4), 4 / 3)
    cut_width = min(width, round(height * side_ratio))
    cut_height = min(height, round(width / side_ratio))
    left, top = (width - cut_width) // 2, (height - cut_height) // 2
    return left, top, left + cut_width, top + cut_height


def pillow_pixels(given):
    """From encoded bytes to [height, width, 3]: crop, then resize, then flip, as torchvision does it."""
    from PIL import Image

    kernel = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}[given.kernel]

    def pixels(encoded):
        picture = Image.open(io.BytesIO(encoded)).convert("RGB")
        if given.crop:
            picture = picture.crop(draw_crop(*picture.size))
        picture = picture.resize((given.size, given.size), kernel)
        if random.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return numpy.array(picture)

    return pixels


def opencv_pixels(given):
    import cv2

    kernel = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC}[given.kernel]

    def pixels(encoded):
        picture = cv2.imdecode(numpy.frombuffer(encoded, numpy.uint8), cv2.IMREAD_COLOR_RGB)
        if given.crop:
            left, top, right, bottom = draw_crop(picture.shape[1], picture.shape[0])
            picture = picture[top:bottom, left:right]
        picture = cv2.resize(picture, (given.size, given.size), interpolation=kernel)
        return cv2.flip(picture, 1) if random.random() < 0.5 else picture

    return pixels


def make_transform(given):
    """From encoded bytes to the tensor of a sample."""
    pixels = {"pillow": pillow_pixels, "opencv": opencv_pixels}[given.library](given)
    if given.values == "uint8":
        return lambda encoded: torch.from_numpy(pixels(encoded))

    def to_tensor(encoded):  # ToTensor, then Normalize
        channels_first = torch.from_numpy(pixels(encoded)).permute(2, 0, 1).contiguous()
        return channels_first.to(torch.float32).div_(255).sub_(MEAN).div_(STD)

    return to_tensor


def listed(given):
    """The photographs' files and captions."""
    with open(os.path.join(given.data, "photographs.json")) as file:
        return json.load(file)


def read(given, file):
    with open(os.path.join(given.data, "jpegs", file), "rb") as opened:
        return opened.read()


class Folder(Dataset):
    """Pictures of a folder, one file each."""

    def __init__(self, given):
        self.given = given
        self.files = [entry["file"] for entry in listed(given)]
        self.transform = make_transform(given)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return self.transform(read(self.given, self.files[index]))


class EndlessBatches:
    """Batches of a shuffled order, epoch after epoch without a break between them."""

    def __init__(self, size, batch):
        self.size, self.batch = size, batch

    def __iter__(self):
        waiting = []
        while True:
            waiting += random.sample(range(self.size), self.size)
            while len(waiting) >= self.batch:
                yield waiting[: self.batch]
                waiting = waiting[self.batch :]


def one_thread(_worker):
    """Of OpenCV's, in each worker; torch does the same of its own."""
    import cv2

    cv2.setNumThreads(1)


def data_loader(dataset, given, workers, **options):
    return DataLoader(
        dataset,
        num_workers=workers,
        multiprocessing_context="fork" if workers > 0 else None,
        worker_init_fn=one_thread if given.library == "opencv" else None,
        **options,
    )


def make_picture_loader(given, workers):
    if given.kind == "folder":
        dataset = Folder(given)
        batches = EndlessBatches(len(dataset), given.batch)
        return data_loader(dataset, given, workers, batch_sampler=batches)
    return make_tar_loader(given, workers)


def make_tar_loader(given, workers):
    import webdataset

    tars = sorted(glob.glob(os.path.join(given.data, "tars", "*.tar")))
    dataset = (
        webdataset.WebDataset(tars, resampled=True)
        .shuffle(SHUFFLED_AT_ONCE)
        .to_tuple("jpg")
        .map_tuple(make_transform(given))
        .batched(given.batch, partial=False)
    )
    loader = webdataset.WebLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="fork" if workers > 0 else None,
    )
    return (pixels for (pixels,) in loader)
