"""What Pillow makes of pictures that are cropped and then resized, as torchvision does.

python3 resize_pictures.py CASES.json RESULT

CASES.json is a list of {path, crop, width, height, kernel}; crop is [left, top, right, bottom] or null, kernel "bicubic" or
"bilinear". RESULT gets the RGB pixels of one result after the other.
"""

import json
import sys

from PIL import Image

KERNELS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

with open(sys.argv[1], "rb") as file:
    cases = json.load(file)

with open(sys.argv[2], "wb") as result:
    for case in cases:
        with Image.open(case["path"]) as file:
            picture = file.convert("RGB")
        if case["crop"] is not None:
            picture = picture.crop(case["crop"])
        size = (case["width"], case["height"])
        result.write(picture.resize(size, KERNELS[case["kernel"]]).tobytes())
