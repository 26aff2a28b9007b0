"""Whoever scribbles over a segment, or cuts it short, does its readers no harm.  The readers are those of the address-sanitized build too."""

import contextlib
import json
import os
import pathlib
import subprocess
import time

import pytest

from conftest import BUILD, Conversation, plain_env

BUILDS = [pathlib.Path(name) for name in
          os.environ.get("UNIT_BUILD_DIRS", str(BUILD)).split(":")
          if "tsan" not in name]

# Its victim sleeps: who counts in a file that is cut short gets a SIGBUS, and
# whoever may do that to a process may as well kill it.
#
# Mostly it leaves the magic and the form in order, so that readers come far.
SCRIBBLER = r"""
import glob, os, random, struct, sys, time
path, = glob.glob(f"/dev/shm/gcshim.{sys.argv[1]}.*")
size = os.path.getsize(path)
chance = random.Random(7)
good = open(path, "rb").read(4096 + 128 * 64)
numbers = [0, 1, 2, 3, 97, 128, 4096, 16384, 2**31, 2**32 - 1, 2**61, 2**63,
           2**64 - 1]
with open(path, "r+b") as file:
    print("scribbling", flush=True)
    while True:
        for _ in range(200):
            at = chance.choice([chance.randrange(0, 1024, 4),
                                chance.randrange(512, 576, 8),
                                chance.randrange(4096, 4096 + 128 * 64, 4)])
            file.seek(at)
            file.write(struct.pack("<Q", chance.choice(numbers)))
        file.flush()
        if chance.random() < 0.1:
            file.truncate(chance.choice([0, 100, 4096, 5000, size]))
        if chance.random() < 0.7:
            file.truncate(size)
            file.seek(0)
            file.write(good)
            file.flush()
            time.sleep(0.002)    # sound for a while, between two attacks
"""


@contextlib.contextmanager
def scribbled():
    """A sleeping program whose segment is being scribbled over."""
    with Conversation(["cat"]) as victim:
        victim.say("asleep")
        assert victim.hear() == "asleep"
        scribbler = subprocess.Popen(
            ["/usr/bin/python3", "-c", SCRIBBLER, str(victim.pid)],
            env=plain_env(), stdout=subprocess.PIPE, text=True)
        try:
            assert scribbler.stdout.readline() == "scribbling\n"
            yield victim
            assert scribbler.poll() is None
        finally:
            scribbler.kill()
            scribbler.communicate()


def check(process):
    for figure in ("used", "allocated"):
        now, peak = process[f"{figure}_bytes"], process[f"{figure}_peak_bytes"]
        assert now is None or peak is None or now <= peak
    if process["allocated_bytes"] is not None:
        assert process["used_bytes"] <= process["allocated_bytes"]


def read_while_scribbling(top, seconds):
    seen = 0
    with scribbled() as victim:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done = subprocess.run(
                [top, "--json", "-n", "20", "-d", "0.1"], env=plain_env(),
                capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode in (0, 1), done.stderr
            assert "Sanitizer" not in done.stderr, done.stderr
            for line in done.stdout.splitlines():
                for process in json.loads(line)["processes"]:
                    seen += process["pid"] == victim.pid
                    check(process)
    return seen


@pytest.mark.parametrize("build", BUILDS, ids=lambda b: b.name)
@pytest.mark.parametrize("seconds", [
    3, pytest.param(60, marks=pytest.mark.long)])
def test_a_scribbler_harms_no_reader(seconds, build):
    assert read_while_scribbling(build / "tools" / "gcshim-top", seconds) > 0
