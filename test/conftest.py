"""What the suites share: where the built artifacts are, how a program is run
under the shim, and the promise that a test leaves nothing in /dev/shm."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))
SHIM = BUILD / "shim" / "libgcshim.so"
TOOLS = BUILD / "tools"
PROGRAMS = BUILD / "test" / "preload"
SHM = pathlib.Path("/dev/shm")


def shim_env(**settings):
    """The environment of a program under the shim: shim_env(keep=1)."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GCSHIM")}
    env["LD_PRELOAD"] = str(SHIM)
    for key, value in settings.items():
        env["GCSHIM_" + key.upper()] = str(value)
    return env


def plain_env():
    """The same environment without the shim."""
    env = shim_env()
    del env["LD_PRELOAD"]
    return env


def run_shimmed(argv, timeout=120, settings=None, **kwargs):
    """Runs argv under the shim to its end, output captured as text."""
    kwargs.setdefault("capture_output", True)
    kwargs.setdefault("text", True)
    env = shim_env(**(settings or {}))
    env.update(kwargs.pop("env", {}))
    return subprocess.run([str(a) for a in argv], env=env, timeout=timeout,
                          check=False, **kwargs)


def run_tool(name, *args, timeout=60, env=None, **kwargs):
    """Runs one of our commands, never itself under the shim."""
    kwargs.setdefault("capture_output", True)
    kwargs.setdefault("text", True)
    return subprocess.run([str(TOOLS / name), *map(str, args)],
                          env={**plain_env(), **(env or {})},
                          timeout=timeout, check=False, **kwargs)


def document(pid):
    """The JSON object of one process, as gcshim-top gives it."""
    done = run_tool("gcshim-top", "-b", "-n", "1", "--json", "-p", pid)
    assert done.returncode == 0, done.stderr
    processes = json.loads(done.stdout)["processes"]
    assert len(processes) == 1, done.stdout
    return processes[0]


def await_that(condition, what, seconds=20):
    """Waits for a condition, never for a time.  Returns its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    pytest.fail(f"waited {seconds} s in vain for: {what}")


def segments(pid=None):
    """The segments now in /dev/shm, of one pid or of all."""
    pattern = "gcshim.*" if pid is None else f"gcshim.{pid}.*"
    return sorted(SHM.glob(pattern))


class Conversation:
    """A program under the shim that speaks line by line: it prints, and goes
    on when a line comes."""

    def __init__(self, argv, settings=None, **kwargs):
        self.process = subprocess.Popen(
            [str(a) for a in argv], env=shim_env(**(settings or {})),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **kwargs)
        self.pid = self.process.pid

    def hear(self):
        line = self.process.stdout.readline()
        assert line, f"ended early: {self.process.stderr.read()}"
        return line.rstrip("\n")

    def say(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        """Closes its input and returns (status, output, errors)."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        for path in segments(self.pid):
            path.unlink(missing_ok=True)


def comm_of(path):
    """The program's name in a segment's header, whatever else it holds."""
    if path.is_symlink() or not path.is_file():
        return "nobody"
    with path.open("rb") as file:
        head = file.read(88)
    return head[72:].split(b"\0")[0].decode(errors="replace") or "nobody"


@pytest.fixture(autouse=True)
def nothing_left_in_shm():
    """A test that leaves a segment behind fails, and the segment goes."""
    before = set(segments())
    yield
    left = [p for p in set(segments()) - before
            if not pathlib.Path(f"/proc/{p.name.split('.')[1]}").exists()]
    named = [f"{path.name} of {comm_of(path)}" for path in left]
    for path in left:
        path.unlink(missing_ok=True)
    assert not left, f"left in /dev/shm: {named}"


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "long: takes more than some seconds; ./check --long")


def pytest_sessionstart(session):
    if not SHIM.exists():
        sys.exit(f"{SHIM} is not built: run ./check")
