"""Segments made by hand, sound or not, as any user could put them there."""

import contextlib
import os
import pathlib
import struct
import time

from conftest import SHM

FILE_BYTES = 4096 + 16384 * 128
CENSUS, HUGE, HISTORY, RANGES, GC, GC_EVENTS = 2, 3, 4, 5, 6, 7
PROFILE, SITES, FRAMES, MODULES, NAMES, SAMPLES = 8, 9, 10, 11, 12, 13
SITE_FIRST, NAMED, MEAN_SHIFT = 8, 0x7fffffff, 24
PROFILE_SERVED, PROFILE_MEAN = 4, 8
CENSUS_BYTES, COUNT_BYTES, POINTS = 5760, 2816, 12 * 128


def stat_fields(pid):
    line = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return line[line.rindex(")") + 2:].split()


def census_table(classes, huge=(), epoch=2, age_s=0):
    """Censuses of slots 0 and 1: slot 1 has these size classes, each (block
    size, pages, full, empty, used, capacity, reserved)."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    held = [c for c in classes if c[1] > c[3]]
    pages = sum((c[1] - c[3]) * 65536 for c in held)
    table = bytearray(2 * CENSUS_BYTES)
    struct.pack_into("<Q", table, CENSUS_BYTES, 1)
    at = CENSUS_BYTES + 128
    struct.pack_into("<QQI4x6Q", table, at, now - int(age_s * 1e9), 1000,
                     epoch, 1000, 400, len(huge), sum(b for _, b in huge),
                     pages + sum(b for _, b in huge),
                     sum(c[3] * 65536 for c in classes))
    for i, fields in enumerate(classes):
        struct.pack_into("<QIII4xQQQ", table, at + 128 + 48 * i, *fields)
    return CENSUS, CENSUS_BYTES, bytes(table)


def huge_table(huge, tid=1, age_s=0):
    """The list of huge blocks, each (address, bytes)."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return HUGE, 32, b"".join(
        struct.pack("<QQQI4x", address, size, now - int(age_s * 1e9), tid)
        for address, size in huge)


def history_table(points):
    """A history of level 0 alone, each point (time, used, peak, committed)."""
    table = b"".join(struct.pack("<4Q", *point) for point in points)
    return HISTORY, 32, table.ljust(32 * POINTS, b"\0")


def gc_table(runtime=b"", mode=1, is_blind=0, goal=0, collections=(0, 0, 0),
             events=0):
    """The collections of a runtime, all together."""
    table = struct.pack("<32sII3Q11Q", runtime, mode, is_blind, *collections,
                        0, 0, 0, 0, 0, 0, 0, 0, goal, 0, events)
    return GC, 4096, table.ljust(4096, b"\0")


def gc_events_table(events):
    """The ring of collections, each (begin, pause, used before, used after,
    objects, generation, flags, tid)."""
    table = b"".join(struct.pack("<6QIII4x", 2 * (number + 1), *event)
                     for number, event in enumerate(events))
    return GC_EVENTS, 64, table.ljust(512 * 64, b"\0")


def profile_table(state=1, served=0, mean=1 << 16, since_s=60, frames=0,
                  modules=0, names=0, samples=0, dropped=(0, 0, 0, 0),
                  means=(0, 1 << 16)):
    """Sampling, in force for a minute."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    since = now - int(since_s * 1e9) if since_s is not None else 0
    table = struct.pack("<IIQQIII4xQ4Q", state, served, mean, since, frames,
                        modules, names, samples, *dropped)
    table += struct.pack(f"<{len(means)}Q", *means)
    return PROFILE, 512, table.ljust(512, b"\0")


def listed(blocks, age_s=0, tid=1):
    """Entries of a list of blocks, each (bytes, site) or (bytes, site, tid);
    the first mean if it is not huge."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    entries = []
    for number, (size, site, *by) in enumerate(blocks, 1):
        mean = 0 if size > 128 << 10 else 1
        entries.append(struct.pack(
            "<QQQII", number << 24, size, now - int(age_s * 1e9),
            by[0] if by else tid, site | mean << MEAN_SHIFT))
    return b"".join(entries)


def profile_tables(stacks, samples=(), huge=(), modules=(), totals=None,
                   cut=(), age_s=0, **profile):
    """All tables of a profile.  Each stack, the innermost call first, is that
    of the next site: a call is (address, module) or, of an interpreted
    language, (function, file, line).  Blocks: see listed(); totals by site:
    (bytes, variance, blocks, variance)."""
    sites = bytearray(64 * (SITE_FIRST + len(stacks)))
    frames, names = b"", b""
    for number, stack in enumerate(stacks, SITE_FIRST):
        first = len(frames) // 16
        for call in stack:
            if isinstance(call[0], int):
                frames += struct.pack("<QII", call[0], call[1], 0)
                continue
            frames += struct.pack("<QII", len(names) // 256, NAMED, call[2])
            names += bytes(8) + f"{call[0]}\0{call[1]}".encode().ljust(
                248, b"\0")
        total = (totals or {}).get(number, (0, 0, 0, 0))
        struct.pack_into("<QIIQ4dI", sites, 64 * number, number, first,
                         len(stack), 1, *total, number in cut)
    paths = b"".join(
        struct.pack("<3QII32s", 0, 0, 0, 0, 0, b"") +
        path.encode().ljust(448, b"\0") for path in ("", *modules))
    return [
        profile_table(frames=len(frames) // 16, modules=len(modules),
                      names=len(names) // 256, samples=len(samples),
                      **profile),
        (SITES, 64, bytes(sites)), (FRAMES, 16, frames or bytes(16)),
        (MODULES, 512, paths), (NAMES, 256, names or bytes(256)),
        (SAMPLES, 32, listed(samples, age_s) or bytes(32)),
        (HUGE, 32, listed(huge, age_s) or bytes(32))]


def sampled_segment(pid, *stacks, used=None, segment=None, **profile):
    """A segment with call sites: see profile_tables()."""
    huge = profile.get("huge", ())
    data = segment_bytes(pid, allocated=used or 1000, freed=0,
                         committed=max(65536, used or 0), **(segment or {}))
    return with_tables(data, *profile_tables(stacks, **profile),
                       words={568: len(huge), 592: len(huge)})


def with_tables(data, *tables, words=None):
    """A segment with more tables behind what it has, and words of its header
    set by their offsets: {568: 3}."""
    data = bytearray(data)
    count, = struct.unpack_from("<I", data, 88)
    for kind, entry_bytes, table in tables:
        struct.pack_into("<IIQQ", data, 96 + 24 * count, kind, entry_bytes,
                         len(data), len(table) // entry_bytes)
        data += table.ljust(-len(table) % 8 + len(table), b"\0")
        count += 1
    struct.pack_into("<I", data, 88, count)
    struct.pack_into("<Q", data, 16, len(data))
    for offset, value in (words or {}).items():
        struct.pack_into("<Q", data, offset, value)
    return bytes(data)


def table_at(path, kind):
    """Where in a segment's file a table lies."""
    data = path.read_bytes()[:4096]
    for i in range(struct.unpack_from("<I", data, 88)[0]):
        found, _, offset, _ = struct.unpack_from("<IIQQ", data, 96 + 24 * i)
        if found == kind:
            return offset
    raise AssertionError(f"no table {kind}")


def segment_bytes(pid, comm=b"forged", allocated=1000, freed=400, **changes):
    """A segment of a living process, with one thread in one slot."""
    fields = stat_fields(pid)
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    head = {
        "magic": b"gcshim01", "version": 1, "header_bytes": 4096,
        "file_bytes": FILE_BYTES, "pid": pid, "parent_pid": 1, "uid": 0,
        "flags": 0, "pid_namespace": os.stat("/proc/self/ns/pid").st_ino,
        "start_time": int(fields[19]), "stack_start": 0, "created_ns": now,
        "comm": comm, "section_count": 1,
        "slots_high": 2, "committed": 65536, "epoch": 2, "tid": pid}
    head.update(changes)
    data = bytearray(FILE_BYTES)
    struct.pack_into(
        "<8sIIQIIIIQQQQ16sII", data, 0, head["magic"], head["version"],
        head["header_bytes"], head["file_bytes"], head["pid"],
        head["parent_pid"], head["uid"], head["flags"],
        head["pid_namespace"], head["start_time"], head["stack_start"],
        head["created_ns"], head["comm"], head["section_count"], 0)
    struct.pack_into("<IIQQ", data, 96, 1, 128, 4096, 16384)
    struct.pack_into("<QQQQQQQ", data, 512, head["slots_high"],
                     head["committed"], head["committed"], allocated, now, 0,
                     head.get("ended_ns", 0))
    struct.pack_into("<II4Q4QQ", data, 4096 + 128, head["epoch"],
                     head["tid"], allocated, 10, freed, 4, 0, 0, 0, 0, now)
    return bytes(data)


def write_sparse(path, data):
    """Leaves holes where there are only zeros, as the shim does."""
    with path.open("wb") as file:
        for at in range(0, len(data), 4096):
            block = data[at:at + 4096]
            if any(block):
                file.seek(at)
                file.write(block)
        file.truncate(len(data))


@contextlib.contextmanager
def segment_file(name, data, owner=None, mode=0o600):
    """A file of that name in /dev/shm for a while."""
    path = SHM / name
    write_sparse(path, data)
    path.chmod(mode)
    if owner is not None:
        os.chown(path, owner, owner)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
