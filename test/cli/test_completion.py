"""What the shells complete: bash's and zsh's completions know every command
that was built, and every option of which its help tells."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import ROOT, TOOLS, plain_env, run_tool
from programs import Holder
from terminal import Terminal

COMPLETION = ROOT / "docs" / "completion"
COMMANDS = sorted(path.name for path in TOOLS.glob("gcshim-*")
                  if path.is_file() and os.access(path, os.X_OK))
PATH = f"{TOOLS}:{os.environ['PATH']}"


def options_of(command):
    """The long options that its help lists."""
    heads = re.findall(r"^ +(-.*?)(?:  |$)",
                       run_tool(command, "--help").stdout, re.M)
    return {name for head in heads for name in re.findall("--[a-z-]+", head)}


# ------------------------------------------------------------------ bash

COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
spec=$(complete -p "$1") || exit
function=${spec#*-F }
"${function%% *}" "$1" "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(*words):
    """What bash would offer for the last word."""
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE, "bash", COMPLETION / "gcshim",
         *map(str, words)], capture_output=True, text=True, check=False,
        env={**plain_env(), "PATH": PATH})
    assert (done.returncode, done.stderr) == (0, ""), words
    return set(done.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_knows_every_option(command):
    known = {option.split("=")[0] for option in bash(command, "--")}
    assert options_of(command) <= known


@pytest.mark.parametrize("words, offered", [
    (["gcshim-top", "-s", "pe"], {"peak"}),
    (["gcshim-run", "--preset=r"], {"--preset=ruby"}),
    (["gcshim-ctl", "12", "tr"], {"trim"}),
    (["gcshim-ctl", "cl"], {"clean"})])
def test_bash_completes(words, offered):
    assert bash(*words) == offered


@pytest.mark.parametrize("words", [
    ["gcshim-top", "-p"], ["gcshim-stat"], ["gcshim-ctl"]])
def test_bash_offers_the_processes_under_gcshim(words):
    with Holder(1) as holder:
        assert bash(*words, holder.pid) == {str(holder.pid)}


# ------------------------------------------------------------------- zsh

@pytest.mark.parametrize("command", COMMANDS)
def test_zsh_knows_every_option_and_what_it_takes(command):
    text = run_tool(command, "--help").stdout
    specs = subprocess.run(
        ["zsh", "-fc", 'source $1; _gcshim_specs "$2"', "zsh",
         COMPLETION / "_gcshim", text], capture_output=True, text=True,
        check=True, env=plain_env()).stdout.splitlines()
    found = {}
    for spec in specs:
        option = re.match(r"(?:\(-\w --[a-z-]+\))?(--?[A-Za-z-]+?)"
                          r"(\+|=-?)?\[.*\](:.*)?$", spec)
        assert option, spec
        found[option[1]] = option[2]
    assert {name for name in found if name.startswith("--")} == \
        options_of(command)
    assert {name for name in found if len(name) == 2} == \
        set(re.findall(r"^ +(-\w), --", text, re.M))
    for name, takes in found.items():
        if name.startswith("--"):
            joined = re.search(rf"^.*{name}(?![a-z-])(\[?)([= ][A-Za-z])?",
                               text, re.M)
            assert takes == (("=-" if joined[1] else "=") if joined[2]
                             else None), name


class Zsh(Terminal):
    """An interactive zsh that completes for our commands."""

    def __init__(self):
        super().__init__(command=[shutil.which("zsh"), "-f", "-i"], cols=110,
                         rows=50, env={"PATH": PATH})
        # What it is to say does not stand in what is typed.
        self.press(f"PS1='$ '; fpath=({COMPLETION} $fpath); bindkey -e; "
                   "autoload -Uz compinit; compinit -u -D; clear; "
                   "print rea''dy\r")
        self.await_screen(lambda screen: screen.split() == ["ready", "$"],
                          "the prompt")

    def completes(self, typed, text):
        """Types, and a tab behind it, until the screen has the text."""
        self.press(typed, "\t")
        self.await_screen(text)
        self.press("\x15\x0c")  # the line and the screen are cleared
        self.await_screen(lambda screen: screen.strip() == "$")


@pytest.fixture(name="zsh", scope="module")
def interactive_zsh():
    with Zsh() as zsh:
        yield zsh


@pytest.mark.parametrize("typed, text", [
    ("gcshim-top --bat", "--batch"),
    ("gcshim-top -s pea", "-s peak"),
    ("gcshim-run --gc=obs", "--gc=observe"),
    ("gcshim-run --preset r", "--preset ruby"),
    ("gcshim-run --shim=/etc/passw", "--shim=/etc/passwd"),
    ("gcshim-run --keep -- gcshim-top --bat", "gcshim-top --batch"),
    ("gcshim-run gcshim-sta", "gcshim-stat"),
    ("gcshim-ctl 12 tr", "12 trim"),
    ("gcshim-ctl cl", "clean"),
    ("gcshim-ctl 12 ", "baseline  -- remember the figures of now"),
    ("gcshim-stat /etc/passw", "/etc/passwd")])
def test_zsh_completes(zsh, typed, text):
    zsh.completes(typed, text)


@pytest.mark.parametrize("typed", ["gcshim-top -p ", "gcshim-stat ",
                                   "gcshim-ctl "])
def test_zsh_offers_the_processes_under_gcshim(zsh, typed):
    with Holder(1) as holder:
        zsh.completes(f"{typed}{str(holder.pid)[:-1]}", str(holder.pid))
