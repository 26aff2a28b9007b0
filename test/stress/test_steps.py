"""A signal handler that allocates may come between any two instructions."""

import platform
import re

import pytest

from conftest import BUILD, SHIM, Conversation, document

CHECKED = SHIM.with_name("libgcshim-checked.so")

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64",
    reason="interrupts by the trap flag and the breakpoint of x86-64")


@pytest.mark.parametrize("shim,settings", [
    pytest.param(SHIM, [], id="plain"),
    pytest.param(CHECKED, [], id="checked"),
    pytest.param(SHIM, ["GCSHIM_CACHE_DEBUG=1"], id="cache_debug",
                 marks=pytest.mark.long),
    pytest.param(SHIM, ["GCSHIM_GC_MAX=1GiB"], id="gc_max",
                 marks=pytest.mark.long)])
@pytest.mark.parametrize("action", [
    "allocate", "exchange", "fail", "fail_and_allocate", "tick", "trim"])
def test_each_instruction_of_a_call_can_be_interrupted(action, shim, settings):
    with Conversation(["env", f"LD_PRELOAD={shim}", *settings,
                       BUILD / "test/stress/steps", action]) as program:
        interruptions, = re.findall(
            r"^(\d+) interruptions, 0 off, 0 threads without a cache$",
            program.hear())
        assert int(interruptions) > 1000
        figures = document(program.pid)
        assert [figures[key] for key in (
            "huge_blocks", "huge_bytes", "huge_unlisted", "huge",
            "cached_bytes")] == [0, 0, 0, [], 0]
        program.say()
        assert program.end() == (0, "", "")
