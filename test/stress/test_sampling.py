"""Call stacks are taken where that is hard, and nothing comes of it for the
program."""

import os
import subprocess

import pytest

import profile_section
from conftest import (BUILD, SHIM, await_that, plain_env, run_shimmed,
                      segments, shim_env)
from profile_section import Profile

STRESS = BUILD / "test" / "stress"
SAMPLING = STRESS / "sampling"
PLUGIN = STRESS / "plugin.so"
MEANS = [1, 4096]


def run_scenario(mean, scenario, arg=""):
    done = run_shimmed([SAMPLING, scenario, arg], settings={"sample": mean})
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("scenario", [
    "loader_locked", "forks", "signals", "coroutines", "small_stacks",
    "cancels"])
def test_a_program_runs_as_it_would_without(scenario, mean):
    run_scenario(mean, scenario)


@pytest.mark.parametrize("mean", MEANS)
def test_libraries_may_come_and_go_with_constructors_that_wait(mean):
    run_scenario(mean, "storm", PLUGIN)


@pytest.mark.parametrize("mean", MEANS)
def test_no_descriptor_is_kept_or_written_to(mean, tmp_path):
    run_scenario(mean, "descriptors", tmp_path / "file")


@pytest.mark.parametrize("mean", MEANS)
def test_exceptions_fly_by_the_programs_own_unwinder(mean):
    done = run_shimmed([STRESS / "sampling_throws"],
                       settings={"sample": mean})
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


@pytest.mark.parametrize("plugin", ["", PLUGIN])
def test_sampling_is_turned_on_while_others_hold_the_loaders_lock(plugin):
    """libunwind is then loaded by a thread that nobody waits for."""
    process = subprocess.Popen([SAMPLING, "until_told", plugin], text=True,
                               env=shim_env(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == "begun\n"
        path = segments(process.pid)[0]
        for mean in 4096, 0, 8192:
            number = profile_section.request(path, mean)
            await_that(lambda: Profile(path).served == number, "the answer")
            assert Profile(path).mean_bytes == mean
        await_that(lambda: any(s.stack for s in Profile(path).sites),
                   "a stack")
    finally:
        process.stdin.close()
        status = process.wait(timeout=60)
    assert (status, process.stdout.read()) == (0, "ok\n")


@pytest.mark.parametrize("program,arguments", [
    ("plain", []), ("every_key_taken", []), ("every_descriptor_closed", []),
    ("seccomp_filter", []), ("seccomp_strict", []), ("out_of_memory", []),
    ("loads_and_unloads", [PLUGIN]), ("exits_from_a_thread", [])])
def test_programs_in_hard_places(program, arguments):
    before = segments()
    done = run_shimmed([STRESS / "contexts", program, *arguments],
                       settings={"sample": 4096})
    for path in set(segments()) - set(before):
        path.unlink()       # of a sandboxed one
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_a_sandboxed_program_has_samples_without_stacks():
    script = ("import ctypes, os, sys\n"
              "ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)\n"  # NO_NEW_PRIVS
              "keep = [bytearray(5000) for _ in range(5000)]\n"
              "print(flush=True); sys.stdin.readline()\n")
    before = set(segments())
    process = subprocess.Popen(
        ["/usr/bin/python3", "-c", script], text=True,
        env=shim_env(sample=64 << 10), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        sites = {s.number: s for s in Profile(segments(process.pid)[0]).sites}
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        for path in set(segments()) - before:
            path.unlink()
    assert sites[profile_section.SITE_UNKNOWN].live_bytes > 15 << 20


def test_in_a_sandbox_sampling_cannot_be_turned_on_and_says_so():
    script = ("import ctypes, sys\n"
              "ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)\n"
              "print(flush=True)\n"
              "while sys.stdin.readline():\n"
              "    keep = [bytearray(5000) for _ in range(100)]\n"
              "    print(flush=True)\n")
    before = set(segments())
    process = subprocess.Popen(
        ["/usr/bin/python3", "-c", script], text=True, env=shim_env(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        path, = segments(process.pid)
        number = profile_section.request(path, 4096)
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        profile = Profile(path)
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        for left in set(segments()) - before:
            left.unlink()
    assert (profile.served, profile.state, profile.mean_bytes) == \
        (number, profile_section.SANDBOXED, 0)


FORK_IN_FULL_SHM = """
import os, sys
keep = [bytearray(200000) for _ in range(20)]
keep += [bytearray(1000) for _ in range(2000)]
child = os.fork()
keep += [bytearray(300000) for _ in range(20)]
keep += [bytearray(1000) for _ in range(2000)]
del keep
if child == 0:
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("sample", [0, 4096])
def test_a_child_whose_dev_shm_is_full_goes_on_without(sample):
    """Of each size there is room for something else: the parent's tables, the
    child's slots, its huge blocks, its sites."""
    sizes = " ".join(f"{kib}k" for kib in [*range(16, 80, 8),
                                           *range(500, 3300, 200)])
    done = subprocess.run(
        ["unshare", "-mf", "sh", "-c",
         f'for size in {sizes}; do '
         "mount -t tmpfs -o size=$size none /dev/shm && "
         'env LD_PRELOAD="$SHIM" python3 -c "$SCRIPT" 2>&1 || '
         "{ echo $size: $?; exit 1; }; umount /dev/shm; done"],
        env={**plain_env(), "SHIM": str(SHIM), "GCSHIM_SAMPLE": str(sample),
             "SCRIPT": FORK_IN_FULL_SHM, "PATH": "/usr/bin:/bin:/usr/sbin"},
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
