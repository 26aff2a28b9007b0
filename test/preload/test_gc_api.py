"""The C API of gcshim.h: what a program is told, what readers see of its
collections, and what happens at GCSHIM_GC_MAX."""

import pathlib
import shutil
import subprocess

import pytest

from conftest import PROGRAMS, ROOT, plain_env, run_shimmed, shim_env
from gc_section import (ASKED, EMERGENCY, OBSERVE, PACE, RING,
                        run_kept)

API = PROGRAMS / "gc_api"
MAX = 16 << 20


def run_api(*args, **settings):
    """Its output; fails where the program found anything wrong."""
    done = run_shimmed([API, *args], settings=settings)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def kept_of(*args, **settings):
    """(output, the collections of every process), from the segments that
    they leave."""
    done, left = run_kept([API, *args], **settings)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout, left


def collections_of(*args, **settings):
    output, (collections,) = kept_of(*args, **settings)
    return output, collections


# ------------------------------------------------------------- the snapshot

def test_a_snapshot_is_the_sum_of_the_programs_own_blocks():
    run_api("snapshot")


def test_no_snapshot_shows_more_used_than_allocated():
    run_api("used_within_allocated")


def test_a_snapshot_fills_in_what_its_caller_knows_of():
    run_api("sizes")


def test_no_call_changes_errno():
    run_api("keeps_errno")


def test_the_figures_are_true_where_nothing_is_published():
    run_api("snapshot", disable=1)


# -------------------------------------------------------------- collections

def test_each_collection_is_measured_and_kept_in_the_ring():
    output, gc = collections_of("collections")
    said = [tuple(map(int, line.split())) for line in output.splitlines()]
    assert len(said) == 6
    seen = [(e.generation, e.objects, e.used_before, e.used_after)
            for e in gc.events]
    assert seen == [(min(g, 2), *rest) for g, *rest in said]
    assert [e.number for e in gc.events] == list(range(6))
    assert gc.event_count == 6
    assert gc.collections == [2, 2, 2]
    assert gc.objects == 1 + 20 + 300 + 0 + 5    # one did not count
    assert gc.freed_bytes == sum(before - after for *_, before, after in said)
    assert (gc.used_before_last, gc.used_after_last) == said[-1][2:]


def test_a_pause_is_what_lies_between_begin_and_end():
    _, gc = collections_of("collections")
    pauses = [e.pause_ns for e in gc.events]
    assert all(pauses)
    assert gc.pause_ns_total == sum(pauses)
    assert gc.pause_ns_max == max(pauses)
    assert gc.pause_ns_last == pauses[-1]
    ends = [e.begin_ns + e.pause_ns for e in gc.events]
    assert all(end <= e.begin_ns for end, e in zip(ends, gc.events[1:]))


def test_a_collection_during_which_memory_grew_gave_nothing_back():
    _, gc = collections_of("growing")
    event, = gc.events
    assert event.used_after >= event.used_before + (1 << 20)
    assert gc.freed_bytes == 0


def test_of_nested_collections_the_inner_one_is_measured():
    _, gc = collections_of("nested")
    event, = gc.events
    assert (event.generation, event.objects) == (0, 7)
    assert 2 << 20 <= event.freed < 3 << 20
    assert gc.collections == [1, 0, 0]


def test_an_end_without_a_begin_is_passed_over():
    _, gc = collections_of("end_only")
    assert gc.collections == [0, 1, 0]
    assert [e.objects for e in gc.events] == [8]


@pytest.mark.parametrize("number", [RING - 1, RING, RING + 1, 3 * RING + 7])
def test_the_ring_holds_the_last_collections(number):
    _, gc = collections_of("many", number)
    assert gc.event_count == number
    assert sum(gc.collections) == number
    assert [e.number for e in gc.events] == \
        list(range(max(0, number - RING), number))
    assert all(e.objects == e.number for e in gc.events)
    assert all(gc.ring[e.number % RING] is e for e in gc.events)


def test_threads_that_collect_at_once_lose_nothing():
    _, gc = collections_of("threads")
    number = 8 * 500
    assert gc.event_count == sum(gc.collections) == number
    assert gc.collections == [8 * 167, 8 * 167, 8 * 166]
    assert gc.objects == 3 * number
    assert len(gc.events) == RING
    assert all(e.objects == 3 for e in gc.events)


def test_a_fork_child_starts_its_own_totals():
    _, collections = kept_of("forks")
    assert sorted(gc.event_count for gc in collections) == [2, 5]
    assert sorted(sum(gc.collections) for gc in collections) == [2, 5]
    assert {gc.runtime for gc in collections} == {"program's own"}
    assert {gc.mode for gc in collections} == {PACE}


def test_readers_are_told_of_a_runtime_without_adapter():
    _, gc = collections_of("collections")
    assert (gc.runtime, gc.mode, gc.is_blind) == ("program's own", OBSERVE, 0)
    _, gc = collections_of("goal", gc_min="1MiB")
    assert (gc.runtime, gc.mode) == ("program's own", PACE)


def test_a_program_that_does_not_call_the_api_has_no_collections():
    done, (gc,) = run_kept([PROGRAMS / "life", "exit"])
    assert done.returncode == 5
    assert (gc.runtime, gc.event_count, gc.events) == ("", 0, [])


def test_debug_is_a_line_a_collection():
    done = run_shimmed([API, "collections"],
                       settings={"gc_debug": 1, "gc_min": "1GiB"})
    lines = done.stderr.splitlines()
    assert len(lines) == 6
    assert all(line.startswith("gcshim: gc ") for line in lines)
    assert lines[1].endswith(" 20 objects")
    assert "objects" not in lines[3]


# ------------------------------------------------------------------ pacing

def test_the_program_is_called_when_the_goal_is_crossed():
    run_api("request", gc_min="4MiB")


def test_a_whole_collection_alone_gives_a_new_goal():
    run_api("goal", gc_min="1MiB")


def test_a_collection_that_was_due_is_marked_as_asked_for():
    _, gc = collections_of("request", gc_min="4MiB")
    assert [e.flags for e in gc.events] == [ASKED]
    assert gc.asked >= 2
    _, gc = collections_of("collections", gc_min="1GiB")
    assert {e.flags for e in gc.events} == {0}


def test_near_the_limit_collections_come_more_often():
    output = run_api("budgets", 64 << 20, gc_max="64MiB", gc_min="1MiB",
                     gc_growth=100)
    said = [tuple(map(int, line.split())) for line in output.splitlines()]
    assert len(said) == 7
    limit = 64 << 20
    for used, goal in said:
        assert used < goal <= used + (limit - used) // 2 + 4096
    budgets = [goal - used for used, goal in said[3:]]
    assert budgets == sorted(budgets, reverse=True)
    assert budgets[-1] <= budgets[0] // 3


# --------------------------------------------------------------- the limit

WAYS = ["malloc", "calloc", "realloc", "reallocarray", "aligned_alloc",
        "memalign", "posix_memalign", "valloc"]


@pytest.mark.parametrize("size", [100, 5000, 100_000, 3_000_000])
@pytest.mark.parametrize("way", WAYS)
def test_beyond_the_limit_allocations_fail_and_recover(way, size):
    """One thread goes beyond by nothing at all, but for what realloc rounds
    up and for small blocks."""
    beyond = size // 4 if way == "realloc" else 0
    beyond += 64 * 1024 if size <= 2048 else 0
    run_api("limit", way, size, MAX, beyond, gc_max="16MiB")


def test_a_block_that_can_never_fit_changes_nothing():
    run_api("refused_huge", MAX, gc_max="16MiB")


def test_threads_go_beyond_the_limit_by_a_tick_each_at_most():
    run_api("limit_in_threads", MAX, gc_max="16MiB")


def test_a_runtime_is_asked_before_the_limit_bites():
    _, gc = collections_of("limit_asks", MAX, gc_max="16MiB")
    assert [e.flags for e in gc.events] == [EMERGENCY]


def test_new_throws_beyond_the_limit_and_recovers():
    done = run_shimmed([PROGRAMS / "gc_limit_new", MAX],
                       settings={"gc_max": "16MiB"})
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_limit_nothing_fails():
    done = run_shimmed([API, "limit", "malloc", 5000, MAX, 0],
                       settings={"gc_max": "64MiB"})
    assert done.returncode == 1
    assert "gcshim_used() <= max + beyond" in done.stderr


# -------------------------------------------------------------- the header

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Waddress",
          f"-I{ROOT / 'include'}"]
HEADER = pathlib.Path(__file__).parent / "gc_header.cpp"


def header_says(command, tmp_path):
    """What the program says without the shim, and with it."""
    program = tmp_path / "program"
    done = subprocess.run([*command, *STRICT, "-o", str(program)],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [subprocess.run([program], env=env, capture_output=True, text=True,
                           check=True).stdout.strip()
            for env in (plain_env(), shim_env())]


@pytest.mark.parametrize("standard", ["c++98", "c++11", "c++20"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_header_is_cplusplus_without_a_warning(compiler, standard,
                                                   tmp_path):
    compiler = {"gcc": "g++", "clang": "clang++"}[compiler]
    assert header_says([compiler, f"-std={standard}", str(HEADER)],
                       tmp_path) == ["unknown", "known"]


@pytest.mark.parametrize("standard", ["c99", "gnu17"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_header_is_c_without_a_warning(compiler, standard, tmp_path):
    source = tmp_path / "header.c"
    source.write_text(HEADER.read_text().replace("<cstdio>", "<stdio.h>")
                      .replace("std::", "").replace("bool", "int")
                      .replace("(void *, int) {}",
                               "(void *a, int b) { (void)a; (void)b; }")
                      .replace("//", "/* */ //" if standard == "gnu17"
                               else "//")
                      .replace("int main()", "int main(void)"))
    assert header_says([compiler, f"-std={standard}", str(source)],
                       tmp_path) == ["unknown", "known"]


@pytest.mark.parametrize("how", [
    ["gcc", "-fno-pie", "-no-pie"], ["gcc", "-O2", "-fno-pie", "-no-pie"],
    ["gcc", "-O2", "-fPIE", "-pie"], ["gcc", "-fno-pie", "-no-pie",
                                      "-fno-plt"],
    ["clang", "-O2", "-fPIE", "-pie"],
    ["clang", "-fno-pie", "-no-pie", "-fno-plt"],
], ids=" ".join)
def test_the_shim_is_found_however_a_program_is_linked(how, tmp_path):
    if how[0] not in COMPILERS:
        pytest.skip(f"{how[0]} is not here")
    compiler = {"gcc": "g++", "clang": "clang++"}[how[0]]
    assert header_says([compiler, *how[1:], str(HEADER)], tmp_path) == \
        ["unknown", "known"]


def test_a_static_program_runs_and_knows_nothing(tmp_path):
    assert header_says(["g++", "-static", str(HEADER)], tmp_path) == \
        ["unknown", "unknown"]


def test_a_program_of_the_api_runs_without_the_shim():
    done = subprocess.run([API, "end_only"], env=plain_env(), check=False,
                          capture_output=True)
    assert done.returncode == 0
