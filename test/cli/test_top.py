"""gcshim-top -b: what it prints, and what it exits with."""

import contextlib
import json
import os
import pathlib
import re
import struct
import subprocess
import time

import pytest

from conftest import ROOT, TOOLS, await_that, document, plain_env, run_tool, segments
from forge import segment_bytes, segment_file
from programs import OUTSIDE, Holder, Puppet

MIB = 1 << 20


def batch(*args, **kwargs):
    return run_tool("gcshim-top", "-b", "-n", "1", *args, **kwargs)


@pytest.fixture(name="holder")
def a_holder():
    with Holder(64) as holder:
        yield holder


@pytest.fixture(name="living")
def somebody_elses_process():
    """A process of uid 4242 that does nothing."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with subprocess.Popen(["sleep", "1000"], user=4242, group=4242,
                          env={}) as process:
        yield process.pid
        process.kill()


# ---------------------------------------------------------------- figures

def test_a_process_is_shown_with_what_it_uses(holder):
    shown = document(holder.pid)
    assert shown["state"] == "live"
    assert shown["uid"] == os.geteuid()
    assert 64 * MIB <= shown["used_bytes"] < 80 * MIB
    assert shown["used_bytes"] <= shown["allocated_bytes"]
    assert shown["used_peak_bytes"] >= shown["used_bytes"]
    assert shown["allocated_peak_bytes"] >= shown["allocated_bytes"]
    assert shown["rss_bytes"] >= shown["resident_bytes"] > 0
    assert shown["used_bytes"] == (shown["allocated_total_bytes"]
                                   - shown["freed_total_bytes"])


def test_used_is_of_now_not_of_the_last_tick(holder):
    before = document(holder.pid)["used_bytes"]
    holder.take(10)
    # Python itself may free a little meanwhile.
    assert document(holder.pid)["used_bytes"] - before >= 9 * MIB


def test_threads_have_names_and_states(holder):
    threads = document(holder.pid)["threads"]
    first = [t for t in threads if t["tid"] == holder.pid]
    assert len(first) == 1
    assert first[0]["name"] == pathlib.Path(
        f"/proc/{holder.pid}/comm").read_text(encoding="utf-8").strip()
    assert first[0]["state"] in "RSD"


def test_what_cannot_be_known_is_null(holder):
    shown = document(holder.pid)
    for field in ("baseline", "gc"):
        assert field in shown and shown[field] is None
    assert "history" not in shown


def test_the_mappings_are_read_for_every_process_of_a_document(holder):
    with Holder(8) as other:
        done = batch("--json", "-p", f"{holder.pid},{other.pid}")
    for shown in json.loads(done.stdout)["processes"]:
        assert shown["verdict"] and shown["evidence"]
        assert shown["mappings"]["outside_bytes"] == shown["outside_bytes"] > 0


def test_the_table_has_the_verdict_in_a_word():
    with Puppet(*OUTSIDE) as puppet:
        def verdict():
            puppet.do("tick()")
            titles, row = batch("-p", puppet.pid).stdout.splitlines()[3:]
            at = titles.index("VERDICT")
            return row[at:at + 10].strip()
        await_that(lambda: verdict() == "outside", "the verdict")


def test_a_killed_process_is_shown_dead_with_its_last_figures(holder):
    holder.kill()
    shown = document(holder.pid)
    assert shown["state"] == "dead"
    assert shown["used_bytes"] >= 64 * MIB
    assert shown["resident_bytes"] is None
    assert shown["rss_bytes"] is None
    table = batch("-p", holder.pid).stdout.splitlines()
    assert table[-1].split()[2] == "dead"


def test_a_process_that_has_ended_is_not_shown(holder):
    holder.end()
    done = batch("-p", holder.pid)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 4


# ------------------------------------------------------------------ table

def test_the_table_has_a_row_for_each_process(holder):
    with Holder(8) as other:
        lines = batch("-p", f"{holder.pid},{other.pid}").stdout.splitlines()
    assert lines[0].startswith("gcshim-top - ")
    assert "2 processes" in lines[0]
    assert lines[3].split()[:4] == ["PID", "USER", "S", "USED"]
    assert [int(row.split()[0]) for row in lines[4:]] == [holder.pid,
                                                          other.pid]


def test_the_table_can_be_sorted_by_any_column(holder):
    names = [line.split()[0]
             for line in run_tool("gcshim-top", "-s", "help").stdout
             .splitlines()]
    assert "used" in names and "command" in names
    with Holder(8) as other:
        pids = f"{holder.pid},{other.pid}"
        for name in names:
            assert batch("-s", name, "-p", pids).returncode == 0
        rows = batch("-s", "pid", "-p", pids).stdout.splitlines()[4:]
    assert [int(row.split()[0]) for row in rows] == sorted(
        [holder.pid, other.pid])


def test_threads_are_shown_under_their_process(holder):
    without = batch("-p", holder.pid).stdout.splitlines()
    with_them = batch("-H", "-p", holder.pid).stdout.splitlines()
    assert len(with_them) > len(without)
    assert int(with_them[5].split()[0]) == holder.pid
    comm = pathlib.Path(f"/proc/{holder.pid}/comm").read_text(encoding="utf-8")
    assert with_them[5].split()[-1] == comm.strip()


def test_refreshes_go_on_for_n_times(holder):
    began = time.monotonic()
    done = run_tool("gcshim-top", "-b", "-n", "3", "-d", "0.1",
                    "-p", holder.pid)
    assert done.stdout.count("gcshim-top - ") == 3
    assert time.monotonic() - began >= 0.2
    # From the second refresh on there is a growth to be told; there is never
    # a second pid.
    rows = [line for line in done.stdout.splitlines()
            if line.split()[:1] == [str(holder.pid)]]
    assert [row.count(" - ") for row in rows] == [3, 1, 1]


def test_the_output_holds_no_escape_sequence(holder):
    done = batch("-H", "-p", holder.pid, env={"TERM": "xterm-256color"})
    assert "\x1b" not in done.stdout


def test_a_user_is_chosen_by_name_or_number(holder, living):
    with segment_file("gcshim.test.user", segment_bytes(living), 4242):
        mine = json.loads(batch("--json", "-u", "root").stdout)["processes"]
        theirs = json.loads(batch("--json", "-u", "4242").stdout)["processes"]
    assert holder.pid in [p["pid"] for p in mine]
    assert living not in [p["pid"] for p in mine]
    assert [p["pid"] for p in theirs] == [living]


# ------------------------------------------------------------------- JSON

def test_many_refreshes_are_one_document_a_line(holder):
    done = run_tool("gcshim-top", "--json", "-n", "3", "-d", "0.1",
                    "-p", holder.pid)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(documents) == 3
    for each in documents:
        assert each["schema_version"] == 1
        assert each["processes"][0]["pid"] == holder.pid


def test_nothing_to_show_is_an_empty_document_and_status_1():
    done = batch("--json", "-p", 4194304)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"schema_version": 1, "processes": []}
    assert done.stderr == ""


def test_a_full_disk_is_a_failure():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = run_tool("gcshim-top", "-b", "-n", "1", capture_output=False,
                        stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "writing" in done.stderr


# --------------------------------------------------------------- refusals

def refused(name, data, why, **kwargs):
    with segment_file(name, data, **kwargs):
        done = batch()
    lines = [line for line in done.stderr.splitlines() if name in line]
    assert lines == [f"gcshim-top: {name} {why}"]
    assert name not in done.stdout


def test_a_hostile_file_is_refused_in_one_line():
    pid = os.getpid()
    refused("gcshim.test.magic", b"x" * 8192, "is not a segment of gcshim")
    refused("gcshim.test.version", segment_bytes(pid, version=7),
            "has layout version 7, not 1")
    refused("gcshim.test.short", segment_bytes(pid)[:10000],
            "is cut short: 10000 of 2101248 bytes")
    refused("gcshim.test.slots", segment_bytes(pid, slots_high=1 << 60),
            "claims 1152921504606846976 slots of 16384 in use")
    refused("gcshim.test.freed", segment_bytes(pid, freed=1001),
            "has more bytes freed than were allocated")
    refused("gcshim.test.world", segment_bytes(pid, pid_namespace=42),
            "belongs to another pid namespace")


def test_a_file_about_another_users_process_is_refused(living):
    pid = os.getpid()
    refused("gcshim.test.owner", segment_bytes(pid),
            f"is owned by uid 4242, but process {pid} belongs to uid 0",
            owner=4242)
    with segment_file("gcshim.test.owner", segment_bytes(living), 4242):
        assert document(living)["uid"] == 4242


def test_other_users_files_are_passed_over_in_silence(living):
    with segment_file("gcshim.test.root", segment_bytes(os.getpid())):
        with segment_file("gcshim.test.own", segment_bytes(living), 4242):
            done = batch("--json", user=4242, group=4242)
    assert done.stderr == ""
    shown = json.loads(done.stdout)["processes"]
    assert [p["segment"] for p in shown] == ["gcshim.test.own"]


def test_a_link_and_a_pipe_are_refused():
    link, pipe = (pathlib.Path("/dev/shm/gcshim.test." + n)
                  for n in ("link", "pipe"))
    try:
        link.symlink_to("/etc/passwd")
        os.mkfifo(pipe)
        errors = batch(timeout=10).stderr
    finally:
        link.unlink(missing_ok=True)
        pipe.unlink(missing_ok=True)
    assert "gcshim.test.link is a symbolic link\n" in errors
    assert "gcshim.test.pipe is not a regular file\n" in errors


def test_no_name_injects_an_escape_sequence():
    evil = b"\x1b]0;x\x07\x9b31m\n"
    with segment_file("gcshim.test.evil",
                      segment_bytes(os.getpid(), comm=evil, ended_ns=1)):
        done = batch()
        data = batch("--json").stdout
    with segment_file("gcshim.test.\x1b[31m", b""):
        errors = batch().stderr
    for text in (done.stdout, done.stderr, errors):
        assert not set(text) & set("\x1b\x07\x9b")
    assert "?]0;x??31m?" in [p["comm"] for p in json.loads(data)["processes"]]
    assert "gcshim.test.?[31m is no name that gcshim gives" in errors


def test_a_slot_left_odd_is_no_thread():
    with segment_file("gcshim.test.odd",
                      segment_bytes(os.getpid(), epoch=3)):
        shown = document(os.getpid())
    assert shown["threads"] == []
    assert shown["dropped"] == 1
    assert shown["used_bytes"] == 600


def test_segments_that_come_and_go_do_no_harm():
    """A reader beside many short programs sees no error and no ghost."""
    with subprocess.Popen(
            ["sh", "-c", "for i in $(seq 150); do /bin/true; done"],
            env={**plain_env(), "LD_PRELOAD": str(
                TOOLS.parent / "shim" / "libgcshim.so")}) as many:
        while many.poll() is None:
            done = batch("--json")
            assert done.stderr == ""
            states = [p["state"] for p in json.loads(done.stdout)["processes"]
                      if p["comm"] == "true"]
            assert "dead" not in states
    assert segments(many.pid) == []


# ------------------------------------------------------------------ usage

@pytest.mark.parametrize("args, says", [
    (["-n", "0"], "-n"), (["-n", "x"], "-n"), (["-d", "0"], "-d"),
    (["-d", "-1"], "-d"), (["-d", "nan"], "-d"), (["-p", "0"], "-p"),
    (["-p", ""], "-p"), (["-p", "1,,2"], "-p"), (["-p", "x"], "-p"),
    (["-u", "nobody-of-this-name"], "-u"), (["-s", "nonsense"], "-s"),
    (["--nonsense"], "nonsense"), (["too-much"], "too-much")])
def test_a_mistake_is_one_line_and_status_2(args, says):
    done = run_tool("gcshim-top", *args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_help_and_version_go_to_stdout():
    done = run_tool("gcshim-top", "-h")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("-b", "-n", "-d", "-p", "-u", "-s", "-H", "--json"):
        assert option in done.stdout
    done = run_tool("gcshim-top", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gcshim-top (gcshim) 0.")


def test_the_man_page_and_the_completion_know_every_option_and_column():
    man = (ROOT / "docs" / "man" / "gcshim-top.1").read_text(encoding="utf-8")
    completion = (ROOT / "docs" / "completion" / "gcshim").read_text(
        encoding="utf-8")
    options = re.findall(r"^ .*--([a-z-]+)", run_tool("gcshim-top", "-h").stdout,
                         re.M)
    assert len(options) >= 12
    for option in options:
        assert re.search(rf"(Fl|,) -{option}\b", man), option
        assert f"--{option}" in completion
    titles = batch("-t").stdout.splitlines()[3]
    assert "FAM USED" in titles
    for title in titles.split() + ["HISTORY", "CHANGE"]:
        assert re.search(rf"^\.It .*\b{title}\b", man, re.M), title


def test_without_a_terminal_it_says_so():
    done = run_tool("gcshim-top", stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "-b" in done.stderr


def stray(pid, **changes):
    """A segment about a process that is no more."""
    data = bytearray(segment_bytes(os.getpid(), start_time=1, **changes))
    struct.pack_into("<I", data, 24, pid)
    return data


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_masses_of_strangers_dead_files_are_cut_off():
    """Anybody can write them; 256 are shown, and the rest is counted."""
    nobody = 65534
    with contextlib.ExitStack() as files:
        for pid in range(4_200_000, 4_200_300):
            files.enter_context(segment_file(f"gcshim.{pid}.1.1", stray(pid),
                                             owner=nobody))
        done = batch("--json", "-u", nobody)
    assert len(json.loads(done.stdout)["processes"]) == 256
    assert "44 more files are not shown" in done.stderr


def test_a_file_left_over_by_a_process_that_ended_well_is_no_dead_process():
    for flags, shown in [(0, 1), (1, 0)]:
        with segment_file("gcshim.4200000.1.1", stray(4_200_000, flags=flags)):
            done = batch("--json", "-p", 4_200_000)
        assert len(json.loads(done.stdout)["processes"]) == shown
        assert done.stderr == ""
