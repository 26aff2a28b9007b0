"""A second reader of segments, written from layout.h and sharing nothing with
tools/reader: what both say must agree."""

import dataclasses
import struct

MAGIC = b"gcshim01"
SLOTS_KIND = 1
HEADER_HEAD = struct.Struct("<8sIIQIIIIQQQQ16sII")
SECTION = struct.Struct("<IIQQ")
SECTIONS_AT, SECTION_COUNT = 96, 8
PROCESS_WIDE = struct.Struct("<QQQQQQQ")
PROCESS_WIDE_AT = 512
SETTINGS_AT, SETTINGS_BYTES = 1024, 1024
SLOT = struct.Struct("<II4Q4QQ")


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


class Segment:
    """One copy of a segment's figures, taken when constructed."""

    def __init__(self, path):
        with open(path, "rb") as file:
            head = file.read(4096)
            self._read_header(head)
            slots = next(s for s in self.sections if s[0] == SLOTS_KIND)
            _, entry_bytes, offset, entries = slots
            assert entry_bytes == 128 and self.slots_high <= entries
            file.seek(offset)
            table = file.read(entry_bytes * self.slots_high)
        self.slots = [SLOT.unpack_from(table, i * entry_bytes)
                      for i in range(self.slots_high)]

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
        (self.slots_high, self.committed_bytes, self.committed_peak_bytes,
         self.used_peak_bytes, self.published_ns, self.dropped_threads,
         self.ended_ns) = PROCESS_WIDE.unpack_from(head, PROCESS_WIDE_AT)
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
    def late(self):
        return Counters(*self.slots[0][2:6])
