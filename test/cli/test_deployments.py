"""The examples of how gcshim is used by what starts programs: systemd, and
containers."""

import json
import re
import shlex
import shutil
import subprocess

import pytest

from conftest import (ROOT, SHIM, TOOLS, await_that, plain_env, run_tool,
                      segments)
from roots import require_mounts

EXAMPLES = ROOT / "docs" / "examples"
DROP_IN = EXAMPLES / "systemd" / "gcshim.conf"
CONTAINER = EXAMPLES / "container"


# ---------------------------------------------------------------- systemd

@pytest.fixture(name="verify")
def service_with_drop_in(tmp_path):
    """What systemd says of a service that has these lines dropped in."""
    def verify(lines):
        unit = tmp_path / "example.service"
        unit.write_text("[Service]\nExecStart=/bin/true\n", encoding="utf-8")
        directory = tmp_path / "example.service.d"
        directory.mkdir(exist_ok=True)
        (directory / "gcshim.conf").write_text(lines, encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                              capture_output=True, text=True, check=False)
        # Of the machine's own units there may be something to say too.
        return [line for line in (done.stdout + done.stderr).splitlines()
                if "gcshim.conf" in line or "example.service" in line]
    return verify


def test_systemd_accepts_the_drop_in(verify):
    lines = DROP_IN.read_text(encoding="utf-8")
    assert verify(lines) == []
    assert verify(re.sub("^#(?=Environment=)", "", lines, flags=re.M)) == []
    assert verify(lines.replace("Environment=", "Enviroment=")) != []


def variables():
    """What the drop-in sets, what stands there as a choice included."""
    found = re.findall(r"^#?Environment=(\w+)=(\S+)$",
                       DROP_IN.read_text(encoding="utf-8"), re.M)
    return dict(found)


def test_the_drop_ins_variables_are_known():
    assert variables().pop("LD_PRELOAD") == SHIM.name
    env = {**plain_env(), **variables(), "LD_PRELOAD": str(SHIM)}
    done = subprocess.run(["sh", "-c", "echo $$ $LD_PRELOAD"], env=env,
                          capture_output=True, text=True, check=False)
    pid = int(done.stdout.strip())  # GCSHIM_CHILDREN=0 was taken
    assert done.stderr == ""
    kept, = segments(pid)           # and GCSHIM_KEEP=1
    kept.unlink()


def calls_of(group):
    """The system calls of one of systemd's groups, with those in it."""
    lines = subprocess.run(["systemd-analyze", "syscall-filter", group],
                           capture_output=True, text=True,
                           check=True).stdout.split("\n")[1:]
    names = {line.strip() for line in lines if not line.strip()
             .startswith("#")} - {""}
    for name in [name for name in names if name.startswith("@")]:
        names |= calls_of(name)
    return names


def test_systemds_filter_for_services_has_all_calls_of_the_shim():
    text = (ROOT / "shim" / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## The system calls"):]
    calls = set(re.findall(r"`([a-z_0-9]+)`", section)) - {"_exit"}
    assert len(calls) > 20
    assert calls <= calls_of("@system-service")


# -------------------------------------------------------------- container

def steps():
    """[(instruction, the rest)] of the Containerfile, lines joined."""
    text = (CONTAINER / "Containerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line]


def test_the_containerfile_is_one():
    assert [step[0] for step in steps()] == ["FROM", "COPY", "RUN", "ENV",
                                             "CMD"]
    for instruction, rest in steps():
        if instruction == "RUN":
            subprocess.run(["sh", "-n", "-c", rest], check=True)
        elif instruction == "CMD":
            program = json.loads(rest)
            compile(program[-1], "Containerfile", "exec")


def test_the_libraries_work_out_of_a_directory_of_their_own(tmp_path):
    """As they are mounted into a container that has neither."""
    said = subprocess.run(["ldd", SHIM], capture_output=True, text=True,
                          check=True).stdout
    mimalloc = re.search(r"(libmimalloc\.so\.2) => (\S+)", said)
    shutil.copy(mimalloc[2], tmp_path / mimalloc[1])
    shim = shutil.copy(SHIM, tmp_path)
    done = subprocess.run(
        ["sh", "-c", "cat /proc/$$/maps"], capture_output=True, text=True,
        check=True, env={**plain_env(), "LD_LIBRARY_PATH": str(tmp_path),
                         "LD_PRELOAD": str(shim)})
    assert done.stderr == ""
    for name in (mimalloc[1], SHIM.name):
        assert str(tmp_path / name) in done.stdout
    readme = (CONTAINER / "README.md").read_text(encoding="utf-8")
    assert f"/gcshim/{mimalloc[1]}:ro" in readme


# As a runtime of containers does it: namespaces, mounts, a root.
CONTAIN = """
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -t tmpfs -o size=64m tmpfs "$1/dev/shm"
root=$1
shift
exec chroot "$root" "$@"
"""


def contained(root, *argv, env=None):
    """The command line that runs something in a container of that root."""
    return ["unshare", "-mpfi", "--mount-proc", "--kill-child", "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            *(f"{key}={value}" for key, value in (env or {}).items()),
            "sh", "-euc", CONTAIN, "sh", str(root), *argv]


@pytest.fixture(name="image", scope="module")
def image_by_the_containerfile(tmp_path_factory):
    """(root, environment, command) after the steps of the Containerfile."""
    require_mounts()
    root = tmp_path_factory.mktemp("image") / "root"
    context = tmp_path_factory.mktemp("context")
    subprocess.run([ROOT / "packaging" / "deb", context], check=True,
                   stdout=subprocess.DEVNULL)
    env, command = {}, None
    for instruction, rest in steps():
        if instruction == "FROM":
            release = re.fullmatch(r"debian:(\w+)-slim", rest)[1]
            subprocess.run(["debootstrap", "--variant=minbase", release,
                            root], check=True, stdout=subprocess.DEVNULL)
            for name in ("resolv.conf", "hosts"):
                shutil.copy(f"/etc/{name}", root / "etc" / name)
        elif instruction == "COPY":
            pattern, target = rest.split()
            for path in context.glob(pattern):
                shutil.copy(path, root / target.lstrip("/"))
        elif instruction == "RUN":
            subprocess.run(contained(root, "sh", "-c", rest, env=env),
                           check=True, stdout=subprocess.DEVNULL)
        elif instruction == "ENV":
            env.update(word.split("=", 1) for word in shlex.split(rest))
        elif instruction == "CMD":
            command = json.loads(rest)
    return root, env, command


@pytest.mark.long
def test_a_program_in_the_container_is_seen_from_outside(image):
    root, env, command = image
    # The variables are the program's, not its surroundings'.
    argv = ["env", *(f"{key}={value}" for key, value in env.items()), *command]
    with subprocess.Popen(contained(root, *argv), env=plain_env()) as process:
        def seen():
            done = run_tool("gcshim-top", "-b", "-n", "1", "--json")
            processes = json.loads(done.stdout)["processes"] \
                if done.returncode == 0 else []
            return [p for p in processes if p["comm"] == command[0]
                    and p["used_bytes"] > 90 << 20]
        try:
            shown, = await_that(seen, "the program in the container")
            assert shown["namespace_pid"] == 1 != shown["pid"]
        finally:
            process.kill()  # and the container with it


@pytest.mark.long
def test_the_package_brings_all_that_it_needs(image):
    """In a Debian that has nothing but what every Debian has."""
    root, _, _ = image
    done = subprocess.run(
        contained(root, "gcshim-run", "--report", "--", "sh", "-c", "exit 3"),
        capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "exited with status 3" in done.stderr
    assert sorted(path.name for path in (root / "usr/bin").glob("gcshim-*")) \
        == sorted(path.name for path in TOOLS.glob("gcshim-*")
                  if path.is_file())
