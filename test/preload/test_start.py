"""What the kernel has to do for a process that begins: few pages that are
written to, few mappings."""

import re
import subprocess

from conftest import PROGRAMS, SHIM, Conversation, segments

PAGE = 4096


def lines_of(*argv):
    return subprocess.run(argv, capture_output=True, text=True,
                          check=True).stdout.splitlines()


def sections():
    """{name: (address, size)} of the library."""
    found = {}
    for line in lines_of("readelf", "-SW", SHIM):
        match = re.match(r" *\[ *\d+\] (\S+) +\S+ +(\w+) \w+ (\w+)", line)
        if match:
            found[match[1]] = int(match[2], 16), int(match[3], 16)
    return found


def test_what_a_beginning_writes_to_lies_in_few_pages():
    """A table that is not marked as one would lie among it."""
    found = sections()
    first, _ = found[".data"]
    start, size = found[".bss"]
    assert start + size - first <= 4 * PAGE


def test_the_region_is_the_end_of_the_librarys_memory():
    region, = [line.split() for line in lines_of("nm", "-S", SHIM)
               if line.endswith(" region")]
    start, size = sections()[".tables"]
    assert int(region[0], 16) + int(region[1], 16) == start + size


def test_the_library_has_few_mappings():
    """Code and constants; what the loader has made read-only; data; tables;
    the page that is wiped at a fork; the segment, which ends them."""
    with Conversation([PROGRAMS / "life", "hold", "exit"]) as program:
        program.hear()
        path, = segments(program.pid)
        with open(f"/proc/{program.pid}/maps", encoding="utf-8") as file:
            maps = file.read().splitlines()
        own = [i for i, line in enumerate(maps) if line.endswith(str(SHIM))]
        segment, = [i for i, line in enumerate(maps)
                    if line.endswith(str(path))]
        assert len(own) == 3
        assert segment - own[0] == 5
        program.say()
        assert program.end() == (5, "", "")
