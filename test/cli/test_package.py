"""The Debian packages, as packaging/deb builds them: what is in them, what
lintian says, and that the commands work where they have been installed."""

import json
import os
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, TOOLS, plain_env, run_tool
from roots import require_mounts

DEBIAN = ROOT / "packaging" / "debian"
# Of the package alone: meson installs none of these.
OWN = re.compile(r"/usr/share/(doc|lintian)/|/usr/lib/debug/")


def output(*argv, **kwargs):
    return subprocess.run([str(a) for a in argv], check=True, text=True,
                          stdout=subprocess.PIPE, **kwargs).stdout


@pytest.fixture(name="packages", scope="module")
def built_packages(tmp_path_factory):
    """{name: file} of the packages of this tree."""
    directory = tmp_path_factory.mktemp("packages")
    done = subprocess.run([ROOT / "packaging" / "deb", directory], text=True,
                          capture_output=True, timeout=550, check=False,
                          env={**os.environ,
                               "DEB_BUILD_OPTIONS": "noautodbgsym"})
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name.split("_")[0]: path for path in directory.glob("*.deb")}


def files_of(package):
    """Its files and links, a compressed one by its name without that."""
    lines = output("dpkg-deb", "-c", package).splitlines()
    names = [line.split(None, 5)[5].split(" -> ")[0] for line in lines
             if not line.startswith("d")]
    return {re.sub(r"\.gz$", "", name[1:]) for name in names}


def field(package, name):
    return output("dpkg-deb", "-f", package, name).strip()


def commands():
    """What has been built of them."""
    return sorted(path.name for path in TOOLS.glob("gcshim-*")
                  if path.is_file() and os.access(path, os.X_OK))


def words(names):
    """The packages of a list of dependencies, without their versions."""
    return [word.split()[0] for word in names.split(",") if word.strip()]


def test_the_packages_hold_what_meson_installs(packages):
    options = json.loads(output("meson", "introspect", "--buildoptions",
                                BUILD))
    prefix, = (o["value"] for o in options if o["name"] == "prefix")
    installed = json.loads(output("meson", "introspect", "--installed",
                                  BUILD))
    expected = {path.replace(prefix, "/usr", 1) for path in installed.values()}
    expected = {path.replace("/zsh/site-functions/",
                             "/zsh/vendor-completions/") for path in expected}
    held = files_of(packages["gcshim"]) | files_of(packages["libgcshim-dev"])
    assert {path for path in held if not OWN.match(path)} == expected
    assert commands() == sorted(os.path.basename(path) for path in expected
                                if path.startswith("/usr/bin/"))


def test_what_programs_are_built_with_is_apart(packages):
    dev = {path for path in files_of(packages["libgcshim-dev"])
           if not OWN.match(path)}
    assert all("/include/" in path or path.endswith("/gcshim.pc")
               for path in dev)
    assert not any("/include/" in path or path.endswith(".pc")
                   for path in files_of(packages["gcshim"]))


def test_lintian_has_nothing_to_say(packages):
    changes, = packages["gcshim"].parent.glob("*.changes")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on",
                           "error,warning", changes], text=True,
                          capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_package_is_of_this_version(packages):
    version = run_tool("gcshim-run", "-V").stdout.split()[-1]
    assert {field(path, "Version") for path in packages.values()} == {version}


def test_what_is_opened_at_run_time_is_recommended(packages):
    assert "libunwind8" in words(field(packages["gcshim"], "Recommends"))
    needs = words(field(packages["gcshim"], "Depends"))
    assert "libc6" in needs and "libunwind8" not in needs


def test_what_the_build_needs_is_what_run_installs():
    """A package built where something is missing would lack a command."""
    control = (DEBIAN / "control").read_text(encoding="utf-8")
    depends = words(re.search(r"^Build-Depends:(.*?)^\S", control,
                              re.M | re.S)[1])
    script = (ROOT / "run").read_text(encoding="utf-8")
    listed = re.search(r"^build\(\) \{\n +install_missing ((?:.*\\\n)*.*)$",
                       script, re.M)[1]
    always = {"gcc", "libc6-dev"}  # build-essential's
    assert set(listed.replace("\\", " ").split()) - always <= set(depends)


def test_a_directory_that_is_none_is_a_mistake():
    done = subprocess.run([ROOT / "packaging" / "deb", "--nonsense"],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


# ------------------------------------------------------------- installed

# This machine's files below, all that changes in memory above.
OVER = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay "$1/root" \
    -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work"
root=$1/root upper=$1/upper
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev/shm"
shift
mkdir "$root/debs"
cp "$@" "$root/debs"
chroot "$root" sh -euc "$INSIDE" 2>&1
echo "== left"
find "$upper" -name '*gcshim*' ! -path "$upper/debs/*" -printf '%P\n'
"""
# Quietly, but for what goes wrong.
INSTALL = """
export DEBIAN_FRONTEND=noninteractive
dpkg -i /debs/*.deb >/var/log/test 2>&1 || { cat /var/log/test; exit 1; }
"""
REMOVE = """
dpkg -P gcshim libgcshim-dev >/var/log/test 2>&1 ||
    { cat /var/log/test; exit 1; }
"""


SECTIONS = {
    "commands": """
gcshim-run -- sh -c 'echo "$LD_PRELOAD"; gcshim-stat $$ | head -n 1'
LD_PRELOAD=libgcshim.so sh -c 'gcshim-top -b -n 1 -p $$ | tail -n 1'
for command in /usr/bin/gcshim-*; do "$command" -V; done
""",
    "headers": r"""
printf '%s\n' '#include <gcshim/gcshim.h>' '#include <gcshim/layout.h>' \
    '#include <stdio.h>' \
    'int main(void){puts(gcshim_used ? "yes" : "no");}' >/var/x.c
gcc -o /var/x /var/x.c $(pkg-config --cflags gcshim)
/var/x; gcshim-run /var/x
""",
    "zsh": """
zsh -fc 'autoload -Uz compinit; compinit -u -D; print ${_postpatcomps[gcshim-*]}'
""",
    "pages": """
cd /
for page in $(cd /usr/bin; echo gcshim-*) gcshim gcshim-layout; do
    man -w "$page" | sed 's,.*/,,'
done
"""}


@pytest.fixture(name="installed", scope="module")
def installed_packages(packages, tmp_path_factory):
    """{section: what its commands print} where the packages are installed,
    once for all; "left" is what is there when they have been removed."""
    require_mounts()
    parts = [f"echo '== {name}'{commands}"
             for name, commands in SECTIONS.items()]
    done = subprocess.run(
        ["unshare", "-mpf", "--mount-proc", "sh", "-euc", OVER, "sh",
         tmp_path_factory.mktemp("over"), packages["gcshim"],
         packages["libgcshim-dev"]],
        env={**plain_env(), "INSIDE": "".join([INSTALL, *parts, REMOVE])},
        capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return dict(re.findall(r"^== (\w+)\n(.*?)(?=^== |\Z)", done.stdout,
                           re.M | re.S))


def test_the_installed_commands_find_the_installed_shim(installed):
    said = installed["commands"].splitlines()
    assert re.fullmatch(r"/usr/lib/\S+-linux-gnu/libgcshim.so", said[0])
    assert re.match(r"sh \(pid \d+\)", said[1])
    assert said[2].endswith(" sh -c gcshim-top -b -n 1 -p $$ | tail -n 1")
    assert [line.split()[0] for line in said[3:]] == commands()


def test_a_program_is_built_with_the_installed_headers(installed):
    assert installed["headers"] == "no\nyes\n"


def test_every_installed_command_has_its_man_page(installed):
    assert installed["pages"].split() == [
        *(f"{name}.1.gz" for name in commands()),
        "gcshim.7.gz", "gcshim-layout.5.gz"]


def test_zsh_finds_the_installed_completion(installed):
    assert installed["zsh"] == "_gcshim\n"


def test_removed_packages_leave_nothing(installed):
    assert installed["left"] == ""
