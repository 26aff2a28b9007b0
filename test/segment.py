"""A second reader of segments, written from layout.h and sharing nothing with
tools/reader: what both say must agree."""

import dataclasses
import struct

MAGIC = b"gcshim01"
SLOTS_KIND, CENSUS_KIND, HUGE_KIND, HISTORY_KIND, RANGES_KIND = range(1, 6)
HEADER_HEAD = struct.Struct("<8sIIQIIIIQQQQ16sII")
SECTION = struct.Struct("<IIQQ")
SECTIONS_AT = 96
PROCESS_WIDE = struct.Struct("<QQQQQQQ4Q3Q12Q2Q32xI")
PROCESS_WIDE_AT = 512
BASELINE = struct.Struct("<6Q")
BASELINE_AT = 896
SETTINGS_AT, SETTINGS_BYTES = 1024, 1024
SLOT = struct.Struct("<II4Q4QQI")
COUNT = struct.Struct("<QQI4x6Q")
COUNTS_AT, COUNT_BYTES = 128, 2816
CLASS = struct.Struct("<QIII4xQQQ")
CLASSES_AT, CLASSES = 128, 56
HUGE = struct.Struct("<QQQI4x")
POINT = struct.Struct("<4Q")
LEVEL_POINTS = 128
CHUNKS, CHUNK_WORDS, RANGE_BYTES = 128, 512, 32 << 20


@dataclasses.dataclass
class Counters:
    allocated_bytes: int
    allocated_blocks: int
    freed_bytes: int
    freed_blocks: int

    def __add__(self, other):
        return Counters(*(a + b for a, b in zip(dataclasses.astuple(self),
                                                dataclasses.astuple(other))))

    def __sub__(self, other):
        return Counters(*(a - b for a, b in zip(dataclasses.astuple(self),
                                                dataclasses.astuple(other))))

    @property
    def used_bytes(self):
        return self.allocated_bytes - self.freed_bytes

    @property
    def used_blocks(self):
        return self.allocated_blocks - self.freed_blocks


@dataclasses.dataclass
class SizeClass:
    block_bytes: int
    pages: int
    full_pages: int
    empty_pages: int
    used_blocks: int
    capacity_blocks: int
    reserved_blocks: int


@dataclasses.dataclass
class Heap:
    """What one thread's heap consisted of at its last census."""
    taken_ns: int
    cost_ns: int
    slot_epoch: int
    allocated_bytes: int
    freed_bytes: int
    huge_blocks: int
    huge_bytes: int
    page_bytes: int
    empty_page_bytes: int
    classes: list

    @property
    def used_bytes(self):
        return self.huge_bytes + sum(c.used_blocks * c.block_bytes
                                     for c in self.classes)

    @property
    def free_bytes(self):
        return sum((c.capacity_blocks - c.used_blocks) * c.block_bytes
                   for c in self.classes)

    @property
    def pages(self):
        return self.huge_blocks + sum(c.pages for c in self.classes)

    @property
    def full_pages(self):
        return self.huge_blocks + sum(c.full_pages for c in self.classes)


@dataclasses.dataclass
class Huge:
    address: int
    bytes: int
    allocated_ns: int
    tid: int


@dataclasses.dataclass
class Point:
    time_ns: int
    used_bytes: int
    used_peak_bytes: int
    committed_bytes: int


class Segment:
    """One copy of a segment's figures, taken when constructed.  What changes
    meanwhile may come out torn."""

    def __init__(self, path):
        with open(path, "rb") as file:
            head = file.read(4096)
            self._read_header(head)
            self.slots = [SLOT.unpack_from(entry) for entry in self._entries(
                file, SLOTS_KIND, 128, self.slots_high)]
            self._read_censuses(file)
            self.huge = [Huge(*fields) for fields in map(
                HUGE.unpack, self._entries(file, HUGE_KIND, 32,
                                           self.huge_high)) if fields[0]]
            self.history = self._read_history(file)
            self.ranges = self._read_ranges(file)

    def _entries(self, file, kind, entry_bytes, count, first=0):
        """Some entries of the table of that kind, none if there is none."""
        for found, size, offset, entries in self.sections:
            if found == kind:
                assert size == entry_bytes and first + count <= entries
                file.seek(offset + first * size)
                data = file.read(count * size)
                return [data[i:i + size] for i in range(0, len(data), size)]
        return []

    def _read_censuses(self, file):
        """Of each slot how often it was counted, and the cost of the last
        count in ns; and what was counted of each thread that lives, by tid."""
        self.censuses, self.heaps = [], {}
        known = sum(s[3] for s in self.sections if s[0] == CENSUS_KIND)
        for index in range(min(self.slots_high, known)):
            entry, = self._entries(file, CENSUS_KIND, 5760, 1, index)
            taken = int.from_bytes(entry[:8], "little")
            heap = self._heap(entry, taken) if taken else None
            self.censuses.append((taken, heap.cost_ns if heap else 0))
            epoch, tid = self.slots[index][:2]
            if heap and tid and heap.slot_epoch == epoch:
                self.heaps[tid] = heap

    @staticmethod
    def _heap(entry, taken):
        at = COUNTS_AT + (taken - 1) % 2 * COUNT_BYTES
        classes = [SizeClass(*CLASS.unpack_from(entry, at + CLASSES_AT +
                                                CLASS.size * i))
                   for i in range(CLASSES)]
        return Heap(*COUNT.unpack_from(entry, at),
                    [c for c in classes if c.block_bytes])

    def _read_history(self, file):
        """All levels in one, oldest first."""
        points = []
        for level, count in enumerate(self.history_points):
            entries = self._entries(file, HISTORY_KIND, 32, LEVEL_POINTS,
                                    level * LEVEL_POINTS) if count else []
            if not entries:
                continue
            ring = [Point(*POINT.unpack(entries[p % LEVEL_POINTS]))
                    for p in range(max(0, count - LEVEL_POINTS + 1), count)]
            points = [p for p in ring if not points or
                      p.time_ns < points[0].time_ns] + points
        return points

    def _read_ranges(self, file):
        """The address of each 32 MiB that mimalloc hands out from."""
        ranges = []
        for chunk in range(CHUNKS):
            if not self.range_chunks[chunk // 64] >> chunk % 64 & 1:
                continue
            first = chunk * CHUNK_WORDS
            for i, word in enumerate(self._entries(
                    file, RANGES_KIND, 8, CHUNK_WORDS, first)):
                bits = int.from_bytes(word, "little")
                ranges += [((first + i) * 64 + bit) * RANGE_BYTES
                           for bit in range(64) if bits >> bit & 1]
        return ranges

    def _read_header(self, head):
        (magic, self.layout_version, self.header_bytes, self.file_bytes,
         self.pid, self.parent_pid, self.uid, self.flags, self.pid_namespace,
         self.start_time_ticks, self.stack_start, self.created_ns, comm,
         self.section_count, _) = HEADER_HEAD.unpack_from(head)
        assert magic == MAGIC, magic
        assert self.layout_version == 1
        self.comm = comm.split(b"\0")[0].decode(errors="replace")
        self.sections = [SECTION.unpack_from(head, SECTIONS_AT + 24 * i)
                         for i in range(self.section_count)]
        words = PROCESS_WIDE.unpack_from(head, PROCESS_WIDE_AT)
        (self.slots_high, self.committed_bytes, self.committed_peak_bytes,
         self.used_peak_bytes, self.published_ns, self.dropped_threads,
         self.ended_ns, self.huge_blocks, self.huge_bytes,
         self.huge_unlisted, self.huge_high, self.left_used_bytes,
         self.left_free_bytes, self.left_page_bytes) = words[:14]
        self.history_points = words[14:26]
        self.range_chunks = words[26:28]
        self.trim_requested = words[28]
        (self.baseline_ns, self.baseline_used_bytes,
         self.baseline_committed_bytes, self.baseline_resident_bytes,
         self.baseline_allocated_total_bytes,
         self.baseline_freed_total_bytes) = BASELINE.unpack_from(
             head, BASELINE_AT)
        self.settings = head[SETTINGS_AT:SETTINGS_AT + SETTINGS_BYTES] \
            .split(b"\0")[0].decode()

    @property
    def total(self):
        total = Counters(0, 0, 0, 0)
        for slot in self.slots:
            total += Counters(*slot[2:6])
        return total

    @property
    def threads(self):
        """What each thread with a slot has done since it began, by tid."""
        return {slot[1]: Counters(*slot[2:6]) - Counters(*slot[6:10])
                for slot in self.slots if slot[1]}

    @property
    def trimmed(self):
        """The last request to trim that each thread has served, by tid."""
        return {slot[1]: slot[11] for slot in self.slots if slot[1]}

    @property
    def late(self):
        return Counters(*self.slots[0][2:6])
