"""Every screen of gcshim-top, in windows of every size: composed, whole, and
the same when it is drawn anew."""

import contextlib
import os

import pytest

from conftest import await_that
from forge import (census_table, gc_events_table, gc_table, history_table,
                   huge_table, segment_bytes, segment_file, with_tables)
from terminal import Terminal

SIZES = [(24, 80), (40, 120), (60, 200)]
MIB = 1 << 20

# What each shows: the keys that lead there, a text of it, the first label.
LIST = {
    "list": ("", "COMMAND", "F1Help"),
    "threads": ("H", "thread-of-it", "F1Help"),
    "tree": ("t", "FAM USED", "F1Help"),
    "tree with threads": ("tH", "thread-of-it", "F1Help"),
    "baseline": ("z", "CHANGE", "F1Help"),
    "search": ("/4", "Search: 4", "F3Next"),
    "filter": ("\\forged", "Filter: forged", "EnterDone"),
    "sorted": ("NI", "PID", "F1Help"),
    "columns to sort by": ("\x1b[17~", "bytes freed since", "EnterSort"),
    "question": ("R", "(y/n)", "Have process"),
    "help": ("h", "sort by memory used", "EscBack"),
}
PANELS = {
    "overview": ("1", "verdict: ", "EscBack"),
    "threads": ("2", "OWNED", "EscBack"),
    "size classes": ("3", "BLOCKS USED", "EscBack"),
    "huge blocks": ("4", "ADDRESS", "EscBack"),
    "collections": ("6", "collections of cpython", "EscBack"),
}
SCREENS = [*LIST.items(), *(("panel " + n, s) for n, s in PANELS.items())]


@pytest.fixture(name="forged", scope="module", autouse=True)
def a_segment_with_everything():
    """About this very process, whose name of its thread is known."""
    pid = os.getpid()
    with open("/proc/self/comm", "r+", encoding="utf-8") as comm:
        before = comm.read()
        comm.write("thread-of-it")
    second = 10**9
    now = [t * second for t in range(1, 101)]
    data = with_tables(
        segment_bytes(pid, allocated=90 * MIB, freed=30 * MIB,
                      committed=100 * MIB),
        census_table([(1024, 40, 10, 0, 900, 2560, 2560),
                      (64, 3, 1, 0, 2000, 3072, 3072)],
                     huge=[(0, 2 * MIB)]),
        huge_table([(0x7f0000000000, 2 * MIB), (0x7f0000800000, MIB)]),
        history_table([(t, n * MIB // 2, n * MIB // 2, (40 + n // 2) * MIB)
                       for n, t in enumerate(now)]),
        gc_table(b"cpython 3.11", collections=(3, 1, 0), events=4),
        gc_events_table([(t, 10**6, 9 * MIB, 8 * MIB, 100, 0, 0, pid)
                         for t in now[:4]]),
        words={568: 2, 624: 100})
    with segment_file("gcshim.test.all", data):
        yield pid
    with open("/proc/self/comm", "w", encoding="utf-8") as comm:
        comm.write(before.strip())


@contextlib.contextmanager
def top_of(pid, rows, cols, **kwargs):
    with Terminal("-p", pid, rows=rows, cols=cols, **kwargs) as top:
        top.await_screen(f"{pid} ")
        top.press("Z")  # from here on nothing changes by itself
        top.await_screen("paused")
        yield top


def assert_whole(top, first_label):
    """Nothing is torn: drawn anew it is the same; the last line is ours."""
    before = top.await_screen(first_label)
    count = len(top.output)
    top.press("ctrl-l")
    await_that(lambda: top.pump() or len(top.output) > count, "the drawing")
    assert top.await_screen(first_label) == before
    lines = before.splitlines()
    assert len(lines) == top.screen.lines
    assert lines[-1].startswith(first_label)
    assert lines[0].strip() and "\ufffd" not in before
    return before


@pytest.mark.parametrize("rows, cols", SIZES)
@pytest.mark.parametrize("name, screen", SCREENS)
def test_every_screen_is_whole(forged, name, screen, rows, cols):
    keys, text, label = screen
    if name in ("search", "filter", "question"):
        # Ctrl-L would be an answer: what is typed is looked at as it is.
        with top_of(forged, rows, cols) as top:
            top.press(*keys)
            shown = top.await_screen(text)
            assert shown.splitlines()[-1].startswith(label)
            top.press("esc")
            top.await_screen("F1Help")
        return
    with top_of(forged, rows, cols) as top:
        top.press(*keys)
        top.await_screen(text)
        shown = assert_whole(top, label)
        assert text in shown


@pytest.mark.parametrize("name, screen", SCREENS)
def test_every_screen_follows_the_window(forged, name, screen):
    keys, text, label = screen
    with top_of(forged, 24, 80) as top:
        top.press(*keys)
        top.await_screen(text)
        for rows, cols in (60, 200), (12, 64), (40, 120), (24, 80):
            top.resize(rows, cols)
            top.await_screen(lambda t: len(t.splitlines()) == rows
                             and t.splitlines()[-1].startswith(label), name)
        top.await_screen(text)


@pytest.mark.parametrize("name, screen", [
    s for s in SCREENS if s[0] in ("tree with threads", "help",
                                   "panel overview", "panel size classes")])
def test_every_screen_is_ascii_where_the_locale_is(forged, name, screen):
    keys, text, label = screen
    with top_of(forged, 40, 120, env={"LC_ALL": "C"}) as top:
        top.press(*keys)
        assert top.await_screen(text).isascii()
        assert top.text().splitlines()[-1].startswith(label), name


def test_a_wide_list_has_a_history_and_a_tall_overview_an_area(forged):
    with top_of(forged, 40, 120) as top:
        text = top.text()
        assert "HISTORY" in text and "▁▁▁" in text
        top.press("1")
        text = top.await_screen("history of 1 min 39 s: █ used, ░ allocated")
        lines = text.splitlines()
        area = [line[12:118] for line in lines if set(line[12:118])
                <= set(" ▁▂▃▄▅▆▇█░") and line[12:118].strip()]
        assert len(area) >= 8
        assert area[-1].endswith("████") and area[0].endswith("░░░░")
