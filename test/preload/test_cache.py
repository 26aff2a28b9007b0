"""What threads' caches keep is told, bounded and given back; and a program that
misuses freed blocks is caught if it asks for that."""

import signal

import pytest

from conftest import Conversation, PROGRAMS, document, run_shimmed

CACHE = PROGRAMS / "cache"
BLOCK_BYTES, BLOCKS, HUGE_BYTES = 48, 100, 1 << 20


def resting(settings, scenario):
    program = Conversation([CACHE, scenario], settings)
    assert program.hear() == "ready"
    return program


@pytest.mark.parametrize("scenario,words", [
    ("double_free", "double free of a block of 48 bytes at 0x"),
    ("double_free_elsewhere", "double free of a block of 48 bytes at 0x"),
    ("write_after_free", "write after free to a block of 48 bytes at 0x")])
def test_misuse_ends_the_program_with_a_line(scenario, words):
    done = run_shimmed([CACHE, scenario],
                       settings={"cache_debug": 1, "disable": 1})
    assert done.returncode == -signal.SIGABRT
    assert done.stderr.startswith("gcshim: " + words)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("scenario", ["well", "empty"])
@pytest.mark.parametrize("settings", [
    {}, {"cache": 0}, {"cache": "16KiB"}, {"cache": "1GB"},
    {"cache_debug": 1}, {"cache_debug": 1, "cache": 0}, {"cache_large": 0}])
def test_a_program_that_does_well_is_left_alone(settings, scenario):
    done = run_shimmed([CACHE, scenario], settings=settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_cached_is_told_and_in_the_bill():
    with resting({}, "keeps") as program:
        figures = document(program.pid)
        assert figures["cached_bytes"] >= BLOCKS * BLOCK_BYTES + HUGE_BYTES


def test_without_caches_nothing_is_cached():
    with resting({"cache": 0, "cache_large": 0}, "keeps") as program:
        assert document(program.pid)["cached_bytes"] == 0


def test_huge_blocks_alone_can_be_kept():
    with resting({"cache": 0}, "keeps") as program:
        assert document(program.pid)["cached_bytes"] == HUGE_BYTES


def test_what_other_threads_asked_for_does_not_pile_up():
    """Two threads free 200,000 blocks; what their caches hold is bounded."""
    with resting({"cache": "64KiB"}, "relay") as program:
        figures = document(program.pid)
        assert figures["cached_bytes"] <= 2 * 64 * 1024
        assert figures["used_bytes"] < 64 * 1024


def test_blocks_taken_behind_our_back_are_not_taken_for_others():
    done = run_shimmed([PROGRAMS / "mixed", 100], settings={"confirm": 1})
    assert (done.returncode, done.stdout) == (0, "0 wrong\n")
    assert "by its own names: no caches" in done.stderr


def test_confirm_says_where_sizes_come_from():
    done = run_shimmed(["/bin/true"], settings={"confirm": 1})
    assert "gcshim: sizes of blocks = from a table\n" in done.stderr
