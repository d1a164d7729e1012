"""Seconds and memory of imagededup's PHash for the JPEGs of a folder, as JSON in the last line; see throughput.ts."""

import json
import resource
import sys
import time

from imagededup_hashes import PHash


def processor_seconds():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    hasher = PHash(verbose=False)
    started, before = time.perf_counter(), processor_seconds()
    hasher.encode_images(image_dir=sys.argv[1], num_enc_workers=2)
    seconds = time.perf_counter() - started
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    used = processor_seconds() - before
    print(json.dumps({"seconds": seconds, "cpuSeconds": used, "maxMegabytes": max(peaks) / 1024}))
