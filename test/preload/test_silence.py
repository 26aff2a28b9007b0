"""What a program can see of its process is what it would see under plain
libmimalloc: nothing is opened, taken, blocked, printed or left behind."""

import ctypes.util
import os
import re
import subprocess

import pytest

from conftest import (PROGRAMS, Conversation, plain_env, run_shimmed, segments,
                      shim_env)

MIMALLOC = ctypes.util.find_library("mimalloc")


def run_as(env, argv, **kwargs):
    return subprocess.run([str(a) for a in argv], env=env, check=False,
                          capture_output=True, text=True, timeout=60, **kwargs)


def under_mimalloc():
    assert MIMALLOC
    return {**plain_env(), "LD_PRELOAD": MIMALLOC}


def test_a_program_sees_what_it_sees_under_plain_mimalloc():
    plain = run_as(under_mimalloc(), [PROGRAMS / "silence"])
    ours = run_as(shim_env(), [PROGRAMS / "silence"])
    assert plain.returncode == 0 and "keys" in plain.stdout
    assert ours.stdout.splitlines() == plain.stdout.splitlines()
    assert (ours.returncode, ours.stderr) == (0, plain.stderr)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_program_with_closed_standard_streams_keeps_them_closed(
        closed, tmp_path):
    """A descriptor that the shim left open would take their place."""
    code = ("import os\n"
            "fds = [n for n in range(64) if os.path.exists("
            "f'/proc/self/fd/{n}')]\n"
            "open('seen', 'w').write(str(fds))\n")
    seen = {}
    for name, env in [("plain", under_mimalloc()), ("ours", shim_env())]:
        done = run_as(env, ["/bin/bash", "-c",
                            f'exec /usr/bin/python3 -c "$0" {closed}', code],
                      cwd=tmp_path)
        seen[name] = (done.returncode, (tmp_path / "seen").read_text())
        (tmp_path / "seen").unlink()
    assert seen["ours"] == seen["plain"]
    assert seen["ours"][0] == 0


def test_a_child_program_inherits_nothing_but_the_preload():
    code = ("import os, subprocess, sys\n"
            "subprocess.run(['/usr/bin/env'], close_fds=False)\n"
            "subprocess.run(['/bin/ls', '/proc/self/fd'], close_fds=False)\n")
    plain = run_as(under_mimalloc(), ["/usr/bin/python3", "-c", code])
    ours = run_as(shim_env(), ["/usr/bin/python3", "-c", code])

    def without_preload(text):
        return sorted(re.sub(r"^LD_PRELOAD=.*$", "", text, flags=re.M)
                      .splitlines())

    assert without_preload(ours.stdout) == without_preload(plain.stdout)
    assert (ours.returncode, ours.stderr) == (0, "")


def test_an_empty_environment_does():
    done = run_as({"LD_PRELOAD": shim_env()["LD_PRELOAD"]}, ["/usr/bin/env"])
    assert done.stdout.splitlines() == \
        ["LD_PRELOAD=" + shim_env()["LD_PRELOAD"]]
    assert (done.returncode, done.stderr) == (0, "")


def test_a_live_program_holds_no_descriptor_of_its_segment():
    with Conversation([PROGRAMS / "life", "hold", "exit"]) as program:
        program.hear()
        assert segments(program.pid)
        directory = f"/proc/{program.pid}/fd"
        held = {n: os.readlink(f"{directory}/{n}")
                for n in os.listdir(directory)}
        assert set(held) == {"0", "1", "2"}, held
        program.say()
        assert program.end()[0] == 5


def test_the_segment_is_no_executable_or_private_mapping():
    with Conversation([PROGRAMS / "life", "hold", "exit"]) as program:
        program.hear()
        maps = [line.split() for line in open(f"/proc/{program.pid}/maps")
                if "/dev/shm/gcshim." in line]
        assert maps and {m[1] for m in maps} == {"rw-s"}
        program.say()
        assert program.end()[0] == 5


def test_a_signal_during_malloc_meets_no_lock():
    """SIGALRM at a high rate, its handler in Python allocating too."""
    code = ("import signal\n"
            "n = 0\n"
            "def handler(*_):\n"
            "    global n\n"
            "    n += 1; bytearray(5000)\n"
            "signal.signal(signal.SIGALRM, handler)\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)\n"
            "while n < 300: [bytearray(i) for i in range(500, 3000)]\n"
            "signal.setitimer(signal.ITIMER_REAL, 0)\n"
            "print('done')\n")
    done = run_shimmed(["/usr/bin/python3", "-c", code], timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
