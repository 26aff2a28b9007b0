"""gcshim-run: what a program never freed, who had asked for it, what is
suppressed of that, and what the exit status makes of it."""

import os
import re

import pytest

from conftest import PROGRAMS, run_tool

LEAKS = PROGRAMS / "leaks"
LEAK, CACHE = 5 * 1024, 10 * 112  # usable sizes


def run(*args, **kwargs):
    return run_tool("gcshim-run", *args, **kwargs)


@pytest.fixture(name="suppressing")
def a_file_of_suppressions(tmp_path):
    def write(*patterns):
        path = tmp_path / "supp"
        path.write_text("# known\n" + "".join(
            f"leak:{p}\n" for p in patterns), encoding="utf-8")
        return path
    return write


def functions(text):
    """The functions on each stack, the innermost first."""
    return [re.findall(r"^    (\w+) at ", part, re.M)
            for part in re.split(r"^site \d+: ", text, flags=re.M)[1:]]


def test_what_was_never_freed_is_told_with_who_asked_for_it():
    done = run("--report", "--sample=1", LEAKS)
    assert done.returncode == 0
    assert re.search(r"^  never freed +6\.1 KiB   in 11 blocks at 2 call "
                     r"sites$", done.stderr, re.M), done.stderr
    first, second = functions(done.stderr)
    assert first[:3] == ["take", "leak_one", "main"]
    assert second[:3] == ["take", "fill_cache", "main"]
    assert "warm_up" not in done.stderr  # freed
    words = " ".join(done.stderr.split())
    assert "whether anything still pointed there is not known" in words
    assert "small leaks may be missing" not in words


def test_that_small_leaks_may_be_missing_is_told():
    done = run("--report", "--sample=1MiB", LEAKS)
    assert "small leaks may be missing (--sample=1 takes all)" in \
        " ".join(done.stderr.split())


def test_suppressed_sites_are_counted_and_not_shown(suppressing):
    done = run("--report", "--sample=1", "--suppressions",
               suppressing("^fill_*$", "nobody"), LEAKS)
    assert re.search(r"^  never freed +5\.0 KiB   in 1 block at 1 call site$",
                     done.stderr, re.M), done.stderr
    assert re.search(r"^  suppressed +1\.1 KiB   in 10 blocks at 1 call site$",
                     done.stderr, re.M), done.stderr
    assert [f[1] for f in functions(done.stderr)] == ["leak_one"]


@pytest.mark.parametrize("pattern", ["leaks.c", "/leaks$", "^main$"])
def test_files_and_modules_can_be_suppressed_too(suppressing, pattern):
    done = run("--leak-exitcode=9", "--suppressions", suppressing(pattern),
               LEAKS)
    assert done.returncode == 0, done.stderr
    assert "at 0 call sites\n  suppressed" in done.stderr
    assert functions(done.stderr) == []


def test_leaksanitizers_own_file_is_honoured(suppressing):
    path = suppressing("leak_one")
    done = run("--leak-exitcode=9", "--suppressions", suppressing("leak_one"),
               LEAKS)
    assert done.returncode == 9
    done = run("--leak-exitcode=9", LEAKS, env={
        "LSAN_OPTIONS": f"verbosity=0:suppressions={path}"})
    assert done.returncode == 9
    assert [f[1] for f in functions(done.stderr)] == ["fill_cache"]


def test_leaksanitizers_own_file_keeps_no_program_from_running():
    done = run("--leak-exitcode=9", "true", env={
        "LSAN_OPTIONS": "suppressions=/no/such"})
    assert done.returncode == 0
    assert done.stderr.startswith(
        "gcshim-run: /no/such: No such file or directory\n")


@pytest.mark.parametrize("args, status", [
    ([], 9), ([0], 9), ([3], 3), ([0, 15], 143)])
def test_leaks_never_replace_a_status_that_tells_something(args, status):
    assert run("--leak-exitcode=9", LEAKS, *args).returncode == status


def test_without_leaks_the_status_is_the_programs():
    assert run("--leak-exitcode=9", "true").returncode == 0


def test_leaks_that_cannot_be_looked_for_are_a_failure(tmp_path):
    static = os.fspath(PROGRAMS / "leaks-static")
    done = run("--leak-exitcode=9", static)
    assert done.returncode == 1
    assert done.stderr.endswith(
        "gcshim-run: what was never freed is not known\n")
    assert run("--leak-exitcode=9", static, 4).returncode == 4


def test_the_status_tells_though_nobody_reads_the_report():
    done = run("--leak-exitcode=9", "sh", "-c", f"exec {LEAKS} 2>&-",
               preexec_fn=lambda: os.close(2), stderr=None,
               capture_output=False)
    assert done.returncode == 9


@pytest.mark.parametrize("option, value", [
    ("--sample", "512KiB"), ("--sample=64KiB", "64KiB"), ("--sample=0", "0")])
def test_a_mean_becomes_a_setting_of_the_shim(option, value):
    done = run(option, "sh", "-c", "echo $GCSHIM_SAMPLE")
    assert (done.returncode, done.stdout, done.stderr) == (0, value + "\n", "")


def test_a_check_for_leaks_takes_every_block_unless_told_otherwise():
    shown = ["sh", "-c", "echo $GCSHIM_SAMPLE"]
    assert run("--leak-exitcode=9", *shown).stdout == "1\n"
    assert run("--leak-exitcode=9", "--sample=8KiB", *shown).stdout == "8KiB\n"
    assert run("--leak-exitcode=9", *shown,
               env={"GCSHIM_SAMPLE": "9KiB"}).stdout == "9KiB\n"


@pytest.mark.parametrize("args, status, says", [
    (["--sample=x", "true"], 2, "--sample: 'x' is no size"),
    (["--leak-exitcode=0", "true"], 2, "'0' is no number from 1 to 255"),
    (["--leak-exitcode=256", "true"], 2, "'256'"),
    (["--suppressions=/no/such", "true"], 1, "/no/such: No such file")])
def test_a_mistake_is_one_line(args, status, says):
    done = run(*args)
    assert (done.returncode, done.stdout) == (status, "")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_a_line_that_is_no_suppression_is_named(tmp_path):
    path = tmp_path / "supp"
    path.write_text("leak:x\nrace:y\n", encoding="utf-8")
    done = run("--suppressions", path, "true")
    assert (done.returncode, done.stderr) == (
        1, f"gcshim-run: {path}: line 2 is not of the form leak:PATTERN\n")
