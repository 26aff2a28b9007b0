"""A signal handler that allocates may come between any two instructions."""

import platform
import re

import pytest

from conftest import BUILD, SHIM, run_shimmed

CHECKED = SHIM.with_name("libgcshim-checked.so")

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64",
    reason="interrupts by the trap flag and the breakpoint of x86-64")


@pytest.mark.parametrize("shim", [SHIM, CHECKED], ids=["plain", "checked"])
@pytest.mark.parametrize("action", [
    "allocate", "fail", "fail_and_allocate", "tick", "trim"])
def test_each_instruction_of_a_call_can_be_interrupted(action, shim):
    done = run_shimmed([BUILD / "test/stress/steps", action],
                       env={"LD_PRELOAD": str(shim)})
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    interruptions, = re.findall(
        r"^(\d+) interruptions, 0 off, 0 threads without a cache$",
        done.stdout)
    assert int(interruptions) > 1000
