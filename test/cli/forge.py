"""Segments made by hand, sound or not, as any user could put them there."""

import contextlib
import os
import pathlib
import struct
import time

from conftest import SHM

FILE_BYTES = 4096 + 16384 * 128


def stat_fields(pid):
    line = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return line[line.rindex(")") + 2:].split()


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


@contextlib.contextmanager
def segment_file(name, data, owner=None, mode=0o600):
    """A file of that name in /dev/shm for a while."""
    path = SHM / name
    path.write_bytes(data)
    path.chmod(mode)
    if owner is not None:
        os.chown(path, owner, owner)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
