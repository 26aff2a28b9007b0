"""The GCSHIM_ variables: what each does, and that a bad one costs a line on
stderr and nothing else."""

import re
import socket
import time

import pytest

from conftest import (PROGRAMS, SHIM, Conversation, document, run_shimmed,
                      run_tool, segments)
from segment import Segment

KEYS = ["disable", "keep", "children", "report", "confirm", "help", "gc",
        "gc_major_collect", "gc_growth", "gc_min", "gc_max", "gc_max_delta",
        "gc_debug"]


def echo(settings=None, **env):
    return run_shimmed(["/bin/echo", "hello"], settings=settings, env=env)


def kept(action):
    """Runs action; returns its result and the segments that it left, by
    their content, and removes them."""
    before = set(segments())
    result = action()
    paths = sorted(set(segments()) - before)
    try:
        return result, [Segment(path) for path in paths]
    finally:
        for path in paths:
            path.unlink()


def assert_one_warning(done, *words, result=(0, "hello\n")):
    assert (done.returncode, done.stdout) == result
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("gcshim: ")
    for word in words:
        assert word.lower() in lines[0].lower()


def test_without_variables_nothing_is_said():
    done = echo()
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


def test_an_unknown_variable_is_one_warning():
    assert_one_warning(echo({"foo": 1}), "GCSHIM_FOO", *KEYS)


def test_an_unknown_key_in_the_list_is_one_warning():
    assert_one_warning(echo(GCSHIM="foo:1"), "foo")


@pytest.mark.parametrize("key, value, takes", [
    ("keep", "maybe", ["0", "1"]), ("keep", "", ["0", "1"]),
    ("keep", "-1", ["0", "1"]), ("disable", "yes please", ["0", "1"]),
    ("confirm", "2", ["0", "1"]), ("help", "x" * 5000, ["0", "1"]),
])
def test_a_bad_value_is_one_warning_that_says_what_it_takes(key, value, takes):
    assert_one_warning(echo({key: value}), f"GCSHIM_{key.upper()}",
                       value[:20], *takes)


@pytest.mark.parametrize("key, value, takes", [
    ("gc", "foo", ["off", "observe", "pace"]),
    ("gc", "1", ["off", "observe", "pace"]),
    ("gc", "", ["off", "observe", "pace"]),
    ("gc_max", "12XB", ["200MB", "1.6GB"]),
    ("gc_max", "-5", ["200MB", "1.6GB"]),
    ("gc_max", "9999999999GB", ["200MB", "1.6GB"]),
    ("gc_min", "lots", ["64KiB", "200MB"]),
    ("gc_max_delta", "1,5", ["200MB"]),
    ("gc_growth", "1.0", ["a factor above 1"]),
    ("gc_growth", "1.4.4", ["a factor above 1"]),
    ("gc_major_collect", "0.9", ["a factor above 1"]),
    ("gc_major_collect", "many", ["a factor above 1"]),
    ("gc_debug", "on", ["0", "1"]),
])
def test_a_bad_value_about_collections_is_one_warning(key, value, takes):
    assert_one_warning(echo({key: value}), f"GCSHIM_{key.upper()}={value}:",
                       *takes)


def test_good_values_about_collections_are_silent_and_in_force():
    done, (segment,) = kept(lambda: echo({
        "keep": 1, "gc": "pace", "gc_min": "64KiB", "gc_max": "1.6GB",
        "gc_max_delta": "200MB", "gc_growth": "1.1", "gc_debug": 1,
        "gc_major_collect": 2}))
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("gc:pace", "gc_min:64KiB", "gc_max:1.6GB", "gc_growth:1.1",
                 "gc_max_delta:200MB", "gc_debug:1", "gc_major_collect:2"):
        assert part in segment.settings.split(",")


def test_a_bad_value_leaves_the_default():
    done, left = kept(lambda: echo({"keep": "maybe"}))
    assert done.returncode == 0 and not left


@pytest.mark.parametrize("text", ["keep", "keep:", ":", ",", "keep:1:2",
                                  "keep=1", ",,,keep:maybe"])
def test_a_malformed_list_never_stops_the_program(text):
    done, _ = kept(lambda: echo(GCSHIM=text))
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert len(done.stderr.splitlines()) <= 1
    if text not in (",", ""):
        assert done.stderr.startswith("gcshim: ")


def test_similar_names_are_nobodys_business():
    done = echo(GCSHIMMER="1", XGCSHIM_FOO="1")
    assert (done.returncode, done.stderr) == (0, "")


def test_keep_leaves_the_segment_with_its_last_figures():
    done, left = kept(lambda: echo({"keep": 1}))
    assert done.returncode == 0 and done.stderr == ""
    segment, = left
    assert segment.comm == "echo"
    assert segment.ended_ns > segment.created_ns > 0
    assert segment.total.allocated_bytes > 0
    assert "keep:1" in segment.settings.split(",")


def test_keep_works_in_the_list_too():
    done, left = kept(lambda: echo(GCSHIM="keep:1,confirm:0"))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(left) == 1


def test_a_kept_segment_is_shown_as_dead():
    before = set(segments())
    echo({"keep": 1})
    path, = set(segments()) - before
    try:
        shown = document(int(path.name.split(".")[1]))
        assert shown["state"] == "dead" and shown["comm"] == "echo"
        assert shown["resident_bytes"] is None and shown["rss_bytes"] is None
        assert shown["used_bytes"] == Segment(path).total.used_bytes
    finally:
        path.unlink()


def test_keep_of_a_process_id_keeps_only_that_process():
    script = 'export GCSHIM_KEEP=$$; /bin/echo other; exec /bin/echo hello'
    done, left = kept(lambda: run_shimmed(["/bin/bash", "-c", script]))
    assert (done.returncode, done.stdout, done.stderr) == \
        (0, "other\nhello\n", "")
    assert [s.comm for s in left] == ["echo"]


REPORT_LINES = ["memory used", "memory allocated", "handed out", "freed"]


def assert_report(text, name="echo"):
    assert re.match(rf"gcshim: {name} \(pid \d+\)\n", text), text
    for words in REPORT_LINES:
        assert re.search(rf"^ +{words} +\d", text, re.M), text


def test_report_goes_to_stderr():
    done = run_shimmed([PROGRAMS / "life", "exit"],
                       settings={"report": "stderr"})
    assert (done.returncode, done.stdout) == (5, "")
    assert_report(done.stderr, "life")


def test_report_of_a_program_that_closes_stderr_at_its_exit():
    """As all of coreutils does, by atexit."""
    done = echo({"report": "stderr"})
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert_report(done.stderr)


@pytest.mark.parametrize("how", ["exit", "_exit", "_Exit", "quick_exit"])
def test_report_is_given_at_every_normal_end(how):
    done = run_shimmed([PROGRAMS / "life", how],
                       settings={"report": "stderr"})
    assert done.returncode == 5
    assert_report(done.stderr, "life")


def test_report_goes_to_a_path_with_its_letters(tmp_path):
    before = int(time.time())
    done = echo({"report": f"{tmp_path}/%e-%p-%h-%t-%%"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")
    file, = tmp_path.iterdir()
    found = re.fullmatch(r"echo-(\d+)-(.*)-(\d+)-%", file.name)
    assert found and found[2] == socket.gethostname()
    assert before <= int(found[3]) <= time.time() + 1
    assert f"(pid {found[1]})" in file.read_text()
    assert_report(file.read_text())


def test_each_process_reports_to_its_own_path(tmp_path):
    script = "/bin/echo one; /bin/echo two"
    done = run_shimmed(["/bin/sh", "-c", script],
                       settings={"report": f"{tmp_path}/%e.%p"})
    assert (done.returncode, done.stderr) == (0, "")
    names = sorted(p.name.split(".")[0] for p in tmp_path.iterdir())
    assert [n for n in names if n == "echo"] == ["echo", "echo"]


def test_a_report_that_cannot_be_written_is_one_warning(tmp_path):
    done = run_shimmed([PROGRAMS / "life", "exit"],
                       settings={"report": f"{tmp_path}/no/such/file"})
    assert_one_warning(done, "no/such/file", result=(5, ""))


def test_report_follows_no_symbolic_link_of_a_programs_name(tmp_path):
    """%e is the program's to choose: a slash in it leads nowhere."""
    (tmp_path / "out").mkdir()
    code = ("import ctypes\n"
            "ctypes.CDLL(None).prctl(15, b'../../x', 0, 0, 0)\n")
    done = run_shimmed(["/usr/bin/python3", "-c", code],
                       settings={"report": f"{tmp_path}/out/%e"})
    assert done.returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_disable_publishes_nothing():
    with Conversation([PROGRAMS / "life", "hold", "exit"],
                      settings={"disable": 1}) as program:
        program.hear()
        assert not segments(program.pid)
        program.say()
        assert program.end() == (5, "", "")


def test_disable_still_gives_the_programs_memory():
    done = run_shimmed([PROGRAMS / "edges", "realloc_of_aligned"],
                       settings={"disable": 1})
    assert "NULL" not in done.stderr and "overlap" not in done.stderr


def test_confirm_prints_every_setting_and_where_it_came_from():
    done, left = kept(lambda: echo({"confirm": 1}, GCSHIM="keep:1"))
    assert (done.returncode, done.stdout) == (0, "hello\n")
    lines = {key: [line for line in done.stderr.splitlines()
                   if re.search(rf"\b{key}\b", line)] for key in KEYS}
    for key in KEYS:
        assert lines[key], f"{key} is not in: {done.stderr}"
    assert any("default" in line for line in lines["disable"])
    assert any("GCSHIM_CONFIRM" in line for line in lines["confirm"])
    assert any("GCSHIM" in line and "1" in line for line in lines["keep"])
    assert len(left) == 1


def test_help_lists_every_key_and_runs_on():
    done = echo({"help": 1})
    assert (done.returncode, done.stdout) == (0, "hello\n")
    for key in KEYS:
        assert re.search(rf"\b(GCSHIM_)?{key}\b", done.stderr, re.I)


def test_settings_are_read_once_at_the_start():
    """A program that changes its environment later changes nothing."""
    code = ("import os\n"
            "os.environ['GCSHIM_KEEP'] = '1'\n"
            "os.environ['GCSHIM_FOO'] = '1'\n")
    done, left = kept(lambda: run_shimmed(["/usr/bin/python3", "-c", code]))
    assert (done.returncode, done.stderr, left) == (0, "", [])


# The environment of a child, what stands in /dev/shm of it and of its parent.
CHILD = """
import glob, os, subprocess
print(subprocess.run(["env"], capture_output=True, text=True).stdout
      .count("libgcshim"))
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    kept = [bytearray(100000) for _ in range(1000)]
    os.write(writer, b"%d" % len(glob.glob(f"/dev/shm/gcshim.{os.getpid()}.*")))
    os._exit(0)
os.waitpid(child, 0)
print(os.read(reader, 1).decode(),
      len(glob.glob(f"/dev/shm/gcshim.{os.getpid()}.*")))
"""


@pytest.mark.parametrize("settings, seen", [
    ({}, "1\n1 1\n"), ({"children": 1}, "1\n1 1\n"),
    ({"children": 0}, "0\n0 1\n")])
def test_children_are_left_out_on_request(settings, seen):
    done = run_shimmed(["/usr/bin/python3", "-c", CHILD], settings=settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, seen, "")


def test_a_child_that_is_left_out_gives_no_report():
    done = run_shimmed(["/bin/sh", "-c", "(:); /bin/true; (exit 3); exit 4"],
                       settings={"children": 0, "report": "stderr"})
    assert done.returncode == 4
    assert len(re.findall("^gcshim: ", done.stderr, re.M)) == 1


@pytest.mark.parametrize("before, left", [
    ("%s", None), ("%s:", None), (":%s: %s", None), ("%s:libm.so.6",
     "libm.so.6"), ("libm.so.6 %s", "libm.so.6"),
    ("libm.so.6:%s libdl.so.2", "libm.so.6:libdl.so.2")])
def test_other_preloaded_libraries_stay_with_the_children(before, left):
    code = "import os; print(os.environ.get('LD_PRELOAD'))"
    done = run_shimmed(
        ["/usr/bin/python3", "-c", code], settings={"children": 0},
        env={"LD_PRELOAD": before.replace("%s", str(SHIM))})
    assert (done.stdout, done.stderr) == (f"{left}\n", "")

def test_gcshim_run_passes_a_programs_output_through():
    done = run_tool("gcshim-run", "--report", "--", "/bin/sh", "-c",
                    "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout) == (7, "out\n")
    assert done.stderr.startswith("err\n")
    assert re.search(r"^gcshim: sh \(pid \d+\)", done.stderr, re.M)
    assert re.search(r"^ +memory used +\d", done.stderr, re.M)
    assert re.search(r"^ +memory allocated +\d", done.stderr, re.M)
