"""What test/bench/gc runs: garbage that only a collector can find.

    python3 gc_load.py SHAPE OBJECTS PAYLOAD LIVE STEPS [BALLAST] [count|-]

makes STEPS cycles of OBJECTS objects each, one of which carries PAYLOAD
bytes.  The last of them stay alive, as many as make LIVE objects (at least
one); those before are garbage.  BALLAST lists lie there all the time.

Prints one line of JSON.  With "count" it also counts the cycles that are
garbage and not yet collected, by an object in each that the collector does
not track; that takes time, so that such a run is no use as a timing.
"""

import gc
import json
import sys
import time
from array import array
from collections import deque


class Node:
    pass


class Witness:
    """Untracked, so that it changes nothing for the collector."""

    __slots__ = ()
    dead = 0

    def __del__(self):
        Witness.dead += 1


def ring(objects, payload):
    first = node = Node()
    first.payload = bytearray(payload)
    for _ in range(objects - 1):
        new = Node()
        node.next = new
        node = new
    node.next = first
    return first


def tree(objects, payload):
    """Three children a node, each of which knows its parent."""
    root = Node()
    root.payload = bytearray(payload)
    row, left = [root], objects - 1
    while left:
        below = []
        for parent in row:
            children = []
            for _ in range(min(3, left)):
                child = Node()
                child.parent = parent
                children.append(child)
            left -= len(children)
            parent.children = children
            below += children
            if not left:
                break
        row = below
    return root


def make(steps, cycle, objects, payload, live):
    window = deque(maxlen=live)
    for _ in range(steps):
        window.append(cycle(objects, payload))


def make_and_count(steps, cycle, objects, payload, live):
    """The most that were garbage at once, in cycles."""
    window, most = deque(maxlen=live), 0
    for made in range(steps):
        new = cycle(objects, payload)
        new.witness = Witness()
        window.append(new)
        most = max(most, made + 1 - Witness.dead - len(window))
    return most


def watch(pauses):
    begun = 0

    def callback(phase, _info):
        nonlocal begun
        if phase == "start":
            begun = time.thread_time_ns()
        else:
            pauses.append(time.thread_time_ns() - begun)

    gc.callbacks.append(callback)


def peak_rss():
    """Of this program alone: ru_maxrss is at least what the parent's was."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def main():
    shape, objects, payload, live, steps, *rest = sys.argv[1:]
    objects, payload, steps = int(objects), int(payload), int(steps)
    window = max(1, int(live) // objects)
    ballast = [[None] for _ in range(int(rest[0]) if rest else 0)]
    run = make_and_count if rest[1:] == ["count"] else make
    pauses = array("Q")
    watch(pauses)
    wall, cpu = time.perf_counter(), time.process_time()
    most = run(steps, {"ring": ring, "tree": tree}[shape], objects, payload,
               window)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    ordered = sorted(pauses) or [0]
    print(json.dumps({
        "steps": steps, "wall": wall, "cpu": cpu, "rss": peak_rss(),
        "pauses": len(pauses),
        "longest": ordered[-1], "p99": ordered[len(ordered) * 99 // 100],
        "paused": sum(ordered), "ballast": len(ballast),
        "garbage": most * objects if most is not None else None}))


if __name__ == "__main__":
    main()
