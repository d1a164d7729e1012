"""Reads a shard set by what FORMAT.md says, with pyarrow, json and hashlib alone, and prints what it found."""

import collections
import hashlib
import json
import os
import re
import sys

import pyarrow as pa
import pyarrow.ipc as ipc


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    """RFC 8785, for the values that an index has: no fractions and no names beyond the BMP."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def check(found, expected, what):
    if found != expected:
        raise ValueError(f"{what}: {found!r}, not {expected!r}")


def columns(schema):
    return [f"{field.name}: {field.type}{'' if field.nullable else ' not null'}" for field in schema]


def value_at(shard, batch, head, row):
    """One positional read: the bytes of the row's first picture, placed by the head alone."""
    metadata_size = 8 + int.from_bytes(head[4:8], "little")
    message = ipc.read_message(pa.py_buffer(shard))
    schema = ipc.read_schema(message)
    # The body is as long as the metadata says; only the head's bytes of it are there.
    padded = head + bytes(batch["sizeBytes"] - len(head))
    rows = ipc.read_record_batch(ipc.read_message(pa.py_buffer(padded)), schema)
    lists = rows.column("picture_bytes")
    values = lists.values
    first = lists.offsets[row].as_py()
    offsets = memoryview(values.buffers()[1]).cast("q")
    data = values.buffers()[2]
    start = data.address - rows_address(rows)
    return batch["offset"] + metadata_size + start + offsets[first], offsets[first + 1] - offsets[first]


def rows_address(rows):
    """Where the body starts in memory: the first buffer that has bytes lies at its start."""
    return rows.column("scene_key").buffers()[1].address


def read_shard(folder, split, entry, expected_columns):
    path = os.path.join(folder, entry["file"])
    data = read(path)
    check(len(data), entry["sizeBytes"], f"{path}: size")
    check(sha256(data), entry["sha256"], f"{path}: sha256")
    reader = ipc.open_file(pa.py_buffer(data))
    check(columns(reader.schema), expected_columns, f"{path}: schema")
    metadata = {key.decode(): value.decode() for key, value in reader.schema.metadata.items()}
    check(
        metadata,
        {
            "crossweave.format": "crossweave-shards",
            "crossweave.version": "1",
            "crossweave.split": split["name"],
            "crossweave.role": split["role"],
        },
        f"{path}: metadata",
    )
    check(reader.num_record_batches, len(entry["batches"]), f"{path}: batches")
    schema_message = data[8 : entry["batches"][0]["offset"]]
    scenes = []
    for index, batch in enumerate(entry["batches"]):
        start = batch["offset"]
        head = data[start : start + batch["headSizeBytes"]]
        check(sha256(head), batch["headSha256"], f"{path}, batch {index}: head")
        check(sha256(data[start : start + batch["sizeBytes"]]), batch["sha256"], f"{path}, batch {index}")
        rows = reader.get_batch(index).to_pylist()
        check(len(rows), batch["numScenes"], f"{path}, batch {index}: scenes")
        for row, scene in enumerate(rows):
            for picture, stored in zip(scene["pictures"], scene["picture_bytes"], strict=True):
                check(sha256(stored), picture["sha256"], f"{path}, batch {index}, row {row}")
            for regions in scene["regions"] or []:
                for name in ["features", "class_probabilities"] if regions else []:
                    check(sha256(regions[name]), regions[f"{name}_sha256"], f"{path}, row {row}: {name}")
            offset, size = value_at(schema_message, batch, head, row)
            check(data[offset : offset + size], scene["picture_bytes"][0], f"{path}, row {row}: one read")
            scenes.append(scene)
    return scenes


def read_ledger(folder, index):
    data = read(os.path.join(folder, "ledger.arrow"))
    check(sha256(data), index["ledger"]["sha256"], "ledger.arrow")
    rows = ipc.open_file(pa.py_buffer(data)).read_all().to_pylist()
    check(len(rows), index["ledger"]["numRows"], "ledger.arrow: rows")
    found = collections.Counter((row["file"], row["kind"], row["outcome"]) for row in rows)
    for count in index["counts"]:
        outcomes = ["excluded", "quarantined", "missing"]
        check(count["read"], count["written"] + sum(count[outcome] for outcome in outcomes), "counts")
        for outcome in outcomes:
            check(found[count["file"], count["kind"], outcome], count[outcome], f"ledger: {outcome}")
    return len(rows)


def main(folder, format_page):
    page = read(format_page).decode()
    expected_columns = re.search(r"```schema\n(.*?)\n```", page, re.DOTALL).group(1).split("\n")
    index = json.loads(read(os.path.join(folder, "index.json")))
    check((index["format"], index["version"]), ("crossweave-shards", 1), "format")
    content = {name: value for name, value in index.items() if name not in ("digest", "proof")}
    check(sha256(canonical(content)), index["digest"], "index.json: digest")
    if "proof" in index:
        check(sha256(read(os.path.join(folder, index["proof"]["file"]))), index["proof"]["sha256"], "proof.json")
    found = {"digest": index["digest"], "splits": {}}
    for split in index["splits"]:
        scenes = []
        for number, shard in enumerate(split["shards"]):
            check(shard["file"], f"{split['name']}/{number:05d}.arrow", "file")
            scenes += read_shard(folder, split, shard, expected_columns)
        check(len({scene["scene_key"] for scene in scenes}), split["numScenes"], "scenes")
        found["splits"][split["name"]] = [
            {
                "sceneKey": scene["scene_key"],
                "texts": [text["text"] for text in scene["texts"]],
                "pictures": [picture["key"] for picture in scene["pictures"]],
            }
            for scene in scenes
        ]
    found["numLedgerRows"] = read_ledger(folder, index)
    json.dump(found, sys.stdout)


main(*sys.argv[1:])
