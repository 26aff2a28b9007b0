"""Every command has its man page, every option is in it, and the overviews,
gcshim(7) and the README, leave nothing out."""

import os
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, TOOLS, run_tool

PAGES = ROOT / "docs" / "man"
COMMANDS = sorted(path.name for path in TOOLS.glob("gcshim-*")
                  if path.is_file() and os.access(path, os.X_OK))
DOCUMENTS = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def shown(page, width=1000):
    """A page as a reader sees it."""
    done = subprocess.run(["mandoc", "-T", "ascii", "-O", f"width={width}",
                           page], capture_output=True, text=True, check=True)
    return re.sub(r".\x08", "", done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_page_has_every_option_of_its_help(command):
    page = shown(PAGES / f"{command}.1")
    said = run_tool(command, "--help").stdout
    for short, name in re.findall(r"^ +(?:(-\w), )?(--[a-z-]+)", said, re.M):
        assert re.search(rf"^ +(?:-\w.*, )?{name}\b", page, re.M), name
        if short:
            assert re.search(rf"^ +{short}\b.*{name}\b", page, re.M), short


@pytest.mark.parametrize("page", [
    *sorted(PAGES.glob("*.[1-8]")), BUILD / "docs" / "gcshim.7",
    BUILD / "docs" / "gcshim-layout.5"], ids=lambda page: page.name)
def test_a_page_is_without_mistakes(page):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_overview_names_every_command_and_page():
    page = shown(BUILD / "docs" / "gcshim.7")
    start, end = page.index("The commands are"), page.index("Two figures")
    listed = re.findall(r"(gcshim-[a-z]+)\(1\)", page[start:end])
    assert set(COMMANDS) <= set(listed)
    for name in DOCUMENTS:
        assert name in page, name
    assert "gcshim-layout(5)" in page


def test_the_readme_names_every_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in DOCUMENTS:
        assert f"(docs/{name})" in text, name


def test_the_readme_names_every_command():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"`{command}`" in text, command
