"""Call sites in a segment, decoded from layout.h and from nothing else."""

import collections
import dataclasses
import math
import struct

HUGE, PROFILE, SITES, FRAMES, MODULES, NAMES, SAMPLES = 3, *range(8, 14)
OFF, ON, STARTING, NO_UNWINDER, SANDBOXED, TOO_MANY_MEANS = range(6)
SITE_UNKNOWN, SITE_NO_ROOM, SITE_FIRST = 1, 2, 8
MODULE_NAMED = 2 ** 31 - 1
HEAD = struct.Struct("<IIQQIII4x5Q16Q")
SITE = struct.Struct("<QIIQ4dI4x")
FRAME = struct.Struct("<QII")
MODULE = struct.Struct("<QQQI4x32s448s")
NAME = struct.Struct("<Q248s")
BLOCK = struct.Struct("<QQQII")
HUGE_HIGH_AT = 592
WANTED_AT, REQUESTED_AT = 776, 784


# A function of an interpreted language; a call of machine code, its address as
# in the file, and as in the process.
Function = collections.namedtuple("Function", "name file line")
Code = collections.namedtuple("Code", "address path at", defaults=[0])


@dataclasses.dataclass
class Live:
    address: int
    bytes: int
    site: int
    mean: int

    @property
    def p(self):
        return -math.expm1(-self.bytes / self.mean) if self.mean else 1


@dataclasses.dataclass
class Site:
    number: int
    stack: list         # the innermost call first
    samples: int
    bytes: float
    bytes_variance: float
    blocks: float
    blocks_variance: float
    is_cut: bool
    live: list

    @property
    def functions(self):
        return [f for f in self.stack if isinstance(f, Function)]

    @property
    def names(self):
        return [f.name for f in self.functions]

    @property
    def live_bytes(self):
        return sum(block.bytes / block.p for block in self.live)

    @property
    def live_bytes_variance(self):
        return sum((1 - block.p) * (block.bytes / block.p) ** 2
                   for block in self.live)

    @property
    def live_blocks(self):
        return sum(1 / block.p for block in self.live)


class Profile:
    """One look at a segment's call sites."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.tables = self._tables()
        (self.state, self.served, self.mean_bytes, self.since_ns,
         self.frame_count, self.module_count, name_count, self.samples_high,
         self.samples_unlisted, self.sites_dropped, self.modules_dropped,
         self.names_dropped, *self.means) = self._entry(PROFILE, HEAD, 0)
        self.modules = [self._module(i) for i in range(self.module_count + 1)]
        self.names = [self._name(i) for i in range(name_count)]
        live = self._live()
        self.sites = [s for s in (self._site(i, live.get(i, []))
                                  for i in range(self.tables[SITES][1]))
                      if s.samples]

    def _tables(self):
        count, = struct.unpack_from("<I", self.bytes, 88)
        rows = [struct.unpack_from("<IIQQ", self.bytes, 96 + 24 * i)
                for i in range(count)]
        return {kind: (offset, entries, size)
                for kind, size, offset, entries in rows}

    def _entry(self, kind, form, index):
        offset, entries, size = self.tables[kind]
        assert index < entries
        return form.unpack_from(self.bytes, offset + index * size)

    def _module(self, index):
        start, end, bias, id_bytes, build_id, path = self._entry(
            MODULES, MODULE, index)
        return {"start": start, "end": end, "bias": bias,
                "build_id": build_id[:id_bytes].hex(),
                "path": path.split(b"\0")[0].decode()}

    def _name(self, index):
        _, text = self._entry(NAMES, NAME, index)
        return [word.decode() for word in text.split(b"\0")[:2]]

    def _call(self, index):
        address, module, line = self._entry(FRAMES, FRAME, index)
        if module == MODULE_NAMED:
            return Function(*self.names[address], line)
        assert module <= self.module_count
        where = self.modules[module]
        return Code(address, where["path"], address + where["bias"])

    def _live(self):
        live = {}
        huge_high, = struct.unpack_from("<Q", self.bytes, HUGE_HIGH_AT)
        for kind, high in (SAMPLES, self.samples_high), (HUGE, huge_high):
            for i in range(high):
                address, size, _, _, site = self._entry(kind, BLOCK, i)
                if address and site & 0xffffff:
                    live.setdefault(site & 0xffffff, []).append(
                        Live(address, size, site & 0xffffff,
                             self.means[site >> 24]))
        return live

    def _site(self, index, live):
        (_, first, count, samples, size, size_variance, blocks,
         blocks_variance, cut) = self._entry(SITES, SITE, index)
        assert first + count <= self.frame_count
        stack = [self._call(first + i) for i in range(count)]
        return Site(index, stack, samples, size, size_variance, blocks,
                    blocks_variance, bool(cut), live)

    def at(self, start, size=512):
        """The sites whose innermost call lies in a function."""
        return [s for s in self.sites
                if s.stack and isinstance(s.stack[0], Code) and
                start < s.stack[0].at <= start + size]


def request(path, mean):
    """Asks as gcshim-ctl does.  Returns the number to wait for."""
    with open(path, "r+b") as file:
        file.seek(REQUESTED_AT)
        number = struct.unpack("<I", file.read(4))[0] + 1
        file.seek(WANTED_AT)
        file.write(struct.pack("<QI", mean, number))
    return number
