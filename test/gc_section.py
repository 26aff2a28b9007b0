"""The collections in a segment, decoded from layout.h and from nothing else."""

import dataclasses
import struct
import subprocess
import time

from conftest import segments, shim_env
from segment import Segment

GC_KIND, GC_EVENTS_KIND = 6, 7
OFF, OBSERVE, PACE = 0, 1, 2
ASKED, EMERGENCY, ON_REQUEST = 1, 2, 4
UNKNOWN = 2 ** 64 - 1
RING = 512
GC = struct.Struct("<32sII3Q11QI")
EVENT = struct.Struct("<6Q4I")


@dataclasses.dataclass
class Event:
    sequence: int
    begin_ns: int
    pause_ns: int
    used_before: int
    used_after: int
    objects: int
    generation: int
    flags: int
    tid: int

    @property
    def number(self):
        assert self.sequence % 2 == 0, "half written"
        return self.sequence // 2 - 1

    @property
    def freed(self):
        return max(0, self.used_before - self.used_after)


class Collections:
    """One copy of a segment's collections, taken when constructed."""

    def __init__(self, path):
        sections = {s[0]: s[1:] for s in Segment(path).sections}
        with open(path, "rb") as file:
            entry_bytes, offset, entries = sections[GC_KIND]
            assert entries == 1 and entry_bytes >= GC.size
            file.seek(offset)
            (runtime, self.mode, self.is_blind, *numbers) = \
                GC.unpack(file.read(GC.size))
            entry_bytes, offset, entries = sections[GC_EVENTS_KIND]
            assert (entry_bytes, entries) == (EVENT.size, RING)
            file.seek(offset)
            ring = file.read(entry_bytes * entries)
        self.runtime = runtime.split(b"\0")[0].decode()
        self.collections = numbers[:3]
        (self.objects, self.pause_ns_last, self.pause_ns_max,
         self.pause_ns_total, self.used_before_last, self.used_after_last,
         self.freed_bytes, self.baseline_bytes, self.goal_bytes, self.asked,
         self.event_count, self.collect_served) = numbers[3:]
        self.ring = [Event(*EVENT.unpack_from(ring, i * EVENT.size)[:9])
                     for i in range(RING)]

    @property
    def events(self):
        """In the order in which they came."""
        return sorted((e for e in self.ring if e.sequence),
                      key=lambda e: e.number)


def run_kept(argv, timeout=120, env=None, **settings):
    """Runs argv under the shim: what it printed, and the collections of it and
    of its children, from the segments that they leave."""
    began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    with subprocess.Popen([str(a) for a in argv], text=True,
                          env={**shim_env(keep=1, **settings), **(env or {})},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        finally:
            process.kill()
    done = subprocess.CompletedProcess(argv, process.returncode, output,
                                       errors)
    own = [path for path in segments()
           if belongs_to(path, process.pid, began_ns)]
    try:
        return done, [Collections(path) for path in own]
    finally:
        for path in own:
            path.unlink()


def belongs_to(path, pid, began_ns):
    """Process ids come again."""
    try:
        segment = Segment(path)
    except (OSError, AssertionError, struct.error):
        return False
    return (pid in (segment.pid, segment.parent_pid) and
            segment.created_ns >= began_ns)
