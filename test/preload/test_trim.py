"""gcshim-ctl PID trim: a running process gives back what it does not use, at
its own next tick, and what the verdict promised is what comes.

Resident is what the kernel says in /proc/PID/status, before and after; the
request is made by the command, and once as anybody could who knows the
layout."""

import os
import re
import struct
import subprocess

import pytest

from conftest import TOOLS, await_that, plain_env, segments
from patterns import KIB, MIB, Pattern, adds_up, anonymous, report
from segment import Segment

TRIM_REQUESTED_AT = 768     # include/gcshim/layout.h

# What is not given back of what was promised, or more than that: nobody knows
# beforehand what the pages take up that hold nothing but cached blocks.
SLACK = MIB
PAGES_OF_CACHED_BLOCKS = 3 * MIB


def promised(figures):
    number, = re.findall(r"trim would give back up to ([\d.]+) MiB",
                         figures["evidence"])
    return float(number) * MIB + figures["cached_bytes"]


def trim(program, timeout=5):
    """Asks, and lets the program tick until the command answers."""
    argv = [TOOLS / "gcshim-ctl", f"--timeout={timeout}", str(program.pid),
            "trim"]
    with subprocess.Popen(argv, env=plain_env(), text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as asked:
        await_that(lambda: program.tick() or asked.poll() is not None,
                   "the command answers")
        out, err = asked.communicate()
    assert asked.returncode == 0, err
    return out


@pytest.mark.parametrize("argv", [("nothing_kept", 0), ("nothing_kept", 48),
                                  ("last_quarter", 48), ("relay",)])
def test_what_the_verdict_promised_is_given_back(argv):
    with Pattern(*argv) as program:
        if argv == ("relay",):
            program.next()      # the owner is who can give back
        figures = program.counted()
        before, promise = anonymous(program.pid), promised(figures)
        # The other thread of relay never comes by a tick.
        trim(program, 1 if argv == ("relay",) else 5)
        fallen = before - anonymous(program.pid)
        assert promise - SLACK <= fallen <= \
            promise + SLACK + PAGES_OF_CACHED_BLOCKS
        assert promise >= program.truth["freed"] - SLACK


def test_the_bill_after_a_trim_has_next_to_nothing_unreturned():
    with Pattern("nothing_kept", 0) as program:
        program.counted()
        trim(program)
        figures = report(program.pid)
        bill = adds_up(figures)
        # The thread has gone on with its work since.
        assert figures["resident_bytes"] <= 4 * MIB
        assert bill["unreturned_bytes"] <= 4 * MIB
        assert figures["allocated_peak_bytes"] >= program.truth["freed"]


def test_the_command_says_how_much_came_back():
    with Pattern("nothing_kept", 0) as program:
        program.counted()
        before = anonymous(program.pid)
        said = re.search(r"resident ([\d.]+) MiB -> ([\d.]+) ([KM])iB",
                         trim(program))
        after = float(said[2]) * {"K": KIB, "M": MIB}[said[3]]
        assert abs(float(said[1]) * MIB - before) <= SLACK
        assert abs(after - anonymous(program.pid)) <= 2 * SLACK


def test_fragmented_memory_is_not_given_back():
    with Pattern("holes", 48) as program:
        figures = program.counted()
        before = anonymous(program.pid)
        trim(program)
        assert before - anonymous(program.pid) <= SLACK
        assert report(program.pid)["verdict"] == "fragmented"
        assert "trim" not in figures["evidence"]


def test_memory_in_use_survives_a_trim():
    with Pattern("in_use", 0) as program:
        program.counted()
        trim(program)
        figures = report(program.pid)
        assert abs(figures["used_bytes"] - program.truth["kept"]) <= 64 * KIB
        assert anonymous(program.pid) >= program.truth["kept"]


def test_a_request_is_one_word_in_the_segment():
    with Pattern("nothing_kept", 0) as program:
        program.counted()
        before = anonymous(program.pid)
        path, = segments(program.pid)
        segment = Segment(path)
        assert segment.trim_requested == 0
        with path.open("r+b") as file:
            os.pwrite(file.fileno(), struct.pack("<I", 1), TRIM_REQUESTED_AT)
        program.tick()
        assert Segment(path).trimmed[program.pid] == 1
        assert before - anonymous(program.pid) >= \
            program.truth["freed"] - SLACK
        # Served once.
        program.tick()
        assert Segment(path).trim_requested == 1


def test_orphans_pages_are_looked_after_by_the_first_thread():
    """Every other block of an exited thread is free: which of its pages could
    go back nobody knows, until the first thread has taken them over."""
    with Pattern("orphans", 2) as program:
        program.counted()
        trim(program)
        figures = report(program.pid)
        bill = adds_up(figures)
        assert bill["orphaned_bytes"] <= SLACK
        assert abs(bill["fragmented_bytes"] - program.truth["freed"]) <= SLACK
        assert figures["verdict"] != "unreturned"
