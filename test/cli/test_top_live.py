"""gcshim-top on a real pseudo-terminal: its screen, its keys, its ways out."""

import json
import os
import re
import signal
import sys

import pytest

from conftest import TOOLS, Conversation, await_that, run_tool
from forge import segment_bytes, segment_file
from programs import Holder
from terminal import Terminal


ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"  # the full screen
LISTEN, DEAF = b"\x1b[?1006;1000h", b"\x1b[?1006;1000l"  # the mouse


@pytest.fixture(name="two", scope="module")
def two_holders():
    with Holder(64, name="large-one") as large, \
            Holder(8, name="small-one") as small:
        yield large, small


def pids(two):
    return ",".join(str(holder.pid) for holder in two)


@pytest.fixture(name="top")
def top_of_two(two):
    with Terminal("-p", pids(two), "-d", "0.2") as terminal:
        terminal.await_screen("F10Quit")
        terminal.await_screen("USED")
        yield terminal


def order(text, two):
    """The holders' pids from above to below, as the list shows them."""
    known = [str(holder.pid) for holder in two]
    return [int(line.split()[0]) for line in text.splitlines()
            if line.split() and line.split()[0] in known]


# ----------------------------------------------------------------- screen

def test_the_list_shows_both_and_the_larger_first(top, two):
    text = top.await_screen(lambda t: len(order(t, two)) == 2)
    assert order(text, two) == [two[0].pid, two[1].pid]
    assert "gcshim-top - 2 processes" in text
    assert "COMMAND" in text
    assert text.splitlines()[-1].startswith("F1Help")


def test_figures_are_those_of_now(top, two):
    with_more = top.await_screen(str(two[1].pid))
    two[1].take(100)
    assert order(with_more, two)[0] == two[0].pid
    top.await_screen(lambda t: order(t, two) == [two[1].pid, two[0].pid],
                     "the other one to be larger")
    two[0].take(200)
    top.await_screen(lambda t: order(t, two) == [two[0].pid, two[1].pid])


def test_the_order_can_be_changed(top, two):
    by_pid = sorted(holder.pid for holder in two)
    top.press("N")
    top.await_screen(lambda t: order(t, two) == by_pid)
    top.press("I")
    top.await_screen(lambda t: order(t, two) == by_pid[::-1])
    top.press("M")
    top.await_screen(lambda t: order(t, two) == [two[0].pid, two[1].pid])


def test_search_selects_what_matches(top, two):
    top.press("/", *f"{two[1].pid}")
    top.await_screen(f"Search: {two[1].pid}")
    top.press("enter")
    top.await_screen("F10Quit")
    top.press("enter")
    top.await_screen(f"pid {two[1].pid},")


def test_the_filter_leaves_only_what_matches(top, two):
    top.press("\\", *f"{two[1].pid}", "enter")
    top.await_screen(lambda t: order(t, two) == [two[1].pid]
                     and "filter" in t)
    top.press("esc")
    top.await_screen(lambda t: len(order(t, two)) == 2)


def test_detail_shows_the_figures_and_the_bill(top, two):
    top.press("enter")
    text = top.await_screen("still in use")
    assert f"pid {two[0].pid}," in text
    for word in ("used", "allocated", "resident", "handed out", "peak",
                 "in use", "unreturned", "from malloc", "verdict: "):
        assert word in text
    top.press("esc")
    top.await_screen("COMMAND")


def test_threads_are_shown_and_hidden(top, two):
    top.press("H")
    top.await_screen(lambda t: len(order(t, two)) == 4)
    top.press("H")
    top.await_screen(lambda t: len(order(t, two)) == 2)


def test_help_lists_the_keys(top):
    top.press("f1")
    text = top.await_screen("gcshim-top: help")
    assert "sort by memory used" in text
    top.press("end")
    top.await_screen("refused;")
    top.press("esc")
    top.await_screen("COMMAND")


def test_a_baseline_shows_the_change_since(top, two):
    top.press("z")
    top.await_screen("CHANGE")
    two[0].take(4)
    top.await_screen("+4.0 MiB")
    top.press("z")
    top.await_screen(lambda t: "CHANGE" not in t)


def test_a_pause_is_told_and_ended(top, two):
    top.press("Z")
    top.await_screen("paused")
    before = top.text()
    two[0].take(1)
    top.press("ctrl-l")
    top.await_screen(lambda t: "paused" in t)
    assert top.text() == before
    top.press("Z")
    top.await_screen(lambda t: "paused" not in t and t != before)


def test_a_dead_process_is_seen_to_be_dead(two):
    with Holder(4) as third, Terminal("-p", third.pid, "-d", "0.1",
                                      cols=120) as top:
        top.await_screen(lambda t: order(t, [third]) == [third.pid])
        third.kill()
        text = top.await_screen("dead")
        assert re.search(r"python3 \(until \d\.\d s ago\)$", text, re.M)
        top.press("enter")
        top.await_screen("dead: its last figures, of ")


def test_a_process_that_ends_leaves_the_screen():
    with Holder(4) as third, Terminal("-p", third.pid, "-d", "0.1") as top:
        top.await_screen(lambda t: order(t, [third]) == [third.pid])
        third.end()
        top.await_screen("None of the processes asked for")


# ---------------------------------------------------------------- the mouse

def place_of(top, text):
    row = top.row_with(text)
    return row, top.screen.display[row].index(text)


def double_click(top, place, wanted):
    """Two clicks that are told at once may come as one, and on a busy machine
    two that are not may be too far apart: once more, then."""
    def opened():
        top.click(*place)
        while top.pump():
            pass
        return wanted in top.text()
    await_that(opened, wanted)


def test_the_mouse_selects_sorts_opens_and_leads_back(top, two):
    first, second = order(top.await_screen(str(two[1].pid)), two)
    row, col = place_of(top, f"{second} ")
    top.click(row, col)
    top.await_screen(lambda _: top.screen.buffer[row][0].bg != "default")
    top.click(*place_of(top, "PID"))
    top.await_screen(lambda t: order(t, two) == sorted([first, second]))
    top.click(*place_of(top, "PID"))
    top.await_screen(lambda t: order(t, two) == sorted([first, second])[::-1])
    double_click(top, place_of(top, f"{first} "), f"pid {first},")
    top.click(*place_of(top, "4 Huge blocks"))
    top.await_screen("ADDRESS")
    top.click(*place_of(top, "EscBack"))
    top.await_screen("COMMAND")
    top.click(*place_of(top, "F10Quit"))
    assert top.await_end() == 0
    assert top.is_restored()


def test_the_wheel_scrolls(top):
    top.press("f1")
    first = top.await_screen("gcshim-top: help")
    top.wheel(down=True)
    top.await_screen(lambda t: t.splitlines()[1] == first.splitlines()[4])
    top.wheel(down=False)
    top.await_screen(lambda t: t == first)


@pytest.mark.parametrize("args, env", [
    (["-M"], {}), ([], {"TERM": "vt100"})])
def test_where_there_is_no_mouse_none_is_asked_for(two, args, env):
    with Terminal("-p", pids(two), *args, env=env) as top:
        top.await_screen("F10Quit")
        top.press("q")
        assert top.await_end() == 0
        assert b"1000h" not in top.output


def test_a_console_without_a_mouse_takes_no_harm(two):
    with Terminal("-p", pids(two), env={"TERM": "linux"}) as top:
        top.await_screen("F10Quit")
        top.press("q")
        assert top.await_end() == 0
        assert top.output.rfind(b"1000l") > top.output.rfind(b"1000h")


# ----------------------------------------------------------------- the tree

# Starts a shell without an account that starts it again with one.
FATHER = """
import os, subprocess, sys
env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
env["SHIM"] = os.environ["LD_PRELOAD"]
run = 'LD_PRELOAD=$SHIM "$@"; exit 0'
child = subprocess.Popen(["sh", "-c", run, "sh", sys.executable, "-c",
                          "print('ready', flush=True); input()"], env=env)
child.wait()
"""


@pytest.fixture(name="family")
def a_process_and_its_grandchild():
    """Two pids, the older first; between them a shell without the shim."""
    with Conversation([sys.executable, "-c", FATHER]) as father:
        assert father.hear() == "ready"
        def child():
            processes = json.loads(run_tool(
                "gcshim-top", "-b", "-n", "1", "--json").stdout)["processes"]
            return [p["pid"] for p in processes
                    if p["ancestor_pid"] == father.pid]
        yield father.pid, await_that(child, "the grandchild")[0]
        father.say()
        assert father.end()[0] == 0


def test_a_tree_leads_past_processes_without_an_account(family):
    older, younger = family
    with Terminal("-p", f"{older},{younger}", "-d", "0.2", "-t") as top:
        text = top.await_screen("FAM USED")
        lines = {pid: line for line in text.splitlines() for pid in family
                 if line.split()[:1] == [str(pid)]}
        assert " └─ python3 -c print" in lines[younger]
        assert "─" not in lines[older]
        top.press(" ")
        top.await_screen(lambda t: "[+1] python3" in t
                         and str(younger) not in t.split())
        top.press("f5")
        top.await_screen(lambda t: "FAM USED" not in t and "└─" not in t
                         and str(younger) in t.split())


def test_a_tree_is_drawn_in_ascii_too(family):
    with Terminal("-p", ",".join(map(str, family)), "-t", cols=120,
                  env={"LC_ALL": "C"}) as top:
        text = top.await_screen("`- python3 -c print")
        assert text.isascii()
        assert "HISTORY" in text


def test_a_tree_is_printed_too(family):
    done = run_tool("gcshim-top", "-b", "-n", "1", "-t", "-p",
                    ",".join(map(str, family)))
    titles, older, younger = done.stdout.splitlines()[3:]
    assert "FAM USED" in titles and "FAM ALLOC" in titles
    assert [int(line.split()[0]) for line in (older, younger)] == [*family]
    assert "- python3 -c print" in younger or "─ python3 -c print" in younger


# ------------------------------------------------------------ the terminal

@pytest.mark.parametrize("rows, cols", [(40, 120), (60, 200), (10, 40),
                                        (24, 80)])
def test_the_screen_follows_the_window(top, two, rows, cols):
    top.resize(rows, cols)
    text = top.await_screen(
        lambda t: len(t.splitlines()) == rows
        and t.splitlines()[-1].startswith("F1Help")
        and len(order(t, two)) == 2)
    assert ("BLOCKS" in text) == (cols == 200)


def test_a_window_too_small_is_said_to_be(top):
    top.resize(3, 20)
    top.await_screen("window too small")
    top.resize(24, 80)
    top.await_screen("F10Quit")


@pytest.mark.parametrize("key", ["q", "f10"])
def test_quit_restores_the_terminal(top, key):
    assert not top.is_restored()
    top.press(key)
    assert top.await_end() == 0
    assert top.is_restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT,
                                    signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_restores_the_terminal_and_is_told(top, number):
    top.process.send_signal(number)
    assert top.await_end() == -number
    assert top.is_restored()


def test_ctrl_c_restores_the_terminal(top):
    top.press("ctrl-c")
    assert top.await_end() == -signal.SIGINT
    assert top.is_restored()


def test_a_crash_restores_the_terminal(top):
    top.process.send_signal(signal.SIGSEGV)
    assert top.await_end() == -signal.SIGSEGV
    assert top.is_restored()


def test_stopping_restores_the_terminal_and_going_on_draws_anew():
    # Ctrl-Z does not stop the leader of a session, but it does a shell's job.
    with Terminal(command=["bash", "--norc", "-i"],
                  env={"PS1": "ready> "}) as shell:
        shell.await_screen("ready>")
        shell.press(f"{TOOLS}/gcshim-top -d 0.2", "enter")
        shell.await_screen("F10Quit")
        shell.press("ctrl-z")
        shell.await_screen("Stopped")
        shell.await_output(LEAVE, but_not=ENTER)
        shell.await_output(DEAF, but_not=LISTEN)
        shell.press("stty -a", "enter")
        assert " icanon " in shell.await_screen(" icanon ")
        shell.press("fg", "enter")
        shell.await_screen(lambda t: "F10Quit" in t and "icanon" not in t)
        shell.await_output(LISTEN, but_not=DEAF)
        shell.press("q")
        shell.await_output(LEAVE, but_not=ENTER)
        shell.press("echo status=$?", "enter")
        shell.await_screen("status=0")


def test_the_end_of_the_terminal_is_the_end(top):
    os.close(top.master)
    os.close(top.slave)
    top.master = top.slave = None
    await_that(lambda: top.process.poll() is not None, "its end")


def test_a_dumb_terminal_is_refused_in_one_line():
    for name in ("dumb", "no-such-terminal"):
        with Terminal(env={"TERM": name}) as top:
            assert top.await_end() == 1
            lines = top.output.decode().splitlines()
            assert len(lines) == 1 and "-b" in lines[0]
            assert "\x1b" not in lines[0]


def colours(top):
    return {(cell.fg, cell.bg) for row in top.screen.buffer.values()
            for cell in row.values()}


def test_colours_are_left_out_on_request(two):
    with Terminal("-p", pids(two)) as top:
        top.await_screen("F10Quit")
        assert colours(top) != {("default", "default")}
    with Terminal("-p", pids(two), env={"NO_COLOR": "1"}) as top:
        top.await_screen("F10Quit")
        assert colours(top) == {("default", "default")}


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_names_are_shown_as_the_locale_allows(locale):
    name = "Gr\u00fc\u00dfe".encode()
    with segment_file("gcshim.test.name",
                      segment_bytes(os.getpid(), comm=name, ended_ns=1)):
        with Terminal("-p", os.getpid(), env={"LC_ALL": locale}) as top:
            top.await_screen("Gr\u00fc\u00dfe" if locale == "C.UTF-8"
                             else "Gr??e")


def test_no_name_reaches_the_terminal_raw():
    evil = b"\x1b[31m\x9b2J\x07evil"
    with segment_file("gcshim.test.evil",
                      segment_bytes(os.getpid(), comm=evil, ended_ns=1)):
        with Terminal("-p", os.getpid()) as top:
            top.await_screen("evil")
            assert b"\x07" not in top.output
            assert b"\x1b[31m" not in top.output
            assert b"\x9b" not in top.output


def test_refusals_are_counted_and_explained():
    with segment_file("gcshim.test.bad", b"x" * 8192), Terminal() as top:
        top.await_screen("refused (F1)")
        top.press("h", "end")
        top.await_screen("gcshim.test.bad is not a segment")


def test_n_refreshes_end_it_here_too(two):
    with Terminal("-p", pids(two), "-n", "2", "-d", "0.1") as top:
        assert top.await_end() == 0
        assert top.is_restored()
