"""The allocation API where it is easily got wrong; see edges.c and
edges_new.cpp, where each group is one claim."""

import subprocess

import pytest

from conftest import PROGRAMS, run_shimmed


def groups(program):
    """What it prints without an argument; nothing if it is not built."""
    path = PROGRAMS / program
    if not path.exists():
        return [f"{program}_is_not_built"]
    done = subprocess.run([path], capture_output=True, text=True, check=True)
    return done.stdout.split()


def check(*argv):
    done = run_shimmed(argv, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("group", groups("edges"))
def test_c(group):
    check(PROGRAMS / "edges", group)


@pytest.mark.parametrize("group", groups("edges_new"))
def test_cplusplus(group):
    check(PROGRAMS / "edges_new", group)


def test_new_throws_into_an_extension_loaded_by_a_c_program():
    check(PROGRAMS / "loader", PROGRAMS / "extension.so")


def test_new_throws_into_every_extension_of_several():
    check(PROGRAMS / "loader", PROGRAMS / "extension.so",
          PROGRAMS / "extension2.so")


def test_a_handler_that_a_pythons_extension_sees():
    """python3 is a C program; ctypes loads with RTLD_LOCAL."""
    code = ("import ctypes, sys\n"
            "e = ctypes.CDLL(sys.argv[1])\n"
            "f = e.new_throws_bad_alloc\n"
            "f.argtypes = [ctypes.c_size_t]\n"
            "print(f(2**63 - 4096), f(100))\n")
    done = run_shimmed(["/usr/bin/python3", "-c", code,
                        PROGRAMS / "extension.so"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 0\n", "")
