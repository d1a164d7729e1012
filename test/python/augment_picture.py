"""SHA-256 of what Pillow makes of a raw RGB picture, one line for each operation and value.

python3 augment_picture.py PIXELS WIDTH HEIGHT CASES.json

CASES.json is a list of [operation, value]; the operations are those of torchvision's RandAugment, as it calls Pillow.
"""

import hashlib
import json
import sys

from PIL import Image, ImageEnhance, ImageOps


def affine(matrix):
    return lambda image, value: image.transform(image.size, Image.Transform.AFFINE, matrix(value))


def enhance(kind):
    return lambda image, value: kind(image).enhance(1.0 + value)


operations = {
    "identity": lambda image, value: image,
    "shear-x": affine(lambda value: (1, value, 0, 0, 1, 0)),
    "shear-y": affine(lambda value: (1, 0, 0, value, 1, 0)),
    "translate-x": affine(lambda value: (1, 0, -int(value), 0, 1, 0)),
    "translate-y": affine(lambda value: (1, 0, 0, 0, 1, -int(value))),
    "rotate": lambda image, value: image.rotate(value),
    "brightness": enhance(ImageEnhance.Brightness),
    "colour": enhance(ImageEnhance.Color),
    "contrast": enhance(ImageEnhance.Contrast),
    "sharpness": enhance(ImageEnhance.Sharpness),
    "posterize": lambda image, value: ImageOps.posterize(image, int(value)),
    "solarize": lambda image, value: ImageOps.solarize(image, value),
    "auto-contrast": lambda image, value: ImageOps.autocontrast(image),
    "equalize": lambda image, value: ImageOps.equalize(image),
}

with open(sys.argv[1], "rb") as file:
    picture = Image.frombytes("RGB", (int(sys.argv[2]), int(sys.argv[3])), file.read())
with open(sys.argv[4], encoding="utf-8") as file:
    for operation, value in json.load(file):
        print(hashlib.sha256(operations[operation](picture, value).tobytes()).hexdigest())
