# -*- coding: utf-8 -*-
"""Run with Python 2.7 (2.7.18 made the files here): writes refs as RefCOCO's authors' Python wrote them."""

import cPickle
import os
import pickle

refs = [
    {
        "sent_ids": [0, 1L],
        "file_name": "COCO_train2014_000000000009_1.jpg",
        "ann_id": 900100000001L,
        "ref_id": 0,
        "image_id": 9,
        "split": "testA",
        "sentences": [
            {"tokens": ["caf\xe9", "sign"], "raw": "CAF\xe9 'sign' \\ \n\x00\x80", "sent_id": 0, "sent": u"caf\xe9 sign \u20ac"},
            {"tokens": (), "raw": "", "sent_id": 1, "sent": u"\\u0041 \n"},
        ],
        "category_id": 1,
        "bbox": (0.5, -1.5, 1e100, 2),
        "flags": [True, False, None, -1, -129, 70000, 2 ** 53 - 1, -(2 ** 62)],
    }
]
refs.append(refs[0]["sentences"][0])

folder = os.path.dirname(os.path.abspath(__file__))
for protocol in (0, 1, 2):
    for name, module in (("pickle", pickle), ("cPickle", cPickle)):
        with open(os.path.join(folder, "refs.%s-%d.p" % (name, protocol)), "wb") as written:
            module.dump(refs, written, protocol)
