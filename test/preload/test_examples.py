"""The worked examples of docs/examples, under the shim and without."""

import re
import signal
import subprocess

import pytest

from conftest import (BUILD, ROOT, plain_env, run_shimmed, run_tool,
                      shim_env)
from gc_section import ASKED, PACE, run_kept

EXAMPLES = BUILD / "docs" / "examples"


def example(name):
    if not (EXAMPLES / name).exists():
        pytest.skip(f"{name} was not built")
    return EXAMPLES / name


def alone(name):
    done = subprocess.run([example(name)], env=plain_env(), text=True,
                          capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def shimmed(name, **settings):
    """(what it printed, its collections)"""
    done, (collections,) = run_kept([example(name)], **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, collections


def test_mark_sweep_paces_itself_by_memory():
    said, gc = shimmed("mark_sweep")
    number, died, left = map(int, re.findall(r"\d+", said)[:3])
    assert said.startswith("paced by gcshim: ") and "whole" in said
    assert said.endswith("0 objects at the end\n")
    assert gc.collections == [0, 0, number + 1]    # one more at the end
    assert gc.objects == died + left
    assert [e.flags for e in gc.events] == [ASKED] * number + [0]


def test_mark_sweep_collects_sooner_where_it_may_use_less():
    never = shimmed("mark_sweep", gc_min="1GiB")[1].event_count
    some = shimmed("mark_sweep")[1].event_count
    often = shimmed("mark_sweep", gc_max="24MiB")[1].event_count
    assert never == 1 < some < often    # the one is that at the end


def test_mark_sweep_lives_within_its_limit():
    """64 trees of 127 objects are some 17 MiB."""
    said, gc = shimmed("mark_sweep", gc_max="20MiB")
    assert "whole" in said
    assert max(e.used_before for e in gc.events) <= 20 << 20


def test_mark_sweep_says_so_when_memory_is_out():
    done = run_shimmed([example("mark_sweep")], settings={"gc_max": "8MiB"})
    assert (done.returncode, done.stderr) == \
        (1, "mark_sweep: out of memory\n")


def test_mark_sweep_counts_objects_without_the_shim():
    assert re.fullmatch(r"paced by count: \d+ collections, .*whole\n"
                        r"0 objects at the end\n", alone("mark_sweep"))


def test_lua_is_paced_by_memory():
    said, gc = shimmed("lua_paced", gc_min="1MiB", gc_max_delta="2MiB")
    young, whole, peak = map(int, re.findall(r"\d+", said))
    assert said.startswith("paced by gcshim: ") and young > 10
    assert gc.collections == [young, 0, whole]
    assert gc.mode == PACE
    # Less than 1 MiB live; without collections it would be 50 MiB and more.
    assert peak < 8 * 1024
    assert sum(e.freed for e in gc.events) == gc.freed_bytes > 40 << 20


def test_lua_uses_more_where_it_may():
    low = shimmed("lua_paced", gc_min="1MiB", gc_max_delta="2MiB")[0]
    high = shimmed("lua_paced", gc_min="16MiB")[0]
    peaks = [int(re.findall(r"\d+", said)[2]) for said in (low, high)]
    assert peaks[0] * 2 < peaks[1] < 20 * 1024


def test_lua_paces_itself_without_the_shim():
    assert alone("lua_paced") == "paced by Lua itself\n"


def test_the_toy_collector_is_short():
    """What it teaches fits into 200 lines."""
    text = (ROOT / "docs" / "examples" / "mark_sweep.c").read_text()
    assert len(text.splitlines()) <= 200


def test_the_service_of_the_tutorial_is_led_back_to_its_line():
    """docs/tutorial.md, in short."""
    source = ROOT / "docs" / "examples" / "thumbnails.py"
    service = subprocess.Popen(
        ["/usr/bin/python3", source, "serve", "0"], text=True,
        env=shim_env(sample="64KiB"), stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        port = re.search(r":(\d+)$", service.stdout.readline().strip())[1]
        subprocess.run(["/usr/bin/python3", source, "visit", port, "200"],
                       env=plain_env(), check=True, timeout=60)
        told = run_tool("gcshim-prof", service.pid, "-n", "1").stdout
    finally:
        service.send_signal(signal.SIGINT)
        assert service.wait(timeout=60) == 0
    lines = source.read_text().splitlines()
    guilty = 1 + next(i for i, line in enumerate(lines)
                      if "CACHE.get(self.path" in line)
    assert "draw_thumbnail at " in told
    assert f"Thumbnails.do_GET at {source}:{guilty}\n" in told
