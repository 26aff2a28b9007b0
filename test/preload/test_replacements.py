"""A program's own functions by names that the shim has too are the program's."""

import os
import subprocess

import pytest

from conftest import PROGRAMS, run_shimmed, plain_env, shim_env


@pytest.mark.parametrize("name", ["replaced_new", "namesake_user"])
def test_a_programs_own_functions_are_called_as_without_the_shim(name):
    plain = subprocess.run([PROGRAMS / name], env=plain_env(), text=True,
                           capture_output=True, timeout=60, check=False)
    done = run_shimmed([PROGRAMS / name])
    assert plain.returncode == 0 and plain.stdout
    assert (done.returncode, done.stdout, done.stderr) == (
        0, plain.stdout, plain.stderr)


def test_a_report_to_stderr_does_not_keep_a_daemons_callers_waiting():
    """The daemon's caller reads to the end of its output, which must come
    while the daemon lives."""
    code = ("import os\nif os.fork() == 0:\n"
            "    null = os.open('/dev/null', os.O_RDWR)\n"
            "    for fd in (1, 2): os.dup2(null, fd)\n"
            "    os.read(0, 1)\n"
            "    os._exit(0)\n"
            "print('started')")
    out, until = os.pipe(), os.pipe()
    process = subprocess.Popen(
        ["/usr/bin/python3", "-c", code], stdin=until[0], stdout=out[1],
        stderr=out[1], env=shim_env(report="stderr"))
    os.close(out[1])
    try:
        with os.fdopen(out[0]) as output:
            text = output.read()    # to its end, the daemon still waiting
        assert process.wait(timeout=60) == 0
        assert text.startswith("started\ngcshim: python3")
    finally:
        os.close(until[0])
        os.close(until[1])

