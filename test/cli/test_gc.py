"""Collections of garbage, as every command shows them, of a real Python."""

import contextlib
import json
import re
import struct
import subprocess
import sys
import time

import pytest

from conftest import TOOLS, await_that, document, plain_env, run_tool
from forge import (gc_events_table, gc_table, segment_bytes, segment_file,
                   table_at, with_tables)
from programs import (COLLECT_REQUESTED, Holder, Puppet, await_request,
                      is_requested)
from terminal import Terminal

MIB = 1 << 20
RUNTIME = f"cpython {sys.version_info[0]}.{sys.version_info[1]}"
SIZE = r"([\d.]+ (?:B|[KMG]iB))"
PAUSE = r"[\d.]+ m?s"
COLLECTED = re.compile(rf"collected: used {SIZE} -> {SIZE} in {PAUSE} "
                       rf"\({re.escape(RUNTIME)}\)\n")
KIND_GC, KIND_EVENTS = 6, 7


def size(text):
    number, unit = text.split()
    return float(number) * 1024 ** ["B", "KiB", "MiB", "GiB"].index(unit)


def seen(puppet, sentence="gc.collect()"):
    """Waits until a collection has been seen: the first tick only arranges
    for it.  Returns the process."""
    def is_seen():
        puppet.do("tick()", sentence)
        shown = document(puppet.pid)
        return shown if shown["gc"]["collections"][2] > 0 else None
    return await_that(is_seen, "a collection that is seen")


@contextlib.contextmanager
def observed():
    """A Python whose collections are seen and not asked for."""
    with Puppet(settings={"gc": "observe"}) as puppet:
        seen(puppet)
        yield puppet


@contextlib.contextmanager
def paced():
    """One that has filled memory with garbage, and collected because the
    pacer asked."""
    with Puppet(settings={"gc": "pace"}) as puppet:
        def is_paced():
            puppet.do("litter(300, 100000)")
            return document(puppet.pid)["gc"]["requested"] > 1
        await_that(is_paced, "the pacer to ask")
        yield puppet


@contextlib.contextmanager
def collecting(*args):
    """gcshim-ctl while it waits."""
    with subprocess.Popen([str(TOOLS / "gcshim-ctl"), *map(str, args)],
                          env=plain_env(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        yield process
        if process.poll() is None:
            process.kill()


def collect(puppet, *args):
    """Asks while the program works: (status, output, errors)."""
    with collecting(*args, puppet.pid, "collect") as ctl:
        while ctl.poll() is None:
            puppet.do("tick()")
        return ctl.returncode, *ctl.communicate()


# ------------------------------------------------------------------- JSON

def test_each_collection_that_is_observed_is_told_with_what_it_gave_back():
    with observed() as puppet:
        puppet.do("gc.disable()", "litter(100, 100000)", "gc.collect()")
        gc = document(puppet.pid)["gc"]
    last = gc["events"][-1]
    assert (gc["runtime"], gc["mode"], gc["is_blind"]) == \
        (RUNTIME, "observe", False)
    assert last["used_before"] - last["used_after"] >= 100 * 100000
    assert (last["generation"], last["asked_by"]) == (2, "runtime")
    assert last["objects"] >= 100
    assert last["tid"] == puppet.pid
    assert 0 < last["pause_ns"] == gc["pause_ns_last"] <= gc["pause_ns_max"]
    assert last["age_ms"] < 20000
    assert gc["used_after_last"] == last["used_after"]
    assert gc["freed_bytes_total"] >= 100 * 100000
    assert (gc["goal_bytes"], gc["requested"]) == (None, 0)


def test_a_paced_runtime_has_a_goal_and_collections_that_were_asked_for():
    with paced() as puppet:
        gc = document(puppet.pid)["gc"]
    assert gc["mode"] == "pace"
    assert gc["goal_bytes"] >= 16 * MIB
    assert gc["requested"] > 1
    assert sum(gc["collections"]) > 1
    asked = [e for e in gc["events"] if e["asked_by"] == "pacer"]
    assert asked and asked[0]["used_before"] >= 15 * MIB


def test_gcshim_stat_tells_all_events_and_gcshim_top_the_last():
    with observed() as puppet:
        puppet.do("for _ in range(40): gc.collect()")
        all_events = document_of_stat(puppet.pid)["gc"]["events"]
        last = document(puppet.pid)["gc"]["events"]
    assert len(all_events) > 40
    assert len(last) == 16
    assert [e["begin_ns"] for e in last] == \
        [e["begin_ns"] for e in all_events[-16:]]


def document_of_stat(target):
    done = run_tool("gcshim-stat", "--json", target)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["processes"][0]


def test_a_program_whose_collections_nobody_watches_has_none():
    with Puppet("gc.collect()", "tick()") as puppet:
        assert document(puppet.pid)["gc"] is None
        assert "collections" not in run_tool("gcshim-stat", puppet.pid).stdout


def test_a_killed_process_has_its_last_collections():
    with paced() as puppet:
        before = document_of_stat(puppet.pid)["gc"]
        puppet.kill()
        after = document_of_stat(puppet.pid)["gc"]
    assert after["collections"] == before["collections"]
    assert len(after["events"]) == len(before["events"])


# ------------------------------------------------------------ gcshim-stat

def test_the_report_has_totals_and_the_last_collections():
    with paced() as puppet:
        text = run_tool("gcshim-stat", puppet.pid).stdout
    section = text[text.index("\ncollections of "):text.index("\nverdict")]
    lines = section.strip().splitlines()
    assert lines[0] == f"collections of {RUNTIME} (pace)"
    assert re.fullmatch(r"  generation 0: \d+, 1: \d+, 2: \d+ collections",
                        lines[1])
    assert re.fullmatch(rf"  freed {SIZE} in all, [\d,]+ objects", lines[2])
    assert re.fullmatch(rf"  pause {PAUSE} the last, {PAUSE} the longest, "
                        rf"{PAUSE} in all", lines[3])
    assert re.fullmatch(rf"  goal {SIZE}(, the last whole one left {SIZE})?; "
                        r"asked \d+ times", lines[4])
    assert lines[5].split() == ["ago", "gen", "pause", "used", "->", "after",
                                "objects", "asked", "by"]
    assert any(re.fullmatch(rf" +[\d.]+ s   \d +{PAUSE} +{SIZE} -> {SIZE} +"
                            r"[\d,]+  pacer", line) for line in lines[6:])
    assert max(map(len, lines)) <= 80


@pytest.fixture(name="sleeper")
def a_sleeper():
    """A process that a forged segment may be about."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def forged(pid, *args, events=(), **kwargs):
    return segment_file(f"gcshim.{pid}.0.0", with_tables(
        segment_bytes(pid), gc_table(*args, events=len(events), **kwargs),
        gc_events_table(events)))


def test_a_runtime_that_cannot_be_seen_is_told_in_a_sentence(sleeper):
    with forged(sleeper.pid, b"cpython 3.13t", 2, is_blind=1):
        text = run_tool("gcshim-stat", sleeper.pid).stdout
        gc = document(sleeper.pid)["gc"]
    assert "cpython 3.13t keeps its objects in an allocator of its own" in text
    assert gc["is_blind"] is True
    assert gc["events"] == []
    assert gc["pause_ns_last"] is gc["used_after_last"] is None


def test_an_escape_in_the_name_of_a_runtime_reaches_no_terminal(sleeper):
    with forged(sleeper.pid, b"\x1b[31mred", 1):
        text = run_tool("gcshim-stat", sleeper.pid).stdout
    assert "\x1b" not in text
    assert "collections of ?[31mred" in text


# ------------------------------------------------------------- gcshim-ctl

@pytest.mark.parametrize("mode", ["observe", "pace"])
def test_a_collection_is_done_and_told_with_what_it_gave_back(mode):
    with Puppet("gc.disable()", "litter(100, 100000)",
                settings={"gc": mode, "gc_min": "1GB"}) as puppet:
        status, out, err = collect(puppet)
        event = document(puppet.pid)["gc"]["events"][-1]
    assert (status, err) == (0, "")
    found = COLLECTED.fullmatch(out)
    assert found, out
    before, after = map(size, found.groups())
    assert before - after >= 9 * MIB
    assert (event["asked_by"], event["generation"]) == ("request", 2)


def test_a_second_request_is_served_too():
    with observed() as puppet:
        for _ in range(2):
            status, out, _ = collect(puppet)
            assert status == 0 and COLLECTED.fullmatch(out), out
        events = document(puppet.pid)["gc"]["events"]
    assert [e["asked_by"] for e in events].count("request") == 2


def test_a_runtime_that_rests_does_not_collect_in_time():
    with observed() as puppet:
        began = time.monotonic()
        done = run_tool("gcshim-ctl", "--timeout=0.3", puppet.pid, "collect")
        took = time.monotonic() - began
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"gcshim-ctl: in 0.3 s process {puppet.pid} has not collected: no "
        "thread allocated or freed enough to take notice, or none came where "
        "it is safe to collect; it will when it does\n")
    assert 0.3 <= took < 5


def test_a_runtime_that_is_killed_meanwhile_has_ended():
    with observed() as puppet, \
            collecting("-t", 60, puppet.pid, "collect") as ctl:
        await_request(puppet.pid, COLLECT_REQUESTED)
        puppet.kill()
        _, err = ctl.communicate(timeout=20)
    assert ctl.returncode == 1
    assert err == f"gcshim-ctl: process {puppet.pid} has ended\n"


def test_who_has_no_runtime_that_could_be_asked_is_told_what_it_takes():
    with Holder(4) as holder:
        done = run_tool("gcshim-ctl", holder.pid, "collect")
        assert not is_requested(holder.pid, COLLECT_REQUESTED)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    for word in ("GCSHIM_GC=observe or pace", "gcshim-run --gc",
                 "gcshim_gc_on_request()"):
        assert word in done.stderr


def test_a_runtime_that_cannot_be_seen_is_not_asked(sleeper):
    with forged(sleeper.pid, b"cpython 3.13t", 2, is_blind=1):
        done = run_tool("gcshim-ctl", sleeper.pid, "collect")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"gcshim-ctl: process {sleeper.pid} cannot be asked: cpython 3.13t "
        "keeps its objects in an allocator of its own and is left alone\n")


def test_a_runtime_that_is_no_longer_watched_is_not_asked(sleeper):
    with forged(sleeper.pid, b"ruby 3.1.2", 0):
        done = run_tool("gcshim-ctl", sleeper.pid, "collect")
        assert not is_requested(sleeper.pid, COLLECT_REQUESTED)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"gcshim-ctl: process {sleeper.pid} cannot be asked: ruby 3.1.2 is "
        "not watched any more, see CAVEATS in gcshim(7)\n")


def test_a_runtime_of_its_own_is_asked_and_may_not_say_when_it_is_done(sleeper):
    with forged(sleeper.pid, goal=16 * MIB):
        done = run_tool("gcshim-ctl", "-t", "0.2", sleeper.pid, "collect")
        assert is_requested(sleeper.pid, COLLECT_REQUESTED)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "asked; the runtime does not say when it is done\n"


def test_a_runtime_of_its_own_that_collects_when_asked_is_seen_to(sleeper):
    old = (1, 1, 50 * MIB, 49 * MIB, 5, 2, 0, sleeper.pid)
    with forged(sleeper.pid, goal=16 * MIB, events=[old]) as path, \
            collecting("-t", 60, sleeper.pid, "collect") as ctl:
        await_request(sleeper.pid, COLLECT_REQUESTED)
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        with path.open("r+b") as file:
            file.seek(table_at(path, KIND_EVENTS) + 64)
            file.write(struct.pack("<6QIII", 4, now, 2_300_000, 40 * MIB,
                                   12 * MIB, 9, 2, 0, sleeper.pid))
            file.seek(table_at(path, KIND_GC) + 144)
            file.write(struct.pack("<Q", 2))
        out, err = ctl.communicate(timeout=20)
    assert (ctl.returncode, err) == (0, "")
    assert out == ("collected: used 40.0 MiB -> 12.0 MiB in 2.3 ms "
                   "(a runtime of its own)\n")


# ------------------------------------------------------------- gcshim-top

@pytest.mark.parametrize("rows, cols", [(24, 80), (40, 120)])
def test_the_panel_follows_the_collections(rows, cols):
    with observed() as puppet, \
            Terminal("-p", puppet.pid, "-d", "0.2", rows=rows,
                     cols=cols) as top:
        top.await_screen(f"{puppet.pid} ")
        top.press("6")
        text = top.await_screen("BEFORE")
        assert " 4 Huge blocks   5 Call sites   6 GC" in re.sub(r"\(\d+\) ", "", text)
        assert f"collections of {RUNTIME} (observe)" in text
        assert re.search(rf"  2 +{PAUSE} +{SIZE} +{SIZE} +{SIZE} +[\d,]+ "
                         "runtime", text), text
        puppet.do("gc.disable()", "litter(100, 100000)", "gc.collect()")
        # What it gave back, in the first line of the table.
        top.await_screen(lambda t: re.search(
            rf"ASKED BY.*\n +[\d.]+ s   2 +{PAUSE} +[\d.]+ MiB +{SIZE} +"
            r"1\d\.\d MiB +[\d,]+ runtime", t), "the collection")


def test_the_panel_of_a_program_without_a_runtime_says_what_it_takes():
    with Holder(4) as holder, Terminal("-p", holder.pid, "-d", "0.2") as top:
        top.await_screen(f"{holder.pid} ")
        top.press("6")
        text = top.await_screen("GCSHIM_GC=observe or pace")
        assert "BEFORE" not in text
        top.press("1")
        top.await_screen("verdict: ")


# ------------------------------------------------------------- gcshim-run

LITTER = """
def litter(count, size):
    for _ in range(count):
        ring = [bytearray(size)]
        ring.append(ring)
litter(1000, 100000)
"""
NOTICE = "takes memory for objects of up to 512 bytes from an allocator of"


def run(*args, **kwargs):
    return run_tool("gcshim-run", *args, **kwargs)


@pytest.mark.parametrize("option, mode", [
    ("--gc", "pace"), ("--gc=pace", "pace"), ("--gc=observe", "observe"),
    ("--gc=off", "off")])
def test_a_mode_becomes_a_setting_of_the_shim(option, mode):
    done = run(option, "--set", "gc_min:1MB", "sh", "-c",
               "echo $GCSHIM_GC $GCSHIM_GC_MIN")
    assert (done.returncode, done.stdout, done.stderr) == \
        (0, f"{mode} 1MB\n", "")


def test_a_mode_that_there_is_not_is_a_mistake():
    done = run("--gc=often", "true")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "'often' is none of: off, observe, pace" in done.stderr


@pytest.mark.parametrize("options, is_told", [
    (["--gc"], True), (["--gc=observe"], True), (["--gc=off"], True),
    (["--gc", "--all-python"], False), ([], True), (["-q", "--gc"], False),
    (["--quiet"], False)])
def test_it_is_said_before_the_run_what_of_a_python_is_not_seen(
        options, is_told):
    done = run(*options, sys.executable, "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert (NOTICE in done.stderr) == is_told
    assert len(done.stderr.splitlines()) == is_told


def test_other_programs_are_run_without_a_word():
    done = run("--gc", "sh", "-c", "exit 3")
    assert (done.returncode, done.stderr) == (3, "")


def test_the_report_has_a_line_about_garbage_if_any_was_collected():
    done = run("--gc", "--report", sys.executable, "-c", LITTER)
    assert done.returncode == 0
    found = re.search(rf"^  garbage +{SIZE}   in ([\d,]+) collections "
                      rf"\({re.escape(RUNTIME)}\), longest {PAUSE}$",
                      done.stderr, re.M)
    assert found, done.stderr
    assert size(found[1]) >= 20 * MIB
    done = run("--report", sys.executable, "-c", LITTER)
    assert "garbage" not in done.stderr
