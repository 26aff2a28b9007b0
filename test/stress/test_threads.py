"""Threads that come and go in every way, compared to the byte with a witness
that knows nothing of threads."""

import os

import pytest

from conftest import BUILD, run_shimmed
from witnessed import Witnessed

STRESS = BUILD / "test" / "stress"


def rest(program_name, tmp_path, *args):
    with Witnessed([STRESS / program_name, *args], tmp_path / "w") as program:
        assert program.hear() == "ready"
        used, blocks = program.agree()
        assert used > 0 and blocks > 0
        program.say()
        assert program.end() == (0, "", "")


@pytest.mark.parametrize("scenario", [
    "in_sequence", "at_once", "detached", "cancelled", "destructors",
    "coroutines", "signal_stack", "main_leaves_first"])
def test_no_drift_with_threads(scenario, tmp_path):
    rest("threads", tmp_path, scenario)


def test_a_thread_may_end_while_its_program_is_stopped(monkeypatch, tmp_path):
    """It is listed, and then no longer there."""
    listdir = os.listdir
    ended = ["0"]

    def with_one_that_has_ended(path):
        return listdir(path) + [ended.pop() for _ in ended[:1]]

    monkeypatch.setattr(os, "listdir", with_one_that_has_ended)
    rest("threads", tmp_path, "in_sequence")
    assert not ended


def test_no_drift_with_thread_local_objects(tmp_path):
    rest("thread_locals", tmp_path)


@pytest.mark.long
def test_no_drift_over_a_hundred_thousand_threads(tmp_path):
    rest("threads", tmp_path, "in_sequence", 100_000)


@pytest.mark.parametrize("rounds", [
    100, pytest.param(1000, marks=pytest.mark.long)])
def test_no_drift_where_pages_are_reclaimed_and_filled_again(rounds):
    """The program itself makes sure that they were; the estimate that counts
    full pages, computed beside it, drifts by what was reclaimed."""
    done = run_shimmed([STRESS / "reclaim", rounds])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"rounds {rounds}," in done.stdout
    assert "drift of gcshim 0 bytes" in done.stdout
    estimate = int(done.stdout.split("of the estimate ")[1].split()[0])
    assert estimate > rounds * 100_000
