#!/usr/bin/python3
"""Shows what a process uses, from its segment alone: a reader in one screen.

    read_segment.py PID | /dev/shm/gcshim....

docs/layout.md explains the bytes.  No trust is needed in the file: it is read,
never mapped, and every number in it is checked before it is used.
"""

import glob
import struct
import sys

MAGIC, VERSION = b"gcshim01", 1
SECTION_SLOTS = 1
COUNTERS = struct.Struct("<4Q")  # allocated bytes, blocks, freed bytes, blocks


def read_at(file, offset, count):
    file.seek(offset)
    data = file.read(count)
    if len(data) != count:
        sys.exit("the file ends early")
    return data


def slots_section(header):
    count = min(struct.unpack_from("<I", header, 88)[0], 16)
    for i in range(count):
        kind, size, offset, entries = struct.unpack_from(
            "<IIQQ", header, 96 + 24 * i)
        if kind == SECTION_SLOTS and size >= 80 and entries <= 1 << 20:
            return size, offset, entries
    sys.exit("no slots here")


def slots(file, section):
    """The slots used so far: (tid, totals) each."""
    size, offset, entries = section
    high = struct.unpack("<Q", read_at(file, 512, 8))[0]
    data = read_at(file, offset, min(high, entries) * size)
    for at in range(0, len(data), size):
        tid = struct.unpack_from("<I", data, at + 4)[0]
        yield tid, COUNTERS.unpack_from(data, at + 8)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    path = sys.argv[1]
    if path.isdigit():
        found = glob.glob(f"/dev/shm/gcshim.{path}.*")
        path = found[0] if found else sys.exit(f"no segment of {path}")

    with open(path, "rb", buffering=0) as file:
        header = read_at(file, 0, 4096)
        version = struct.unpack_from("<I", header, 8)[0]
        if header[:8] != MAGIC or version != VERSION:
            sys.exit("not a segment of this version")
        section = slots_section(header)

        # First all that was freed, then all that was allocated: a block that
        # passes from one thread to another meanwhile never counts twice.
        freed = [totals[2:] for _, totals in slots(file, section)]
        allocated = [(tid, totals) for tid, totals in slots(file, section)]

    pid = struct.unpack_from("<I", header, 24)[0]
    comm = header[72:88].split(b"\0")[0].decode("utf-8", "replace")
    committed, _, used_peak = struct.unpack_from("<3Q", header, 520)
    used = sum(t[0] for _, t in allocated) - sum(f[0] for f in freed)
    blocks = sum(t[1] for _, t in allocated) - sum(f[1] for f in freed)
    print(f"pid {pid}  comm {comm!r}")
    print(f"used {used}  peak {max(used_peak, used)}  blocks {blocks}")
    print(f"allocated {max(committed, used)}")
    for tid, totals in allocated:
        if tid:
            print(f"thread {tid}  allocated {totals[0]}  freed {totals[2]}")


if __name__ == "__main__":
    main()
