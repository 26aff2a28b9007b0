"""SIGKILL at any moment under load leaves a segment that is sound, and is told
apart from a living process with the same pid."""

import json
import random
import subprocess
import time

import pytest

from conftest import (BUILD, SHIM, TOOLS, Conversation, await_that, document,
                      segments, shim_env)

SOAK = BUILD / "test" / "stress" / "soak"


def check_sound(figures):
    assert figures["state"] == "dead"
    assert figures["used_bytes"] <= figures["allocated_bytes"]
    assert figures["used_bytes"] <= figures["used_peak_bytes"]
    assert figures["freed_total_bytes"] <= figures["allocated_total_bytes"]
    assert figures["freed_total_blocks"] <= figures["allocated_total_blocks"]
    assert figures["resident_bytes"] is None
    for thread in figures["threads"]:
        assert thread["tid"] > 0 and thread["allocated_total_bytes"] > 0


def kill_at_any_moment(seed):
    chance = random.Random(seed)
    with Conversation([SOAK, 1000, 4, seed + 1]) as program:
        await_that(lambda: segments(program.pid), "the segment")
        # The moment is to be any, from the first instructions on.
        time.sleep(chance.random() * 0.03)
        program.process.kill()
        program.process.wait()
        left = segments(program.pid)
        if not left:    # killed before the account began
            return 0
        check_sound(document(program.pid))
        return 1


@pytest.mark.parametrize("kills", [
    40, pytest.param(1000, marks=pytest.mark.long)])
def test_a_kill_at_any_moment_leaves_a_sound_segment(kills):
    found = sum(kill_at_any_moment(seed) for seed in range(kills))
    assert found > kills * 0.9


RECYCLE = r"""
mount -t proc proc /proc || exit 77
echo 499 > /proc/sys/kernel/ns_last_pid || exit 77
GCSHIM_KEEP=0 LD_PRELOAD={shim} {soak} 1000 2 &
first=$!
while ! ls /dev/shm/gcshim.$first.* >/dev/null 2>&1; do :; done
ls /dev/shm/gcshim.$first.*
kill -9 $first
wait $first 2>/dev/null
echo $((first - 1)) > /proc/sys/kernel/ns_last_pid
/usr/bin/tail -f /dev/null &
second=$!
echo $first $second
{top} -b -n 1 --json -p $first
kill $second
rm -f /dev/shm/gcshim.$first.*
"""


def test_a_dead_process_is_told_from_a_living_one_with_its_pid():
    script = RECYCLE.format(shim=SHIM, soak=SOAK, top=TOOLS / "gcshim-top")
    env = shim_env()
    del env["LD_PRELOAD"]
    done = subprocess.run(
        ["unshare", "-mpf", "--kill-child", "sh", "-c", script], env=env,
        capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 77 or "Operation not permitted" in done.stderr:
        pytest.skip("needs the right to make a pid namespace")
    name, pids, *rest = done.stdout.splitlines()
    first, second = pids.split()
    assert first == second, "the pid was not given again"
    process, = json.loads("\n".join(rest))["processes"]
    assert str(process["pid"]) == first
    check_sound(process)


def test_exec_into_a_program_without_the_shim_is_a_death():
    """The pid lives on, but nobody counts any more."""
    code = ("import os\nos.environ.pop('LD_PRELOAD')\n"
            "os.execvp('cat', ['cat'])")
    with Conversation(["/usr/bin/python3", "-c", code]) as program:
        await_that(lambda: open(f"/proc/{program.pid}/comm").read() == "cat\n",
                   "exec")
        assert document(program.pid)["state"] == "dead"
        program.say("still here")
        assert program.hear() == "still here"
