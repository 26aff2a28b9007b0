"""The cmocka programs, each of their tests an item of its own.

A program runs once, while pytest collects.  UNIT_BUILD_DIRS names the build
directories, separated by colons; without it there is the one under test."""

import functools
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BUILD

DIRECTORIES = [pathlib.Path(d) for d in
               os.environ.get("UNIT_BUILD_DIRS", str(BUILD)).split(":")]
RESULT = re.compile(r"^(ok|not ok) \d+ (?:- |(# SKIP) )(.*)$")
SUMMARY = re.compile(r"^(# (not )?ok - |1\.\.\d+$)")
COMPLAINT = re.compile(r"Sanitizer|runtime error:")
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1",
}


def programs(directory):
    return sorted(p for p in (directory / "test" / "unit").rglob("unit_*")
                  if p.is_file() and os.access(p, os.X_OK))


def parse(output):
    """Yields (name, verdict, message lines) of each test in TAP output."""
    name, verdict, message = None, None, []
    for line in output.splitlines():
        found = RESULT.match(line)
        if SUMMARY.match(line):
            continue
        if not found:
            message.append(line)
            continue
        if name:
            yield name, verdict, message
        name, message = found[3], []
        verdict = "skipped" if found[2] else found[1]
    if name:
        yield name, verdict, message


@functools.cache
def outcome(program):
    """Runs a program: (its tests, what is wrong with the run as a whole)."""
    env = {**os.environ, **SANITIZERS, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
    done = subprocess.run([program], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=300,
                          check=False)
    tests = list(parse(done.stdout))
    planned = sum(map(int, re.findall(r"^1\.\.(\d+)$", done.stdout, re.M)))
    failed = sum(verdict == "not ok" for _, verdict, _ in tests)
    faults = []
    if not tests or len(tests) != planned:
        faults.append(f"{len(tests)} of {planned} tests gave a result")
    if done.returncode and not failed:
        faults.append(f"exit status {done.returncode}")
    if COMPLAINT.search(done.stdout):
        faults.append("a sanitizer complained")
    return tests, "; ".join(faults) and "\n".join(faults + [done.stdout])


def pytest_generate_tests(metafunc):
    cases = []
    for directory in DIRECTORIES:
        found = programs(directory)
        if not found:
            cases.append(pytest.param("not ok", [f"{directory} has none"],
                                      id=f"{directory.name}:has_programs"))
        for program in found:
            short = f"{directory.name}/{program.name}"
            tests, fault = outcome(program)
            cases += [pytest.param(verdict, [name, *message],
                                   id=f"{short}:{name}")
                      for name, verdict, message in tests]
            cases.append(pytest.param("not ok" if fault else "ok", [fault],
                                      id=f"{short}:runs_to_its_end"))
    metafunc.parametrize("verdict, message", cases)


def test_unit(verdict, message):
    if verdict == "skipped":
        pytest.skip(f"the program skips {' '.join(message)}")
    assert verdict == "ok", "\n".join(message)
