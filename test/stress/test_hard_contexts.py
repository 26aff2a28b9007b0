"""Programs in hard places run as they would without the shim, and where they
can look, their account is right."""

import os
import pathlib
import resource
import subprocess

import pytest

from conftest import (BUILD, SHIM, document, plain_env, run_shimmed, segments,
                      shim_env)

STRESS = BUILD / "test" / "stress"
CONTEXTS = STRESS / "contexts"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def left_by(before):
    """What a program could not remove itself is removed here."""
    left = set(segments()) - set(before)
    for path in left:
        path.unlink()
    return left


def run_context(scenario, arg="", **kwargs):
    done = run_shimmed([CONTEXTS, scenario, arg], **kwargs)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
    return done


@pytest.mark.parametrize("scenario", [
    "plain", "every_key_taken", "every_descriptor_closed", "out_of_memory",
    "leaves_quickly", "exits_from_a_thread", "used_never_dips",
    "usage_is_true", "seccomp_in_vfork_child"])
def test_a_program_ends_as_it_should(scenario):
    assert run_context(scenario).stderr == ""


@pytest.mark.parametrize("scenario", [
    "seccomp_filter", "seccomp_strict", "seccomp_exit_early",
    "seccomp_in_bare_child"])
def test_a_sandboxed_program_meets_no_call_that_it_did_not_foresee(scenario):
    before = segments()
    try:
        run_context(scenario)
    finally:
        left = left_by(before)
    assert len(left) == 1, "the file is for readers to remove"


def test_libraries_that_allocate_as_they_come_and_go():
    run_context("loads_and_unloads", STRESS / "plugin.so")


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_library_preloaded_beside_the_shim(order):
    """Its constructor runs before ours or its destructor after ours, and it
    waits for a thread under the loader's lock."""
    libraries = [str(SHIM), str(STRESS / "plugin.so")]
    if order == "before":
        libraries.reverse()
    run_context("plain", env={"LD_PRELOAD": ":".join(libraries)})


@as_root
def test_a_changed_root_without_shm(tmp_path):
    before = segments()
    run_context("changed_root", tmp_path)
    assert len(left_by(before)) == 1    # its path leads nowhere any more


@as_root
def test_a_changed_user():
    before = segments()
    run_context("changed_user")
    left_by(before)


@pytest.mark.parametrize("limit,value", [
    (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 4),
    (resource.RLIMIT_STACK, 64 * 1024), (resource.RLIMIT_MEMLOCK, 0)])
def test_limits_at_their_smallest(limit, value):
    """4 descriptors: the loader needs the fourth."""
    done = run_context("plain", preexec_fn=lambda: resource.setrlimit(
        limit, (value, value)))
    assert done.stderr.count("\n") <= 1


def test_every_standard_descriptor_closed():
    done = subprocess.run(
        ["sh", "-c", '"$0" plain <&- >&- 2>&-', CONTEXTS], env=shim_env(),
        timeout=60, check=False)
    assert done.returncode in (0, 1)    # its own "ok" may not be written
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "x = [1] * 100000" <&- >&- 2>&-',
         "/usr/bin/python3"], env=shim_env(), timeout=60, check=False)
    assert done.returncode == 0


def isolated(script, *flags):
    """Runs a shell script in namespaces of its own."""
    return subprocess.run(
        ["unshare", *flags, "--kill-child", "sh", "-c", script],
        env={**plain_env(), "SHIM": str(SHIM), "CONTEXTS": str(CONTEXTS)},
        capture_output=True, text=True, timeout=60, check=False)


@as_root
def test_as_pid_1_of_a_namespace():
    done = isolated('mount -t proc proc /proc; '
                    'exec env LD_PRELOAD="$SHIM" "$CONTEXTS" plain', "-mpf")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
    assert not segments(1)


SHM = {
    "missing": "mount -t tmpfs none /dev",
    "a file": "mount -t tmpfs none /dev; echo > /dev/shm",
    "out of inodes": "mount -t tmpfs -o nr_inodes=1 none /dev/shm",
    "full": "mount -t tmpfs -o size=4k none /dev/shm; echo > /dev/shm/x",
    "read-only": "mount -t tmpfs -o ro none /dev/shm",
    "mode 0000": "mount -t tmpfs -o mode=0000 none /dev/shm",
}


@as_root
@pytest.mark.parametrize("state", SHM)
def test_shm_in_every_sad_state(state):
    user = ("setpriv --reuid 65534 --clear-groups"
            if state == "mode 0000" else "")
    done = isolated(f'{SHM[state]}; {user} env LD_PRELOAD="$SHIM" '
                    '"$CONTEXTS" plain', "-mf")
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("gcshim: /dev/shm: ")


@as_root
def test_threads_without_room_for_a_slot_are_counted_and_not_slowed():
    """20 KiB of /dev/shm are room for a few slots; 200 threads come."""
    done = isolated(
        'mount -t tmpfs -o size=20k none /dev/shm; mount -t proc proc /proc; '
        'env GCSHIM_KEEP=1 LD_PRELOAD="$SHIM" "$CONTEXTS" plain; '
        'cat /dev/shm/gcshim.* | tail -c +553 | head -c 8 | od -An -tu8',
        "-mpf")
    answer, dropped = done.stdout.split()
    assert answer == "ok", done.stderr
    assert 50 < int(dropped) < 200


@pytest.fixture
def memory_cgroup():
    """A cgroup of 64 MiB, of version 1 or 2: (directory, events file)."""
    for root, limit in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                        ("/sys/fs/cgroup", "memory.max")]:
        group = pathlib.Path(root) / f"gcshim-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(64 << 20))
        except OSError:
            group.rmdir()
            continue
        yield group
        group.rmdir()
        return
    pytest.skip("no memory cgroup can be made here")


def test_a_process_killed_by_its_memory_cgroup_leaves_its_figures(
        memory_cgroup):
    process = subprocess.Popen(
        ["sh", "-c", f'echo $$ > {memory_cgroup}/cgroup.procs; '
         f'exec env LD_PRELOAD={SHIM} {CONTEXTS} until_killed'],
        env=plain_env())
    try:
        assert process.wait(timeout=60) == -9
        figures = document(process.pid)
    finally:
        process.kill()
        for path in segments(process.pid):
            path.unlink()
    assert figures["state"] == "dead"
    assert 40 << 20 < figures["used_bytes"] < 64 << 20


def test_the_soak_in_short():
    done = run_shimmed([STRESS / "soak", 3, 8])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "drift of gcshim 0 bytes" in done.stdout
