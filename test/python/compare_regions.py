"""Compares the regions of a prepared split with the feature files they came from, read by NumPy alone.

python3 compare_regions.py SET SPLIT FEATURES MAX_REGIONS [COLUMNS]   FEATURES: a folder of npz files, or a TSV file
"""

import base64
import csv
import glob
import json
import os
import sys

import numpy as np
import pyarrow.ipc as ipc


def from_npz(folder):
    found = {}
    for path in glob.glob(os.path.join(folder, "*.npz")):
        arrays = np.load(path)
        key = f"coco:{int(path[:-len('.npz')].split('_')[-1])}"
        found[key] = {
            "corners": arrays["norm_bb"][:, :4].astype(np.float64),
            "size": None,
            "conf": arrays["conf"],
            "features": arrays["features"],
            "probabilities": arrays["soft_labels"],
        }
    return found


def from_tsv(path, columns):
    csv.field_size_limit(sys.maxsize)
    found = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file, columns, delimiter="\t"):
            row = {name.replace("img_", "image_"): value for name, value in row.items()}
            if row["features"] == "features":
                continue
            num_boxes = int(row["num_boxes"])

            def floats(name):
                if name not in row:
                    return None
                return np.frombuffer(base64.b64decode(row[name]), np.float32).reshape(num_boxes, -1)

            conf = floats("objects_conf")
            found[f"coco:{int(row['image_id'].split('_')[-1])}"] = {
                "corners": floats("boxes").astype(np.float64),
                "size": (int(row["image_w"]), int(row["image_h"])),
                "conf": None if conf is None else conf[:, 0],
                "features": floats("features"),
                "probabilities": floats("cls_prob"),
            }
    return found


def expected(entry, picture, max_regions):
    conf = entry["conf"]
    order = np.arange(len(entry["features"]))
    if conf is not None:
        order = np.argsort(-conf, kind="stable")
        # UNITER's scripts/convert_imgdir.py
        max_regions = min(max_regions, max(10, int((conf > 0.2).sum())))
    rows = order[:max_regions]
    width, height = entry["size"] or (1, 1)
    scale = np.array([picture["width"] / width, picture["height"] / height] * 2)
    corners = entry["corners"][rows] * scale
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    probabilities = entry["probabilities"]
    return {
        "boxes": boxes,
        "conf": None if conf is None else conf[rows].astype(np.float32),
        "features": entry["features"][rows].astype(np.float16),
        "probabilities": None if probabilities is None else probabilities[rows].astype(np.float16),
    }


def same(stored, wanted):
    num_regions = len(wanted["features"])

    def halves(name, width):
        return np.frombuffer(stored[name], "<f2").reshape(num_regions, width)

    boxes = np.array(stored["boxes"], np.float64).reshape(-1, 4)
    conf, probabilities = wanted["conf"], wanted["probabilities"]
    # Bits, so that -0.0 is not 0.0.
    features = halves("features", stored["num_features"]).view(np.uint16)
    checks = [
        np.allclose(boxes, wanted["boxes"], atol=1e-3),
        np.array_equal(features, wanted["features"].view(np.uint16)),
        stored["confidences"] is None if conf is None else np.array_equal(np.float32(stored["confidences"]), conf),
    ]
    if stored["num_classes"] == 0:
        checks.append(stored["class_probabilities"] == b"")
    else:
        classes = halves("class_probabilities", stored["num_classes"])
        checks.append(np.array_equal(classes.view(np.uint16), probabilities.view(np.uint16)))
    return all(checks)


def main(folder, split, features, max_regions, columns=""):
    entries = from_npz(features) if os.path.isdir(features) else from_tsv(features, columns.split())
    regions = {}
    for path in sorted(glob.glob(os.path.join(folder, split, "*.arrow"))):
        for row in ipc.open_file(path).read_all().to_pylist():
            for picture, stored in zip(row["pictures"], row["regions"]):
                wanted = expected(entries[picture["key"]], picture, int(max_regions))
                regions[picture["key"]] = {"count": len(stored["boxes"]), "same": bool(same(stored, wanted))}
    json.dump(regions, sys.stdout)


main(*sys.argv[1:])
