"""The same memory by other people's accounts: PyPy's of its collector, two of
CPython's, and the kernel's of what mimalloc says it has committed.  How close
they come, and why not closer, is in docs/memory.md."""

import json
import os
import re

import pytest

from conftest import Conversation
from patterns import KIB, MIB, Pattern, report

PYTHON = "/usr/bin/python3"

# ------------------------------------------------------------------- PyPy

PYPY = """
import gc, json, sys
def tell():
    gc.collect(); gc.collect()
    stats = gc.get_stats(memory_pressure=True)._s
    print(json.dumps({name: getattr(stats, name) for name in dir(stats)
                      if name.startswith(("total", "peak", "nursery"))}),
          flush=True)
    sys.stdin.readline()
tell()
kept = [[i, str(i), (i,)] for i in range(600000)]
big = [bytearray(300000) for _ in range(100)]
tell()
del kept[::2]
tell()
kept = big = None
tell()
"""


def states(argv, count, **kwargs):
    """What the program says at each stop, and what gcshim-stat says then."""
    with Conversation(argv, **kwargs) as program:
        for _ in range(count):
            said = json.loads(program.hear())
            yield said, report(program.pid)
            program.say()
        assert program.end() == (0, "", "")


@pytest.fixture(scope="module", name="pypy")
def pypy_states():
    return list(states(["pypy3", "-c", PYPY], 4))


def test_pypys_collector_holds_what_we_say_malloc_handed_out(pypy):
    """What it allocates for its heap it asks of malloc.  Used holds the
    interpreter's own blocks too, some MiB, and rounds up what is asked: by an
    eighth at the most, as mimalloc does."""
    for theirs, ours in pypy:
        allocated = theirs["total_allocated_memory"]
        assert allocated <= ours["used_bytes"] <= \
            allocated * 9 / 8 + 12 * MIB


def test_pypys_peak_is_ours(pypy):
    theirs, ours = pypy[-1]
    peak = theirs["peak_allocated_memory"]
    assert peak > 100 * MIB
    assert 0.98 * peak <= ours["used_peak_bytes"] <= peak * 9 / 8 + 12 * MIB


def test_what_is_free_in_pypys_arenas_is_used_to_malloc(pypy):
    """A collector that keeps its arenas has not freed them."""
    full, half = pypy[1], pypy[2]
    fallen = full[0]["total_gc_memory"] - half[0]["total_gc_memory"]
    assert fallen > 40 * MIB
    assert half[0]["total_allocated_memory"] == \
        full[0]["total_allocated_memory"]
    assert abs(half[1]["used_bytes"] - full[1]["used_bytes"]) <= MIB


def test_what_pypy_gives_back_to_malloc_is_unreturned(pypy):
    full, none = pypy[2], pypy[3]
    freed = (full[0]["total_allocated_memory"] -
             none[0]["total_allocated_memory"])
    assert freed > 100 * MIB
    assert 0.98 * freed <= \
        full[1]["used_bytes"] - none[1]["used_bytes"] <= freed * 9 / 8
    assert none[1]["verdict"] == "unreturned"


# ---------------------------------------------------------------- CPython

TRACED = """
import json, sys, tracemalloc
kept = [None] * COUNT
if TRACE: tracemalloc.start()
def tell():
    print(json.dumps(tracemalloc.get_traced_memory()[0]), flush=True)
    sys.stdin.readline()
tell()
for i in range(COUNT): kept[i] = bytes(SIZE - 33)
tell()
for i in range(0, COUNT, 2): kept[i] = None
tell()
"""


def moves(size, count, trace):
    """How the figure moves, by tracemalloc or by us: tracing takes memory
    itself, so that each looks at a run of its own."""
    code = TRACED.replace("SIZE", str(size)).replace("COUNT", str(count)) \
        .replace("TRACE", str(trace))
    argv = ["env", "PYTHONMALLOC=malloc", PYTHON, "-c", code]
    figures = [theirs if trace else ours["used_bytes"]
               for theirs, ours in states(argv, 3)]
    return figures[1] - figures[0], figures[2] - figures[1]


def given(size):
    """What mimalloc hands out when it is asked for so much: four sizes to
    each doubling."""
    step = 16 if size <= 64 else 1 << ((size - 1).bit_length() - 3)
    return -(-size // step) * step


@pytest.mark.parametrize("size, count", [
    (64, 100000), (100, 100000), (1000, 20000), (20000, 1000), (100000, 300)])
def test_tracemalloc_says_what_was_asked_for_and_we_what_was_given(size,
                                                                   count):
    asked, used = moves(size, count, True), moves(size, count, False)
    for theirs, ours in zip(asked, used):
        assert ours == pytest.approx(theirs * given(size) / size, rel=0.01)


ARENAS = """
import sys
kept = [bytes(400) for _ in range(100000)]
sys._debugmallocstats()
print(1, flush=True); sys.stdin.readline()
"""


def test_arenas_of_pythons_own_allocator_are_other_mappings():
    """It maps them by itself, and tells how many in _debugmallocstats."""
    with Conversation([PYTHON, "-c", ARENAS]) as program:
        program.hear()
        figures = report(program.pid)
        program.say()
        errors = program.end()[2]
    arenas, = re.findall(r"\d+ arenas \* \d+ bytes/arena += +([\d,]+)",
                         errors)
    arenas = int(arenas.replace(",", ""))
    assert arenas > 40 * MIB
    # The last arenas are not all touched yet.
    assert figures["mappings"]["other_bytes"] == \
        pytest.approx(arenas, rel=0.05)
    assert figures["verdict"] == "outside malloc"
    assert "other mappings" in figures["evidence"]


# -------------------------------------------- mimalloc's own and the kernel's

HINTS = range(2 << 40, 30 << 40)    # where mimalloc 2 asks to be mapped


def mimallocs(pid):
    """(mapped, resident) in the addresses that mimalloc asks for, by the
    kernel."""
    mapped = resident = 0
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
            if head:
                begin, end = (int(n, 16) for n in head.groups())
                mapped += (end - begin) * (begin in HINTS)
            elif line.startswith("Anonymous:") and begin in HINTS:
                resident += int(line.split()[1]) * KIB
    return mapped, resident


PATTERNS = [("in_use", 0), ("holes", 48), ("nothing_kept", 0),
            ("last_quarter", 48), ("orphans",), ("relay",), ("owners",),
            ("huge",), ("huge_many", 3000)]


@pytest.mark.parametrize("argv", PATTERNS)
def test_what_is_committed_lies_between_resident_and_mapped(argv):
    with Pattern(*argv) as program:
        figures = program.counted()
        mapped, resident = mimallocs(program.pid)
        # For each thread mimalloc maps some KiB elsewhere.
        elsewhere = 16 * KIB * len(os.listdir(f"/proc/{program.pid}/task"))
        assert resident <= figures["allocated_bytes"] <= mapped + elsewhere


@pytest.mark.parametrize("argv", PATTERNS)
def test_what_is_resident_of_mallocs_memory_is_what_the_kernel_says(argv):
    with Pattern(*argv) as program:
        if argv in [("orphans",), ("relay",)]:
            program.next()
        figures = program.counted()
        _, resident = mimallocs(program.pid)
        assert abs(figures["mappings"]["malloc_bytes"] - resident) <= \
            64 * KIB
