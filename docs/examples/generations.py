"""Something to record: records that pile up and are mostly dropped, buffers
that come and go, and garbage in cycles that is collected every so many steps.

    gcshim-record -o run.jsonl --gc=observe --all-python -- \\
        python3 generations.py [STEPS]
"""

import gc
import random
import sys
import time


class Node:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self, payload):
        self.payload, self.me = payload, self


def main(every):
    gc.disable()
    random.seed(7)
    kept, buffers = [], []
    for step in range(240):
        kept += [bytes(random.choice((600, 1000, 1800, 3000)))
                 for _ in range(300)]
        for _ in range(60):
            Node(bytearray(8000))
        if step % 60 == 59:
            del kept[:len(kept) * 3 // 4]
        if step % 40 == 30:
            buffers = [bytes(1 << 20) for _ in range(24)]
        if step % 40 == 36:
            buffers = []
        if step % every == every - 1:
            gc.collect()
        time.sleep(0.05)
    del kept[::2], buffers
    time.sleep(1.5)


main(int(sys.argv[1]) if sys.argv[1:] else 24)
