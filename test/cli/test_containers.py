"""Containers: gcshim-top outside sees into other mount and pid namespaces, as
far as its user may, and believes nothing that a container has no say in."""

import functools
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from conftest import SHIM, SHM, await_that, plain_env, run_tool
from exporter import as_nobody, unit_capabilities, value, values
from forge import segment_bytes, segment_file
from programs import HOLDER

MIB = 1 << 20

pytestmark = pytest.mark.skipif(os.geteuid() != 0,
                                reason="needs root to make namespaces")

# Three threads with names of their own, each with its own 8 MiB.
NAMED = """
import ctypes, sys, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
def work(name, barrier):
    libc.prctl(15, name.encode())
    libc.malloc(ctypes.c_size_t(8 << 20))
    barrier.wait()
    barrier.wait()
barrier = threading.Barrier(4)
for name in ("reader-one", "writer-two", "sweeper-three"):
    threading.Thread(target=work, args=(name, barrier), daemon=True).start()
barrier.wait()
print("ready", flush=True)
sys.stdin.readline()
"""

# Its first process stays when the program has died, so that the namespaces
# stay too.
SCRIPT = """
{setup} || exit 77
env LD_PRELOAD={shim} "$@"
echo ended
read line
"""
OWN_SHM = "mount -t tmpfs -o mode=1777 tmpfs /dev/shm"


class Container:
    """A program under the shim in namespaces of its own."""

    def __init__(self, *argv, flags="-mpf", setup=OWN_SHM):
        mounts_proc = ["--mount-proc", "--kill-child"] if "p" in flags else []
        self.process = subprocess.Popen(
            ["unshare", flags, *mounts_proc, "sh", "-c",
             SCRIPT.format(setup=setup, shim=SHIM), "sh", *map(str, argv)],
            env=plain_env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        assert self.hear() == "ready"
        self.pid_namespace = os.stat(f"/proc/{self.first}/ns/pid").st_ino

    def hear(self):
        line = self.process.stdout.readline().rstrip("\n")
        if not line and self.process.wait() == 77:
            pytest.skip("may not mount here")
        return line

    @functools.cached_property
    def first(self):
        """The first process inside, the shell."""
        return child_of(self.process.pid)

    @property
    def pid(self):
        """The program's, as it is out here."""
        return child_of(self.first)

    @property
    def shm(self):
        return pathlib.Path(f"/proc/{self.first}/root/dev/shm")

    def kill_program(self):
        os.kill(self.pid, signal.SIGKILL)
        assert self.hear() == "ended"

    def end_program(self):
        """Only what NAMED runs ends at a line."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.hear() == "ended"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        # One that shares our /dev/shm, and that a failed test has killed.
        if self.pid_namespace != os.stat("/proc/self/ns/pid").st_ino:
            for path in SHM.glob(f"gcshim.*.{self.pid_namespace}"):
                path.unlink(missing_ok=True)


def child_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children")
               .read_text(encoding="utf-8").split()[0])


def inner_pid(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(
            encoding="utf-8").splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return None


def thread_names(pid):
    """By thread id, as the kernel tells them out here."""
    return {int(task.name): (task / "comm").read_text().rstrip("\n")
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}


def survey(**kwargs):
    """All processes, and what is said on the standard error output."""
    done = run_tool("gcshim-top", "--json", "-n", "1", **kwargs)
    return json.loads(done.stdout)["processes"], done.stderr


def of_segment(name, **kwargs):
    return [p for p in survey(**kwargs)[0] if p["segment"] == name]


def holder(mebibytes, **kwargs):
    return Container(sys.executable, "-c", HOLDER, mebibytes, **kwargs)


def own_segment(container):
    """The only one in its own /dev/shm."""
    name, = [path.name for path in container.shm.glob("gcshim.*")]
    return name


# ------------------------------------------------------------ two namespaces

def test_a_process_in_a_container_is_shown_with_both_pids():
    with holder(64) as container:
        shown, = of_segment(own_segment(container))
        assert shown["pid"] == container.pid
        assert shown["namespace_pid"] == inner_pid(container.pid)
        assert shown["namespace_pid"] != shown["pid"]
        assert shown["state"] == "live"
        assert 64 * MIB <= shown["used_bytes"] < 80 * MIB
        assert shown["rss_bytes"] >= shown["resident_bytes"] > 0
        assert [t["tid"] for t in shown["threads"]] == [container.pid]


def test_its_threads_have_their_own_names():
    with Container(sys.executable, "-c", NAMED) as container:
        shown, = of_segment(own_segment(container))
        names = thread_names(container.pid)
        assert len(names) == 4
        assert {t["tid"]: t["name"] for t in shown["threads"]} == names
        assert all(t["state"] in "RSD" for t in shown["threads"])
        own = {t["name"]: t["allocated_total_bytes"]
               for t in shown["threads"]}
        for name in ("reader-one", "writer-two", "sweeper-three"):
            assert 8 * MIB <= own[name] < 12 * MIB


def test_it_can_be_chosen_by_the_pid_out_here():
    with holder(16) as container:
        done = run_tool("gcshim-top", "-b", "-n", "1", "-p", container.pid)
        assert done.returncode == 0
        titles, row = done.stdout.splitlines()[3:]
        assert row.split()[0] == str(container.pid)
        at = titles.index("NSPID") + len("NSPID")
        assert row[:at].split()[-1] == str(inner_pid(container.pid))


def test_a_killed_one_is_dead_while_its_namespace_lives():
    with holder(64) as container:
        name, inside = own_segment(container), inner_pid(container.pid)
        container.kill_program()
        shown, = of_segment(name)
        assert shown["state"] == "dead"
        assert shown["pid"] == shown["namespace_pid"] == inside
        assert shown["used_bytes"] >= 64 * MIB
        assert shown["resident_bytes"] is None


def test_its_end_is_the_end_of_what_is_shown():
    with Container(sys.executable, "-c", NAMED) as container:
        name = own_segment(container)
        assert len(of_segment(name)) == 1
        container.end_program()
        assert of_segment(name) == []


def test_two_containers_may_have_the_same_pids_inside():
    with holder(16) as one, holder(32) as two:
        pids = {one.pid, two.pid}
        inside = {inner_pid(pid) for pid in pids}
        shown = [p for p in survey()[0] if p["pid"] in pids]
        assert {p["pid"] for p in shown} == pids
        assert {p["namespace_pid"] for p in shown} == inside
        assert all(p["state"] == "live" for p in shown)


def test_a_container_that_shares_our_dev_shm_is_seen_too():
    with Container(sys.executable, "-c", NAMED, setup="true") as container:
        shown, = [p for p in survey()[0] if p["pid"] == container.pid]
        assert shown["namespace_pid"] == inner_pid(container.pid)
        assert shown["state"] == "live"
        container.end_program()


def test_a_mount_namespace_alone_changes_no_pid():
    with holder(16, flags="-m") as container:
        # unshare itself has become the shell.
        pid = child_of(container.process.pid)
        shown, = [p for p in survey()[0] if p["pid"] == pid]
        assert shown["namespace_pid"] is None
        assert shown["state"] == "live"
        assert 16 * MIB <= shown["used_bytes"] < 32 * MIB
        assert not pathlib.Path("/dev/shm", shown["segment"]).exists()


def test_one_of_our_own_has_no_second_pid():
    with segment_file("gcshim.test.own", segment_bytes(os.getpid())):
        shown, = of_segment("gcshim.test.own")
    assert shown["namespace_pid"] is None


# --------------------------------------------------------------------- rights

def test_who_may_not_look_sees_nothing_and_no_error():
    with holder(16) as container:
        name = own_segment(container)
        assert len(of_segment(name)) == 1
        processes, errors = survey(user=4242, group=4242)
        assert processes == []
        assert errors == ""


def test_a_container_is_in_nobodys_way_from_inside():
    """A reader in the container sees the container."""
    with holder(16) as container:
        inside = inner_pid(container.pid)
        done = subprocess.run(
            ["nsenter", "-t", str(container.first), "-m", "-p",
             str(SHIM.parent.parent / "tools" / "gcshim-top"), "--json",
             "-n", "1"], env=plain_env(), capture_output=True, text=True,
            timeout=60, check=False)
        shown, = json.loads(done.stdout)["processes"]
        assert (shown["pid"], shown["namespace_pid"]) == (inside, None)
        assert done.stderr == ""


# -------------------------------------------------------------------- hostile

def test_a_link_in_place_of_dev_shm_leads_nowhere(tmp_path):
    trap = tmp_path / "gcshim.test.trap"
    setup = (f"mount -t tmpfs tmpfs /dev && ln -s {tmp_path} /dev/shm"
             " && : >/dev/null")
    with holder(16, setup=setup) as container:
        trap.write_bytes(segment_bytes(container.pid, comm=b"trap"))
        processes, errors = survey()
        assert "gcshim.test.trap" not in [p["segment"] for p in processes]
        assert "gcshim.test.trap" not in errors


def test_a_container_cannot_pass_for_a_process_outside():
    with holder(16) as container:
        forged = container.shm / "gcshim.test.forged"
        forged.write_bytes(segment_bytes(os.getpid(), comm=b"forged"))
        live = [p for p in of_segment(forged.name) if p["state"] == "live"]
        assert live == []


def test_a_device_or_a_pipe_in_a_container_is_not_opened():
    with holder(16) as container:
        os.mknod(container.shm / "gcshim.test.device", 0o20600,
                 os.makedev(1, 3))
        os.mkfifo(container.shm / "gcshim.test.pipe")
        (container.shm / "gcshim.test.link").symlink_to("/etc/passwd")
        processes, errors = survey(timeout=20)
        assert container.pid in [p["pid"] for p in processes]
        assert "gcshim.test.device is not a regular file\n" in errors
        assert "gcshim.test.pipe is not a regular file\n" in errors
        assert "gcshim.test.link is a symbolic link\n" in errors


def test_a_container_that_comes_and_goes_does_no_harm():
    with holder(16) as container:
        pid = container.pid
        await_that(lambda: pid in [p["pid"] for p in survey()[0]], "it")
    assert pid not in [p["pid"] for p in survey()[0]]


# --------------------------------------------------------------- the exporter

def exported(**kwargs):
    done = run_tool("gcshim-export", "--once", **kwargs)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_exporter_tells_a_container_by_its_namespace():
    with holder(64) as container:
        inside, space = inner_pid(container.pid), container.pid_namespace
        assert value(exported(), "gcshim_process_used_bytes",
                     pid=container.pid, pid_namespace=space) >= 64 * MIB
        assert value(exported(), "gcshim_process_info", pid=container.pid,
                     namespace_pid=inside) == 1
        container.kill_program()
        assert value(exported(), "gcshim_process_up", pid=inside,
                     pid_namespace=space) == 0


def test_the_units_capabilities_suffice_for_containers():
    with holder(16) as container:
        given = unit_capabilities()
        assert values(as_nobody(capabilities=given), "gcshim_process_up",
                      pid=container.pid) == [1]
        given.remove("CAP_SYS_PTRACE")
        assert not values(as_nobody(capabilities=given), "gcshim_process_up",
                          pid=container.pid)
