"""gcshim-ctl: what is asked of a process, and what comes of it."""

import contextlib
import os
import re
import shutil
import struct
import subprocess
import time

import pytest

from conftest import TOOLS, document, plain_env, run_tool, segments
from forge import (profile_table, segment_bytes, segment_file, table_at,
                   with_tables)
from programs import (PROFILE_REQUESTED, PROFILE_WANTED, TRIM_REQUESTED,
                      Holder, Puppet, await_request, is_requested)

MIB = 1 << 20
SIZE = r"([\d.]+ (?:B|[KMG]iB))"
GAVE_BACK = re.compile(rf"gave back {SIZE}: allocated {SIZE} -> {SIZE}, "
                       rf"resident {SIZE} -> {SIZE}")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def ctl(*args, **kwargs):
    return run_tool("gcshim-ctl", *args, **kwargs)


def size(text):
    number, unit = text.split()
    return float(number) * 1024 ** ["B", "KiB", "MiB", "GiB"].index(unit)


@contextlib.contextmanager
def asked(*args):
    """The command while it waits for its answer."""
    with subprocess.Popen([str(TOOLS / "gcshim-ctl"), *map(str, args)],
                          env=plain_env(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        yield process
        if process.poll() is None:
            process.kill()


def tick_until_it_ends(process, puppet):
    while process.poll() is None:
        puppet.do("tick()")
    return process.communicate()


# ------------------------------------------------------------------- trim

def test_trim_gives_back_what_was_freed_and_says_how_much():
    with Puppet("held = take(40000, 3000)", "drop(held)", "tick()") as puppet:
        before = document(puppet.pid)
        with asked(puppet.pid, "trim") as trim:
            out, err = tick_until_it_ends(trim, puppet)
        after = document(puppet.pid)
    assert (trim.returncode, err) == (0, "")
    found = GAVE_BACK.fullmatch(out.rstrip("\n"))
    assert found, out
    gain, allocated, left, resident, rest = map(size, found.groups())
    assert gain >= 64 * MIB
    assert abs(allocated - left - gain) < MIB
    assert resident - rest >= 64 * MIB
    assert before["allocated_bytes"] - after["allocated_bytes"] >= 64 * MIB
    assert before["used_bytes"] - after["used_bytes"] < MIB


def test_a_second_trim_finds_nothing_more():
    with Puppet("held = take(40000, 3000)", "drop(held)", "tick()") as puppet:
        for _ in range(2):
            with asked(puppet.pid, "trim") as trim:
                out, _ = tick_until_it_ends(trim, puppet)
    assert trim.returncode == 0
    found = re.match(rf"gave back (nothing|{SIZE}): ", out)
    assert found and size(found[2] or "0 B") < 32 * MIB


def test_a_thread_that_rests_is_told_of():
    with Puppet("linger(lambda: drop(take(10, 1000)))",
                "held = take(40000, 3000)", "drop(held)", "tick()") as puppet:
        with asked(puppet.pid, "trim", "--timeout", "1.5") as trim:
            out, err = tick_until_it_ends(trim, puppet)
    assert (trim.returncode, err) == (0, "")
    first, second = out.splitlines()
    assert GAVE_BACK.fullmatch(first)
    assert second == ("1 of 2 threads; the others have not allocated or "
                      "freed since (their free memory stays until they do)")


def test_a_process_that_rests_is_a_failure_after_the_time_is_over():
    with Holder(4) as holder:
        began = time.monotonic()
        done = ctl("--timeout=0.3", holder.pid, "trim")
        took = time.monotonic() - began
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"gcshim-ctl: in 0.3 s no thread of process {holder.pid} allocated "
        "or freed enough to take notice; they will when they do\n")
    assert 0.3 <= took < 3


def test_a_process_that_ends_meanwhile_is_a_failure():
    with Holder(4) as holder, asked("-t", 60, holder.pid, "trim") as trim:
        await_request(holder.pid, TRIM_REQUESTED)
        holder.kill()
        _, err = trim.communicate(timeout=20)
    assert trim.returncode == 1
    assert err == f"gcshim-ctl: process {holder.pid} has ended\n"


# ---------------------------------------------------------------- profile

@pytest.fixture(name="sleeper")
def a_process_that_has_a_forged_segment():
    with subprocess.Popen(["sleep", "300"]) as process:
        data = with_tables(segment_bytes(process.pid), profile_table(state=0),
                           (9, 64, bytes(64 * 8)))
        with segment_file(f"gcshim.{process.pid}.1.1", data) as path:
            yield process.pid, path
        process.kill()


def answered(sleeper, argument, state, mean):
    """What is said when the process answers so: status, output, errors; and
    the mean that it was asked for."""
    pid, path = sleeper
    with asked("-t", 60, pid, "profile", argument) as waiting:
        await_request(pid, PROFILE_REQUESTED)
        with path.open("r+b") as file:
            file.seek(PROFILE_WANTED)
            wanted, request = struct.unpack("<QI", file.read(12))
            file.seek(table_at(path, 8))
            file.write(struct.pack("<IIQ", state, 0, mean))
            file.flush()
            file.seek(table_at(path, 8) + 4)
            file.write(struct.pack("<I", request))
        out, err = waiting.communicate(timeout=20)
    return waiting.returncode, out, err, wanted


@pytest.mark.parametrize("argument, mean, says", [
    ("on", 512 << 10, "sampling one byte in 512.0 KiB"),
    ("on=64KiB", 64 << 10, "sampling one byte in 64.0 KiB"),
    ("on=1", 1, "sampling one byte in 1 B")])
def test_sampling_is_turned_on_with_a_mean(sleeper, argument, mean, says):
    assert answered(sleeper, argument, 1, mean) == (0, says + "\n", "", mean)


def test_sampling_is_turned_off(sleeper):
    assert answered(sleeper, "off", 0, 0) == (0, "sampling is off\n", "", 0)


def test_sampling_that_is_starting_is_on_its_way(sleeper):
    status, out, _, _ = answered(sleeper, "on", 2, 0)
    assert (status, out) == \
        (0, "sampling is starting: libunwind is being loaded\n")


@pytest.mark.parametrize("state, says", [
    (3, "libunwind.so.8 cannot be loaded"), (4, "sandbox"),
    (5, "15 different means"), (0, "sampling is off"), (77, "not known here")])
def test_why_sampling_cannot_be_turned_on_is_told(sleeper, state, says):
    status, out, err, _ = answered(sleeper, "on", state, 0)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert says in err


def test_a_process_that_rests_samples_nothing_in_time(sleeper):
    pid, _ = sleeper
    done = ctl("-t", 0.2, pid, "profile", "on")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"gcshim-ctl: in 0.2 s no thread of process {pid} allocated or freed "
        "enough to take notice; one will when it does\n")


def test_a_shim_that_does_not_sample_is_not_asked():
    with subprocess.Popen(["sleep", "300"]) as process:
        with segment_file(f"gcshim.{process.pid}.1.1",
                          segment_bytes(process.pid)):
            done = ctl(process.pid, "profile", "on")
            assert not is_requested(process.pid, PROFILE_REQUESTED)
        process.kill()
    assert (done.returncode, done.stderr) == (
        1, f"gcshim-ctl: process {process.pid} runs under a gcshim that does "
        "not sample\n")


def test_a_real_process_is_sampled_from_then_on_and_no_more():
    with Puppet("held = take(1000, 1000)", "tick()") as puppet:
        for argument, says in [("on=1KiB", "sampling one byte in 1.0 KiB\n"),
                               ("off", "sampling is off\n")]:
            with asked(puppet.pid, "profile", argument) as process:
                out, err = tick_until_it_ends(process, puppet)
            assert (process.returncode, out, err) == (0, says, "")
            if argument != "off":
                puppet.do("more = take(1000, 1000)")
        puppet.do("most = take(3000, 1000)")
        done = run_tool("gcshim-prof", puppet.pid)
    assert done.returncode == 0, done.stderr
    assert "  sampling is off; last turned on " in done.stdout
    found = re.search(rf"in use at sites +{SIZE} ", done.stdout)
    assert MIB * 0.8 < size(found[1]) < MIB * 2


# --------------------------------------------------------------- baseline

def test_a_baseline_is_remembered_and_readers_show_the_change_since():
    with Holder(64) as holder:
        done = ctl(holder.pid, "baseline")
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(rf"remembered: used {SIZE}, allocated {SIZE}, "
                            rf"resident {SIZE}\n", done.stdout)
        baseline = document(holder.pid)["baseline"]
        assert baseline["used_bytes"] >= 64 * MIB
        assert baseline["age_ms"] < 20000
        holder.take(10)
        text = run_tool("gcshim-stat", holder.pid).stdout
    assert re.search(r"^since the baseline of \S+ s ago\n  used \+10.0 MiB ",
                     text, re.M), text


def test_a_second_baseline_takes_the_place_of_the_first():
    with Holder(4) as holder:
        ctl(holder.pid, "baseline")
        first = document(holder.pid)["baseline"]
        holder.take(10)
        ctl(holder.pid, "baseline")
        second = document(holder.pid)["baseline"]
    assert second["used_bytes"] - first["used_bytes"] >= 9 * MIB


def test_without_a_baseline_there_is_none():
    with Holder(4) as holder:
        assert document(holder.pid)["baseline"] is None
        assert "baseline" not in run_tool("gcshim-stat", holder.pid).stdout


# ------------------------------------------------------------------ clean

CLEAN = ('mount -t tmpfs tmpfs /dev/shm && cp -p "$1"/* /dev/shm/ && '
         '"$2" clean && ls /dev/shm')


def clean(directory):
    """Cleans a /dev/shm of its own that begins as a copy of the directory:
    what it says, and the names that are left."""
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", CLEAN, "sh", directory,
         TOOLS / "gcshim-ctl"], env=plain_env(), capture_output=True,
        text=True, timeout=60, check=True)
    said, *left = done.stdout.splitlines()
    return said, left


@AS_ROOT
def test_clean_removes_what_the_dead_left_and_nothing_else(tmp_path):
    with Holder(4) as living, Holder(4) as dead:
        for holder in living, dead:
            path, = segments(holder.pid)
            shutil.copy2(path, tmp_path)
        dead.kill()
        (tmp_path / "gcshim.no-segment").write_bytes(b"x" * 8192)
        (tmp_path / "something-else").write_bytes(segment_bytes(os.getpid()))
        said, left = clean(tmp_path)
        name = segments(living.pid)[0].name
    assert re.fullmatch(rf"removed 1 file of dead processes, {SIZE}; "
                        "left 1 alone", said)
    assert set(left) == {name, "gcshim.no-segment", "something-else"}


@AS_ROOT
def test_clean_finds_nothing_where_nothing_is(tmp_path):
    (tmp_path / "something-else").touch()
    said, _ = clean(tmp_path)
    assert said == "removed 0 files of dead processes, 0 B"


# ------------------------------------------------- what cannot be asked

@pytest.mark.parametrize("request_", ["trim", "collect", "baseline"])
def test_the_dead_are_asked_for_nothing(request_):
    with Holder(4) as holder:
        holder.kill()
        done = ctl(holder.pid, request_)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"gcshim-ctl: process {holder.pid} is dead\n"


@pytest.mark.parametrize("pid, says", [
    (4194304, "there is no process 4194304, nor an account of a dead one"),
    (1, "process 1 does not run under gcshim")])
def test_what_does_not_run_under_gcshim_is_one_line_and_status_1(pid, says):
    done = ctl(pid, "trim")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"gcshim-ctl: {says}\n"


@AS_ROOT
@pytest.mark.parametrize("request_", ["trim", "collect", "baseline"])
def test_another_users_process_is_not_asked(request_):
    with Holder(4) as holder:
        done = ctl(holder.pid, request_, user=4242, group=4242)
        assert document(holder.pid)["baseline"] is None
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert str(holder.pid) in done.stderr


# ------------------------------------------------------------------ usage

@pytest.mark.parametrize("args, says", [
    ([], "no process id"), (["1"], "trim, collect, profile, baseline"), (["x"], "clean"),
    (["trim"], "'trim' is no process id"), (["0", "trim"], "'0'"),
    (["1", "collect", "x"], "'x' is too much"), (["collect"], "'collect'"),
    (["1", "profile"], "profile what? on, on=MEAN or off"),
    (["1", "profile", "x"], "'x' is not on, on=MEAN"),
    (["1", "profile", "on=0"], "'on=0'"),
    (["1", "profile", "on=x"], "'on=x'"),
    (["1", "profile", "on", "x"], "'x' is too much"),
    (["1", "clean"], "'clean'"), (["1", "trim", "x"], "'x' is too much"),
    (["clean", "x"], "'x' is too much"), (["-t", "x", "1", "trim"], "'x'"),
    (["-t", "-1", "1", "trim"], "'-1'"), (["--nonsense"], "nonsense")])
def test_a_mistake_is_one_line_and_status_2(args, says):
    done = ctl(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_help_and_version_go_to_stdout():
    done = ctl("-h")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("trim", "collect", "profile", "baseline", "clean",
                 "--timeout"):
        assert word in done.stdout
    assert ctl("--version").stdout.startswith("gcshim-ctl (gcshim) 0.")
