"""gcshim-top's panels about one process, on a real pseudo-terminal."""

import contextlib
import re

import pytest

from conftest import await_that, document, run_tool, segments
from programs import FRAGMENTED, Holder, Puppet
from terminal import Terminal

WINDOWS = pytest.mark.parametrize("rows, cols", [(24, 80), (40, 120),
                                                (60, 200)])


@pytest.fixture(name="puppet", scope="module")
def a_fragmented_program():
    """With three size classes at least, two huge blocks, two threads."""
    with Puppet("linger(lambda: take(10, 100))", "huge = take(2, 3 << 20)",
                *FRAGMENTED) as puppet:
        def counted():
            puppet.do("tick()")
            return [c for c in document(puppet.pid)["size_classes"]
                    if c["block_size"] == 3072 and c["used_blocks"] < 3000]
        await_that(counted, "a census of what was kept")
        yield puppet


@contextlib.contextmanager
def panel_of(puppet, key, rows=24, cols=80, **kwargs):
    with Terminal("-p", puppet.pid, "-d", "0.2", rows=rows, cols=cols,
                  **kwargs) as top:
        top.await_screen(f"{puppet.pid} ")
        top.press(key)
        top.await_screen("EscBack")
        yield top


def lines_with(text, *words):
    return [line for line in text.splitlines()
            if all(word in line for word in words)]


# --------------------------------------------------------------- overview

@WINDOWS
def test_the_overview_has_bill_resident_and_verdict(puppet, rows, cols):
    with panel_of(puppet, "1", rows, cols) as top:
        text = top.await_screen("verdict: fragmented")
        bar, = lines_with(text, "[U")
        assert re.fullmatch(r"  \[U+O*C*F+R+H+\]", bar)
        assert len(bar) == cols - 2
        for left, right in (("U in use", "from malloc"),
                            ("O orphaned", "stacks"), ("C cached", "JIT code"),
                            ("F fragmented", "program data"),
                            ("R unreturned", "libc's heap"),
                            ("H overhead", "other mappings")):
            assert len(lines_with(text, left, right)) == 1, text
        assert "size class 3,072" in " ".join(text.split())
        assert "~ counted " in text
        assert text.splitlines()[-1].startswith("EscBack")


def bar_of(top):
    row = top.row_with("[U")
    return [cell for _, cell in sorted(top.screen.buffer[row].items())
            if cell.data in "UOCFRH"]


def test_each_part_of_the_bar_has_a_colour_of_its_own(puppet):
    with panel_of(puppet, "1") as top:
        top.await_screen("verdict: ")
        colours = {cell.data: cell.bg for cell in bar_of(top)}
        assert len(set(colours.values())) == len(colours) >= 4
        assert "default" not in colours.values()
        for letter, colour in colours.items():
            line = top.row_with(f"  {letter} ")
            assert top.screen.buffer[line][2].bg == colour


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "vt100"}])
def test_without_colours_the_letters_are_left(puppet, env):
    with panel_of(puppet, "1", env=env) as top:
        top.await_screen("verdict: ")
        cells = bar_of(top)
        assert {cell.bg for cell in cells} == {"default"}
        assert {cell.data for cell in cells} >= set("UFRH")


def test_a_dead_process_has_its_bill_and_no_mappings():
    with Holder(64) as holder:
        holder.kill()
        with panel_of(holder, "1") as top:
            text = top.await_screen("its last figures")
            assert re.search(r"from malloc +- +-$", text, re.M)
            assert "verdict: in use" in text


def test_a_baseline_of_the_process_is_shown():
    with Holder(8) as holder, panel_of(holder, "1") as top:
        top.await_screen("verdict: ")
        assert "baseline" not in top.text()
        run_tool("gcshim-ctl", holder.pid, "baseline")
        holder.take(10)
        top.await_screen("s ago: used +10.0 MiB, alloc ")


# ----------------------------------------------------------------- tables

@WINDOWS
def test_the_threads_have_what_they_own(puppet, rows, cols):
    with panel_of(puppet, "2", rows, cols) as top:
        text = top.await_screen("OWNED")
        titles, first, second = text.splitlines()[4:7]
        assert titles.split()[:4] == ["TID", "S", "NAME", "TOTAL"]
        assert re.match(rf" *{puppet.pid} [SR] python", first)
        assert re.match(r" *\d+ S ", second)
        assert ("COUNTED" in titles) == (cols >= 120)
        assert len(titles) <= cols


@WINDOWS
def test_the_size_class_that_pins_most_stands_first(puppet, rows, cols):
    with panel_of(puppet, "3", rows, cols) as top:
        text = top.await_screen("BLOCKS USED")
        first = text.splitlines()[5]
        assert first.startswith("  3.0 KiB ")
        assert re.search(r"  6% \|\.{9}$", first)
        top.press("end")
        top.await_screen(lambda t: t.splitlines()[5] != first
                         or rows > 24)


@WINDOWS
def test_huge_blocks_stand_one_by_one(puppet, rows, cols):
    with panel_of(puppet, "4", rows, cols) as top:
        text = top.await_screen("ADDRESS")
        first, second = text.splitlines()[5:7]
        for line in first, second:
            assert re.match(rf" +0x[0-9a-f]+ +3\.[05] MiB .* {puppet.pid} "
                            "python", line), text


def test_keys_lead_from_panel_to_panel_and_back(puppet):
    with panel_of(puppet, "4") as top:
        for key, word in ("3", "BLOCKS USED"), ("2", "OWNED"), \
                ("1", "verdict: "), ("4", "ADDRESS"):
            top.press(key)
            top.await_screen(word)
        top.press("esc")
        top.await_screen("COMMAND")
        top.press("enter")
        top.await_screen("verdict: ")


# ------------------------------------------------------------- the verdict

def test_the_list_has_the_verdict_as_a_column(puppet):
    with Terminal("-p", puppet.pid, "-d", "0.2") as top:
        text = top.await_screen("fragmented")
        title, = lines_with(text, "VERDICT")
        row, = lines_with(text, f"{puppet.pid} ")
        assert row[title.index("VERDICT"):].startswith("fragmented ")


# ------------------------------------------------------------------- trim

FREED = ("held = take(40000, 3000)", "drop(held)", "tick()")


def test_a_trim_is_asked_about_done_and_told():
    with Puppet(*FREED) as puppet, panel_of(puppet, "1") as top:
        top.press("R")
        top.await_screen(f"Have process {puppet.pid} give back what memory it "
                         "can? (y/n)")
        top.press("y")
        top.await_screen("gives memory back: 0 of 1 threads")
        def told(text):
            puppet.do("tick()")
            return "gave back" in text
        text = top.await_screen(told, "what was given back")
    assert re.search(rf"process {puppet.pid} gave back \d+\.\d MiB: allocated "
                     r"\d+\.\d MiB -> \d+\.\d MiB$", text)


def test_a_trim_that_is_not_wanted_is_not_done():
    with Puppet(*FREED) as puppet, panel_of(puppet, "1") as top:
        for key in "n", "esc":
            top.press("R")
            top.await_screen("(y/n)")
            top.press(key)
            top.await_screen("EscBack")
        path, = segments(puppet.pid)
        with path.open("rb") as file:
            head = file.read(4096)
        assert head[768:772] == bytes(4)  # trim_requested
        assert "gave back" not in top.text()


def test_a_trim_of_a_process_that_rests_says_so():
    with Holder(4) as holder, panel_of(holder, "1") as top:
        top.press("R", "y")
        top.await_screen("has not allocated or freed since")


def test_a_trim_of_a_process_that_is_killed_meanwhile_says_so():
    with Holder(4) as holder, panel_of(holder, "1") as top:
        top.press("R", "y")
        top.await_screen("gives memory back: 0 of 1 threads")
        holder.kill()
        top.await_screen("gives nothing back: it has ended")


# ------------------------------------------------------------- call sites

@WINDOWS
def test_call_sites_follow_what_the_program_does(rows, cols):
    with Puppet("held = take(3, 1 << 20)", "tick()",
                settings={"sample": "64KiB"}) as puppet, \
            panel_of(puppet, "5", rows, cols) as top:
        top.await_screen(lambda t: re.search(r"  3\.0 MiB .* ffi_\w+", t),
                         "the three blocks")
        puppet.do("more = take(20, 1 << 20)")
        top.await_screen(lambda t: re.search(r"  2[03]\.0 MiB .* ffi_\w+", t),
                         "the blocks that came")


def test_without_samples_the_panel_says_what_it_takes(puppet):
    with panel_of(puppet, "5") as top:
        top.await_screen("gcshim-ctl PID profile on")
