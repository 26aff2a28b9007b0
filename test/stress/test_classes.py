"""Blocks keep their size and their bytes whatever their pages were before."""

import pytest

from conftest import BUILD, SHIM, run_shimmed

CHECKED = SHIM.with_name("libgcshim-checked.so")


@pytest.mark.parametrize("settings", [
    {}, {"cache": "16KiB"}, {"cache": 0}, {"cache_debug": 1},
    {"cache_large": 0}])
@pytest.mark.parametrize("shim", [SHIM, CHECKED], ids=["plain", "checked"])
@pytest.mark.parametrize("rounds", [
    60, pytest.param(3000, marks=pytest.mark.long)])
def test_blocks_are_whole_and_of_one_size(shim, settings, rounds):
    done = run_shimmed([BUILD / "test/stress/classes", rounds],
                       settings=settings, env={"LD_PRELOAD": str(shim)},
                       timeout=500)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"rounds {rounds}, drift 0 bytes\n"


def test_the_checked_shim_finds_nothing_under_load():
    done = run_shimmed([BUILD / "test/stress/soak", 3, 3],
                       env={"LD_PRELOAD": str(CHECKED)})
    assert done.returncode == 0, done.stderr
    assert "drift of gcshim 0 bytes" in done.stdout
