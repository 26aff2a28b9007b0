"""When a segment comes and goes, and what happens where there is no room."""

import os
import resource
import signal
import subprocess

import pytest

from conftest import (PROGRAMS, Conversation, await_that, document,
                      run_shimmed, run_tool, segments, shim_env)
from segment import Segment

LIFE = PROGRAMS / "life"


@pytest.mark.parametrize("how, status", [
    ("exit", 5), ("_exit", 5), ("_Exit", 5), ("quick_exit", 5)])
def test_every_normal_end_removes_the_segment(how, status):
    with Conversation([LIFE, "hold", how]) as program:
        program.hear()
        assert len(segments(program.pid)) == 1
        program.say()
        done = program.end()
        output = "quickly\n" if how == "quick_exit" else ""
        assert done == (status, output, "")
        assert not segments(program.pid)


@pytest.mark.parametrize("how, number", [
    ("kill", signal.SIGKILL), ("abort", signal.SIGABRT),
    ("segv", signal.SIGSEGV), ("term", signal.SIGTERM)])
def test_a_death_leaves_the_segment_and_its_last_figures(how, number):
    with Conversation([LIFE, "hold", how, 5_000_000]) as program:
        program.hear()
        alive = document(program.pid)
        assert alive["state"] == "live"
        program.say()
        assert program.end() == (-number, "", "")
        path, = segments(program.pid)
        assert Segment(path).ended_ns == 0
        dead = document(program.pid)
        assert dead["state"] == "dead"
        assert dead["used_bytes"] >= alive["used_bytes"] >= 5_000_000
        assert dead["resident_bytes"] is None


def test_a_sandboxed_program_is_not_killed_for_our_system_calls():
    """Its file may stay, as unlink may be forbidden; but it is marked, and not
    shown as that of a program that crashed."""
    with Conversation([LIFE, "hold", "sandbox"]) as program:
        program.hear()
        program.say()
        assert program.end() == (5, "", "")
        path, = segments(program.pid)
        segment = Segment(path)
        assert segment.flags == 1
        assert segment.total.freed_bytes > 50 << 20
        shown = run_tool("gcshim-top", "-b", "-n", "1", "-p", program.pid)
        assert shown.returncode == 1 and shown.stderr == ""


def test_exec_starts_a_new_account_under_the_same_pid():
    code = ("import os, sys\n"
            "kept = bytearray(10 << 20)\n"
            "print('before', flush=True); sys.stdin.readline()\n"
            "os.execv(sys.argv[1], [sys.argv[1], 'hold', 'exit'])\n")
    with Conversation(["/usr/bin/python3", "-c", code, LIFE]) as program:
        program.hear()
        before, = segments(program.pid)
        first = Segment(before)
        assert first.total.used_bytes > 10 << 20
        program.say()
        assert program.hear() == "holding"
        after = [Segment(p) for p in segments(program.pid)]
        assert len(after) == 1, "the old program's segment is left"
        assert after[0].comm == "life"
        assert after[0].created_ns > first.created_ns
        assert after[0].total.used_bytes < 1 << 20
        program.say()
        assert program.end() == (5, "", "")
        assert not segments(program.pid)


@pytest.mark.parametrize("how", ["spawn", "vfork", "fork"])
def test_children_leave_their_parents_account_alone(how):
    with Conversation([LIFE, "hold", how, 100_000]) as program:
        assert program.hear() == "holding"
        path, = segments(program.pid)
        before = Segment(path).total
        program.say()
        assert program.hear() == "waited"
        assert segments(program.pid) == [path]
        after = Segment(path).total
        assert after.used_bytes == before.used_bytes >= 100_000
        assert document(program.pid)["state"] == "live"
        program.say()
        assert program.end() == (0, "", "")
        assert not segments(program.pid)


def test_a_fork_childs_end_does_not_remove_its_parents_segment():
    code = ("import os, sys\n"
            "for leave in (os._exit, sys.exit):\n"
            "    if os.fork() == 0: leave(0)\n"
            "    os.wait()\n"
            "print('forked', flush=True); sys.stdin.readline()\n")
    with Conversation(["/usr/bin/python3", "-c", code]) as program:
        program.hear()
        path, = segments(program.pid)
        assert Segment(path).pid == program.pid
        assert document(program.pid)["state"] == "live"
        program.say()
        assert program.end() == (0, "", "")


def test_a_fork_childs_segment_names_its_parent():
    code = ("import os, sys\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    print(os.getpid(), flush=True); sys.stdin.readline()\n"
            "    os._exit(0)\n"
            "os.waitpid(pid, 0)\n")
    with Conversation(["/usr/bin/python3", "-c", code]) as program:
        child = int(program.hear())
        path, = segments(child)
        assert Segment(path).parent_pid == program.pid
        assert document(child)["state"] == "live"
        program.say()
        assert program.end() == (0, "", "")
        assert not segments(child)


NAMESPACES = """
import ctypes, os, sys
CLONE_NEWPID = 0x20000000
def say(): print(os.getpid(), os.stat("/proc/self/ns/pid").st_ino, flush=True)
if sys.argv[1] == "new" and ctypes.CDLL(None).unshare(CLONE_NEWPID):
    print("none to be had", flush=True); sys.exit()
say()
pid = os.fork()
if pid == 0:
    say(); sys.stdin.readline(); os._exit(0)
os.waitpid(pid, 0)
"""


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_fork_childs_segment_names_the_childs_pid_namespace(which):
    """It takes it from its parent, where both are in the same."""
    with Conversation(["/usr/bin/python3", "-c", NAMESPACES,
                       which]) as program:
        line = program.hear()
        if line == "none to be had":
            pytest.skip("no pid namespace to be had")
        pid, namespace = program.hear().split()
        assert (namespace == line.split()[1]) == (which == "old")
        path, = [path for path in segments(pid)
                 if path.name.endswith("." + namespace)]
        child = Segment(path)
        assert child.pid == int(pid)
        assert child.pid_namespace == int(namespace)
        program.say()
        assert program.end() == (0, "", "")


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path):
    """A stranger may have put a link where a later process's name will be.
    The name cannot be foreseen from outside, so this waits in the shell that
    becomes the process: its start time stays over exec."""
    target = tmp_path / "target"
    target.write_text("precious")
    script = ('stat=$(cat /proc/$$/stat); set -- ${stat##*) }; '
              'ns=$(readlink /proc/$$/ns/pid); ns=${ns#pid:[}; '
              'path=/dev/shm/gcshim.$$.${20}.${ns%]}; '
              f'ln -s {target} $path; export LD_PRELOAD=$SHIM; '
              'exec /bin/echo hello')
    env = shim_env()
    env["SHIM"] = env.pop("LD_PRELOAD")
    before = set(segments())
    done = subprocess.run(["/bin/bash", "-c", script], env=env, text=True,
                          capture_output=True, check=False, timeout=60)
    links = set(segments()) - before
    for path in links:
        path.unlink()
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")
    assert target.read_text() == "precious"
    assert not links


# No room ----------------------------------------------------------------------

def unshare_argv():
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--mount", "--"]


def in_own_mounts(prepare, argv, settings=None):
    """Runs argv under the shim where `prepare` has changed the mounts."""
    probe = subprocess.run([*unshare_argv(), "mount", "-t", "tmpfs", "none",
                            "/dev/shm"], capture_output=True, text=True,
                           check=False)
    if probe.returncode:
        pytest.skip(f"no mount namespace to be had: {probe.stderr.strip()}")
    env = shim_env(**(settings or {}))
    env["SHIM"] = env.pop("LD_PRELOAD")
    script = f'set -e; {prepare}; export LD_PRELOAD=$SHIM; exec "$@"'
    return subprocess.run([*unshare_argv(), "/bin/sh", "-c", script, "sh",
                           *map(str, argv)], env=env, capture_output=True,
                          text=True, check=False, timeout=120)


NO_ROOM = {
    "missing": "mount -t tmpfs none /dev",
    "read_only": "mount -t tmpfs -o ro none /dev/shm",
    "full": "mount -t tmpfs -o size=64k none /dev/shm; "
            "head -c 64k /dev/zero >/dev/shm/fill",
    "no_inodes": "mount -t tmpfs -o nr_inodes=1 none /dev/shm",
    "tiny": "mount -t tmpfs -o size=4k none /dev/shm",
    "not_a_directory": "mount -t tmpfs none /dev; : >/dev/shm",
}


@pytest.mark.parametrize("trouble", NO_ROOM)
def test_without_room_the_program_runs_and_the_account_goes_on(trouble):
    done = in_own_mounts(NO_ROOM[trouble],
                         [PROGRAMS / "exact", "inside", 3, 2000])
    assert (done.returncode, done.stdout) == (0, "exact\n")
    assert len(done.stderr.splitlines()) <= 1, done.stderr
    if done.stderr:
        assert done.stderr.startswith("gcshim: ")


@pytest.mark.parametrize("trouble", NO_ROOM)
def test_without_room_the_report_is_still_given(trouble):
    done = in_own_mounts(NO_ROOM[trouble], [LIFE, "exit"],
                         {"report": "stderr"})
    assert (done.returncode, done.stdout) == (5, "")
    assert "memory used" in done.stderr


# Room for the header and some slots, but not for every thread's.
LATER_FULL = "mount -t tmpfs -o size=20k none /dev/shm"


def test_room_that_ends_while_threads_come_is_no_bus_error():
    """Whoever finds no room for a slot counts into the late one."""
    script = ('LD_PRELOAD= ls /dev/shm | '
              'LD_PRELOAD= grep -c "^gcshim\\.$$\\."; '
              'exec "$0" crowd 300')
    done = in_own_mounts(LATER_FULL, ["/bin/sh", "-c", script,
                                      PROGRAMS / "exact"])
    assert (done.returncode, done.stdout) == (0, "1\nexact\n")
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.long
def test_ten_thousand_threads_alive_at_once_are_exact():
    """Nearly as many as the kernel's limit of mappings lets mimalloc serve."""
    done = run_shimmed([PROGRAMS / "exact", "crowd", 10000], timeout=300)
    if done.returncode == 77:
        pytest.skip("this machine does not have 10,000 threads to give")
    assert (done.returncode, done.stdout, done.stderr) == (0, "exact\n", "")


def limit_file_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def test_a_file_size_limit_of_nothing_is_no_signal():
    done = run_shimmed([PROGRAMS / "exact", "inside", 3, 2000],
                       preexec_fn=limit_file_size)
    assert (done.returncode, done.stdout) == (0, "exact\n")
    assert len(done.stderr.splitlines()) <= 1


def test_no_descriptor_to_be_had_is_no_trouble():
    """Descriptors run out once the loader has done its work: a script that
    lowers its own limit and forks."""
    code = ("import os, resource, sys\n"
            "n = len(os.listdir('/proc/self/fd')) - 1\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))\n"
            "pid = os.fork()\n"
            "kept = [bytearray(1000) for _ in range(1000)]\n"
            "if pid == 0: os._exit(3)\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n")
    done = run_shimmed(["/usr/bin/python3", "-c", code])
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert len(done.stderr.splitlines()) <= 1


def test_thousands_of_threads_alive_at_once_have_slots():
    code = ("import threading, sys\n"
            "threading.stack_size(1 << 16)\n"
            "gate = threading.Event()\n"
            "def work():\n"
            "    kept = bytearray(700); gate.wait()\n"
            "ts = [threading.Thread(target=work) for _ in range(2000)]\n"
            "[t.start() for t in ts]\n"
            "print('up', flush=True); sys.stdin.readline()\n"
            "gate.set(); [t.join() for t in ts]\n")
    with Conversation(["/usr/bin/python3", "-c", code]) as program:
        program.hear()
        path, = segments(program.pid)
        copy = await_that(
            lambda: (s := Segment(path)) and len(s.threads) == 2001 and s,
            "every thread has a slot")
        assert copy.dropped_threads == 0
        figures = document(program.pid)
        assert figures["dropped"] == 0 and len(figures["threads"]) == 2001
        program.say()
        assert program.end() == (0, "", "")
