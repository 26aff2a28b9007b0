"""gcshim-record: what a recording holds, how it is bounded, how it ends."""

import json
import os
import re
import resource
import signal
import subprocess
import sys

import pytest

from conftest import (TOOLS, Conversation, await_that, plain_env, run_tool,
                      segments)
from programs import Holder, Puppet
from terminal import Terminal
from test_containers import NAMED, Container

RECORD = TOOLS / "gcshim-record"
MIB = 1 << 20
INNER = (sys.executable, "-c")

# Takes and gives back so many MiB in one block, in no time.
PEAK = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.free(libc.malloc(ctypes.c_size_t(300 << 20)))
"""


def record(*args, **kwargs):
    return run_tool("gcshim-record", *args, **kwargs)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def of_kind(path, kind):
    return [line for line in lines_of(path) if line["kind"] == kind]


def samples_of(path):
    return of_kind(path, "sample")


def whole_lines(path):
    """Those that are there now, while it is still written to."""
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in text[:text.rfind("\n") + 1]
            .splitlines()]


class Recorder:
    """gcshim-record on a process, as a child that is told when to end."""

    def __init__(self, path, *args):
        self.path = path
        self.process = subprocess.Popen(
            [RECORD, "-i", "0.01", "-o", path, *map(str, args)],
            env=plain_env(), stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def await_line(self, condition, what):
        return await_that(
            lambda: next((line for line in whole_lines(self.path)
                          if condition(line)), None), what)

    def await_samples(self, count=3):
        await_that(lambda: sum(line["kind"] == "sample" for line in
                               whole_lines(self.path)) >= count, "samples")

    def end(self, number=None):
        """(status, errors) after a signal, or after its own end."""
        if number:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@pytest.fixture(name="file")
def a_file(tmp_path):
    return tmp_path / "recording.jsonl"


# -------------------------------------------------------------- its figures

def test_what_is_recorded_is_what_gcshim_stat_tells(file):
    with Puppet("held = take(10, 3 << 20)", "tick()") as puppet:
        with Recorder(file, puppet.pid) as recorder:
            recorder.await_samples()
            status, _ = recorder.end(signal.SIGINT)
        told = json.loads(run_tool("gcshim-stat", "--json",
                                   puppet.pid).stdout)["processes"][0]
    assert status == 0
    last = samples_of(file)[-1]
    for field in ("used_bytes", "used_peak_bytes", "allocated_bytes",
                  "allocated_peak_bytes", "cached_bytes", "full_page_bytes",
                  "huge_bytes", "huge_blocks", "huge_unlisted",
                  "fragmented_bytes", "unreturned_bytes", "orphaned_bytes",
                  "overhead_bytes", "dropped", "allocated_total_bytes",
                  "freed_total_bytes", "allocated_total_blocks",
                  "freed_total_blocks", "state"):
        assert last[field] == told[field], field
    assert last["thread_count"] == len(told["threads"])
    assert last["verdict"] in (told["verdict"], None)
    assert abs(last["rss_bytes"] - told["rss_bytes"]) < MIB
    assert of_kind(file, "classes")[-1]["size_classes"] \
        == told["size_classes"]
    program, = of_kind(file, "process")
    assert program["pid"] == puppet.pid
    assert program["comm"] == told["comm"]


def test_a_step_of_used_is_seen_when_it_happens(file):
    with Holder(8) as holder, Recorder(file, holder.pid) as recorder:
        recorder.await_samples()
        holder.take(64)
        grown = recorder.await_line(
            lambda line: line.get("used_bytes", 0) >= 72 * MIB, "the step")
        recorder.end(signal.SIGINT)
    samples = samples_of(file)
    assert 8 * MIB <= samples[0]["used_bytes"] < 10 * MIB
    assert grown["used_bytes"] < 74 * MIB
    times = [sample["time_s"] for sample in samples]
    assert times == sorted(times)


def test_a_peak_between_two_samples_is_not_lost(file):
    done = record("-i", "100", "-o", file, "--", *INNER, PEAK)
    assert done.returncode == 0, done.stderr
    samples = samples_of(file)
    assert max(s["used_bytes"] for s in samples) < 200 * MIB
    assert max(s["used_max_bytes"] for s in samples) >= 300 * MIB
    assert "used at most 3" in done.stderr


def test_collections_are_recorded_one_by_one(file):
    with Puppet("gc.disable()", settings={"gc": "observe"}) as puppet:
        puppet.do("gc.collect()")
        with Recorder(file, puppet.pid) as recorder:
            recorder.await_samples()
            puppet.do("litter(100, 100000)", "gc.collect()",
                      "for _ in range(20): gc.collect(0)")
            await_that(lambda: sum(line["kind"] == "gc" for line in
                                   whole_lines(file)) >= 21, "all of them")
            told = json.loads(run_tool("gcshim-stat", "--json", puppet.pid)
                              .stdout)["processes"][0]["gc"]["events"]
            recorder.end(signal.SIGINT)
    events = of_kind(file, "gc")
    assert len(events) == 21
    for event, of_stat in zip(events, told[-21:]):
        for field in ("begin_ns", "generation", "pause_ns", "used_before",
                      "used_after", "objects", "asked_by", "tid"):
            assert event[field] == of_stat[field], field
        assert event["runtime"].startswith("cpython 3.")
        assert event["collections"] == 1
    assert events[0]["freed_bytes_sum"] >= 100 * 100000


def test_collections_that_came_too_fast_are_told_of(file):
    with Puppet(settings={"gc": "observe"}) as puppet, \
            Recorder(file, "-i", "3600", puppet.pid) as recorder:
        recorder.await_samples(1)
        puppet.do("for _ in range(600): gc.collect(0)")
        puppet.say("sys.exit(0)")
        status, _ = recorder.end()
        assert status == 0
    events = of_kind(file, "gc")
    gap, = of_kind(file, "gap")
    before, last = samples_of(file)[0], samples_of(file)[-1]
    assert len(events) == 512
    assert gap["collections"] + 512 == sum(
        last[f"gc_collections_{n}"] - (before[f"gc_collections_{n}"] or 0)
        for n in range(3))


# --------------------------------------------------------------- its bound

def test_the_file_stays_within_its_bound_and_keeps_the_peak(file):
    with Puppet() as puppet, \
            Recorder(file, "--max-size=256KiB", "-i", "0.005", puppet.pid) \
            as recorder:
        recorder.await_samples()
        puppet.do("held = take(1, 100 << 20)", "drop(held)")
        def thinned():
            assert file.stat().st_size <= 256 << 10
            return any(line.get("samples", 1) > 3
                       for line in whole_lines(file))
        await_that(thinned, "thinning", seconds=60)
        assert recorder.end(signal.SIGINT)[0] == 0
    assert file.stat().st_size <= 256 << 10
    assert max(s["used_max_bytes"] for s in samples_of(file)) >= 100 * MIB
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_a_killed_recorder_leaves_what_it_had(file):
    with Holder(8) as holder, Recorder(file, holder.pid) as recorder:
        recorder.await_samples()
        assert recorder.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert len([line for line in whole_lines(file)
                if line["kind"] == "sample"]) >= 3
    assert not of_kind(file, "end")


# ---------------------------------------------------------------- its end

def test_ctrl_c_ends_it_in_good_order(file):
    with Holder(8) as holder, Recorder(file, holder.pid) as recorder:
        recorder.await_samples()
        status, errors = recorder.end(signal.SIGINT)
    assert status == 0
    last = lines_of(file)[-1]
    assert (last["kind"], last["reason"], last["status"]) \
        == ("end", "interrupted", None)
    assert re.fullmatch(
        r"gcshim-record: \S+ \(pid %d\), [\d.]+ s: used at most [89]\.\d MiB, "
        r"allocated \S+ MiB, 0 collections; \d+ points, \S+ KiB in %s\n"
        % (holder.pid, re.escape(str(file))), errors)


@pytest.mark.parametrize("how", ["by itself", "killed"])
def test_the_last_figures_are_those_at_the_end(file, how):
    with Puppet() as puppet, Recorder(file, "-i", "3600", puppet.pid) \
            as recorder:
        recorder.await_samples(1)
        puppet.do("held = take(1, 40 << 20)")
        if how == "killed":
            puppet.kill()
        else:
            puppet.say("import os; os._exit(0)")
        # A sample is far off: what it sees must wake it up.
        status, _ = recorder.end()
    assert status == 0
    assert lines_of(file)[-1]["reason"] == "ended"
    last = samples_of(file)[-1]
    assert last["state"] == "dead"
    assert last["used_bytes"] >= 40 * MIB
    assert last["resident_bytes"] is None


def test_an_exec_goes_on_as_another_program(file):
    argv = ["/usr/bin/python3", "-c",
            "import os, sys\nprint('ready', flush=True)\nsys.stdin.readline()\n"
            "os.execv('/bin/cat', ['cat'])"]
    with Conversation(argv) as speaker:
        assert speaker.hear() == "ready"
        with Recorder(file, speaker.pid) as recorder:
            recorder.await_samples()
            speaker.say()
            recorder.await_line(lambda line: line.get("comm") == "cat",
                                "the other program")
            speaker.process.terminate()
            assert recorder.end()[0] == 0
    programs = of_kind(file, "process")
    assert [p["comm"] for p in programs] == ["python3", "cat"]
    assert {p["pid"] for p in programs} == {speaker.pid}
    before = [s for s in samples_of(file)
              if s["time_s"] <= programs[1]["time_s"]]
    assert before[-1]["state"] == "dead"
    assert samples_of(file)[-1]["used_bytes"] < before[-1]["used_bytes"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a container")
def test_a_process_in_a_container_is_recorded_to_its_end(file):
    with Container(sys.executable, "-c", NAMED) as container, \
            Recorder(file, container.pid) as recorder:
        recorder.await_samples()
        pid = container.pid
        container.end_program()
        assert recorder.end()[0] == 0
    assert of_kind(file, "process")[0]["pid"] == pid
    last = samples_of(file)[-1]
    assert last["state"] == "dead"
    assert last["used_peak_bytes"] >= 24 * MIB


def test_it_ends_after_its_duration(file):
    with Holder(8) as holder:
        done = record("-d", "0.05", "-i", "0.01", "-o", file, holder.pid)
    assert done.returncode == 0
    assert lines_of(file)[-1]["reason"] == "duration"


# ------------------------------------------------------------ with a command

def test_the_programs_status_and_output_come_through(file):
    done = record("-o", file, "--", "sh", "-c", "cat; exit 7", input="hello")
    assert (done.returncode, done.stdout) == (7, "hello")
    end = lines_of(file)[-1]
    assert (end["reason"], end["status"]) == ("exited", 7)
    done = record("-q", "-o", file, "--", "sh", "-c", "kill -9 $$")
    assert (done.returncode, done.stderr) == (137, "")
    end = lines_of(file)[-1]
    assert (end["reason"], end["status"]) == ("killed", 137)


def test_what_cannot_be_run_is_127_or_126(file):
    done = record("-o", file, "no-such-program")
    assert (done.returncode, done.stderr) == (
        127, "gcshim-record: no-such-program: No such file or directory\n")
    assert record("-o", file, "--", "/etc/passwd").returncode == 126


def test_a_short_program_has_its_last_figures(file):
    done = record("-o", file, "--", *INNER,
                  "import os; x = bytes(50 << 20); os._exit(0)")
    assert done.returncode == 0
    assert samples_of(file)[-1]["used_bytes"] >= 50 * MIB


def test_nothing_is_left_behind_unless_it_is_to_be_kept(file):
    before = set(segments())
    assert record("-o", file, "--", "true").returncode == 0
    assert set(segments()) == before
    record("-o", file, "--keep", "--", "true")
    kept, = set(segments()) - before
    kept.unlink()


def test_options_of_gcshim_run_are_taken(file):
    done = record("-q", "-o", file, "--gc=observe", "--set", "report:stderr",
                  "--", *INNER, "import gc; gc.collect()")
    assert done.returncode == 0
    assert "memory" in done.stderr
    assert of_kind(file, "gc")


def test_the_duration_ends_the_recording_not_the_program(file):
    done = record("-d", "0.02", "-i", "0.01", "-o", file, "--", *INNER,
                  "import time; time.sleep(0.3); print('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert lines_of(file)[-1]["reason"] == "duration"


def test_a_number_behind_two_dashes_is_a_command(file):
    done = record("-o", file, "--", "4711")
    assert done.returncode == 127


def test_a_program_without_the_shim_is_told_of(file, tmp_path):
    source = tmp_path / "static.c"
    source.write_text("int main(void) { return 3; }\n")
    subprocess.run(["gcc", "-static", "-o", tmp_path / "static", source],
                   check=True)
    done = record("-o", file, "--", tmp_path / "static")
    assert done.returncode == 3
    assert "static" in done.stderr.splitlines()[0]
    assert "nothing was recorded" in done.stderr.splitlines()[-1]


# -------------------------------------------------------------- terminal

def test_a_terminal_shows_progress_and_ctrl_c_reaches_the_program(file):
    script = ("import signal, sys, time\n"
              "signal.signal(signal.SIGINT, lambda *_: sys.exit(5))\n"
              "x = bytes(50 << 20)\n"
              "while True: time.sleep(0.01)")
    argv = [str(RECORD), "-i", "0.02", "-o", str(file), *INNER, script]
    with Terminal(command=argv, cols=100) as terminal:
        text = terminal.await_screen(
            lambda text: re.search(r"used 5\d\.\d MiB", text), "50 MiB")
        line = next(l for l in text.splitlines() if "used" in l)
        assert re.match(r"[\d.]+ s  used 5\S+ MiB  allocated \S+ MiB", line)
        terminal.press("ctrl-c")
        assert terminal.await_end() == 5
    assert lines_of(file)[-1]["status"] == 5


def test_no_progress_where_there_is_no_terminal(file):
    with Holder(8) as holder:
        done = record("-d", "0.6", "-o", file, holder.pid)
    assert "\r" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -------------------------------------------------------------- mistakes

@pytest.mark.parametrize("pid, says", [
    (4194304, "there is no process 4194304, nor an account of a dead one"),
    (1, "process 1 does not run under gcshim")])
def test_a_process_that_is_not_to_be_had_is_one_line(file, pid, says):
    done = record("-o", file, pid)
    assert (done.returncode, done.stderr) == (1, f"gcshim-record: {says}\n")
    assert not file.exists()


def test_a_dead_process_is_one_line(file):
    with Holder(8) as holder:
        holder.kill()
        done = record("-o", file, holder.pid)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"gcshim-record: process {holder.pid} has ended ")


@pytest.mark.parametrize("args, says", [
    ([], "-o"), (["-o", "x"], "no process id"), (["-i", "0", "-o", "x", "1"],
                                                 "--interval: '0'"),
    (["-d", "soon", "-o", "x", "1"], "--duration: 'soon'"),
    (["--max-size", "1KiB", "-o", "x", "1"], "--max-size: '1KiB'"),
    (["--max-size", "-5MB", "-o", "x", "1"], "--max-size: '-5MB'"),
    (["--gc=maybe", "-o", "x", "true"], "--gc: 'maybe'"),
    (["--nonsense"], "nonsense")])
def test_a_mistake_is_one_line_and_status_2(args, says, tmp_path):
    done = record(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_told_of_before_the_program_runs(
        tmp_path):
    done = record("-o", tmp_path / "no" / "file", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No such file or directory" in done.stderr
    done = record("-o", "/dev/full", "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/dev/full is not a regular file" in done.stderr


def test_a_full_disk_does_not_hurt_the_program(file):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, -1))
    done = record("-o", file, "--", "sh", "-c", "ulimit -S -f unlimited; "
                  "exec /usr/bin/python3 -c 'import time; time.sleep(0.3)'",
                  preexec_fn=limit)
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] \
        == f"gcshim-record: {file}: File too large"


def test_help_and_version_go_to_stdout():
    done = record("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--output", "--interval", "--duration", "--max-size",
                   "--quiet"):
        assert option in done.stdout
    assert record("-V").stdout.startswith("gcshim-record (gcshim) 0.")
