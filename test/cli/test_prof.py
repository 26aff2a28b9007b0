"""gcshim-prof: who asked for memory, in every form, of forged segments whose
truth is known, and of real programs."""

import json
import math
import os
import re
import subprocess

import pytest

from conftest import BUILD, Conversation, await_that, run_tool
from forge import (profile_table, sampled_segment, segment_bytes,
                   segment_file, with_tables)
from programs import Holder, Puppet

MIB, KIB = 1 << 20, 1 << 10
MEAN = 64 * KIB
LOAD = [("load", "app.py", 12), ("main", "app.py", 30)]
KEEP = [("keep", "cache.py", 7), ("main", "app.py", 31)]
SITE_LOAD, SITE_KEEP = 8, 9


def prof(*args, **kwargs):
    return run_tool("gcshim-prof", *args, **kwargs)


def shown(*args, **kwargs):
    done = prof(*args, **kwargs)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.fixture(name="dead")
def a_place_for_segments(tmp_path):
    """Writes the segment of a dead process: its path."""
    def write(*stacks, name="segment", **sampled):
        path = tmp_path / name
        path.write_bytes(sampled_segment(
            os.getpid(), *stacks, segment={"start_time": 1, "stack_start": 1},
            **sampled))
        return path
    return write


def section(text, number):
    """The lines about a site, without those about others."""
    found = re.search(rf"^site {number}: .*?(?=\n\n|\Z)", text, re.M | re.S)
    assert found, text
    return found[0].splitlines()


# ----------------------------------------------------------------- a report

def test_each_site_has_its_bytes_blocks_ages_threads_and_stack(dead):
    path = dead(LOAD, KEEP, used=16 * MIB, age_s=90,
                huge=[(3 * MIB, SITE_LOAD), (1 * MIB, SITE_LOAD, 7),
                      (2 * MIB, SITE_KEEP)],
                totals={SITE_LOAD: (9 * MIB, 0, 12, 0)})
    lines = section(shown(path), SITE_LOAD)
    assert lines == [
        "site 8: 4.0 MiB in use, 25.0% of all (exact)",
        "  2 blocks of 2 samples, aged 1 min 30 s",
        "  ever asked for: 9.0 MiB in 12 blocks",
        "  by thread 1 3.0 MiB, 7 1.0 MiB",
        "    load at app.py:12",
        "    main at app.py:30"]


def test_sites_stand_in_the_order_of_what_lives_or_was_ever_asked_for(dead):
    path = dead(LOAD, KEEP, used=16 * MIB,
                huge=[(1 * MIB, SITE_LOAD), (2 * MIB, SITE_KEEP)],
                totals={SITE_LOAD: (9 * MIB, 0, 12, 0)})
    live = re.findall(r"^site (\d+):", shown(path), re.M)
    total = re.findall(r"^site (\d+):", shown("--total", path), re.M)
    assert (live, total) == (["9", "8"], ["8", "9"])


def test_the_heading_tells_what_part_of_used_is_explained(dead):
    path = dead(LOAD, used=16 * MIB, huge=[(4 * MIB, SITE_LOAD), (MIB, 0)])
    text = shown(path)
    assert "  sampling one byte in 64.0 KiB; last turned on 1 min 0 s ago\n" \
        in text
    assert "  memory used       16.0 MiB   exact\n" in text
    assert "  in use at sites    4.0 MiB   exact, 25.0% of used\n" in text
    assert ("  at no site        12.0 MiB   1.0 MiB in huge blocks from before "
            "sampling\n") in text


def test_what_was_sampled_by_chance_has_a_range(dead):
    path = dead(LOAD, used=MIB, samples=[(64, SITE_LOAD)] * 10)
    first, second, *_ = section(shown(path), SITE_LOAD)
    # Ten samples of 64 KiB each: Garwood's range of a count of 10.
    assert first == ("site 8: 640.3 KiB in use, 62.5% of all (307.2 KiB to "
                     "1.1 MiB)")
    assert second == "  about 10,245 blocks of 10 samples, aged 0.0 s"


def test_what_did_not_fit_is_told(dead):
    text = shown(dead(LOAD, huge=[(MIB, SITE_LOAD)], used=MIB,
                      dropped=(1, 2, 3, 4)))
    assert "  1 samples, whose blocks are not among those in use, had no room" \
        in text
    for line in ("2 call stacks", "3 modules", "4 names"):
        assert f"  {line} had no room\n" in text


def test_few_sites_are_shown_and_the_rest_is_summed(dead):
    path = dead(*[LOAD] * 12, used=99 * MIB,
                huge=[(MIB + i, 8 + i) for i in range(12)])
    text = shown(path)
    assert len(re.findall(r"^site ", text, re.M)) == 10
    assert "\n2 more sites with 2.0 MiB in use (-n, --min)\n" in text
    assert len(re.findall(r"^site ", shown("-n", 0, path), re.M)) == 12
    assert len(re.findall(r"^site ", shown("-n", 3, path), re.M)) == 3
    text = shown("--min", MIB + 9, path)
    assert len(re.findall(r"^site ", text, re.M)) == 3


def test_calls_of_the_interpreter_between_its_functions_are_told_in_a_line(
        dead):
    inner, outer = ("work", "a.py", 1), ("main", "a.py", 2)
    stack = [(0x10, 1), inner, (0x20, 1), (0x30, 1), outer, inner, (0x40, 2),
             (0x50, 1), outer, (0x60, 2), inner, (0x70, 1), (0x80, 1)]
    path = dead(stack, used=MIB, huge=[(MIB, 8)],
                modules=["/no/python3.11", "/no/lib.so"])
    assert section(shown("--no-symbols", path), 8)[4:] == [
        "    python3.11+0xf", "    work at a.py:1",
        "    (2 calls in python3.11)", "    main at a.py:2",
        "    work at a.py:1", "    lib.so+0x3f", "    python3.11+0x4f",
        "    main at a.py:2", "    (1 call in lib.so)", "    work at a.py:1",
        "    python3.11+0x6f", "    python3.11+0x7f"]


def test_a_deep_stack_is_shortened_and_a_cut_one_says_so(dead):
    deep = [(f"f{i}", "a.py", i) for i in range(30)]
    path = dead(deep, LOAD, used=9 * MIB, cut=[8],
                huge=[(2 * MIB, 8), (MIB, 9)])
    lines = section(shown(path), 8)
    assert lines[-1] == "    (10 more calls)"
    assert lines[-2] == "    f19 at a.py:19"
    lines = section(shown("--depth=0", path), 8)
    assert lines[-2] == "    f29 at a.py:29"
    assert "GCSHIM_STACK_DEPTH" in lines[-1]
    assert "STACK_DEPTH" not in "".join(section(shown(path), 9))


def test_frames_without_a_name_show_where_they_are(dead):
    stack = [(0x1235, 1), (0x7f0000001001, 0)]
    path = dead(stack, used=MIB, huge=[(MIB, 8)], modules=["/no/libfoo.so"])
    for options in (), ("--no-symbols",):
        lines = section(shown(*options, path), 8)
        assert lines[-2:] == ["    libfoo.so+0x1234", "    0x7f0000001000"]


def test_stacks_that_there_are_not_are_told_apart(dead):
    text = shown(dead(LOAD, used=9 * MIB, huge=[(MIB, 1), (2 * MIB, 2)]))
    assert section(text, 1)[-1] == "    (the stack could not be taken)"
    assert section(text, 2)[-1] == "    (stacks that there was no room for)"


def test_an_escape_in_a_name_reaches_no_terminal(dead):
    evil = [("\x1b[31mred", "a;b\n.py", 1)]
    path = dead(evil, used=MIB, huge=[(MIB, 8)], modules=["/\x1b[31m"])
    for form in "--text", "--folded", "--json", "--speedscope":
        text = shown(form, path)
        assert "\x1b" not in text and "?[31mred" in text


# ------------------------------------------------------------------- folded

def test_a_stack_is_a_line_with_its_outermost_call_first(dead):
    path = dead(LOAD, KEEP, used=9 * MIB,
                huge=[(MIB, SITE_LOAD), (2 * MIB, SITE_KEEP), (3 * MIB, 1)])
    assert shown("--folded", path).splitlines() == [
        f"(no stack) {3 * MIB}", f"main;keep {2 * MIB}", f"main;load {MIB}"]


def test_all_that_was_ever_asked_for_can_be_folded(dead):
    path = dead(LOAD, KEEP, totals={SITE_LOAD: (1234.4, 5, 1, 0)})
    assert shown("--folded", "--total", path) == "main;load 1234\n"
    assert shown("--folded", path) == ""


def test_a_semicolon_in_a_name_ends_no_call(dead):
    path = dead([("operator;\n", "a.cc", 1), ("main", "a.cc", 2)], used=MIB,
                huge=[(MIB, 8)], cut=[8])
    assert shown("--folded", path) == f"(cut);main;operator:? {MIB}\n"


# --------------------------------------------------------------------- JSON

def test_the_document_has_figures_ranges_and_frames(dead):
    stack = [*LOAD, (0x1235, 1)]
    path = dead(stack, used=9 * MIB, samples=[(64, 8)] * 4,
                huge=[(MIB, 8, 7)], modules=["/no/libfoo.so"])
    document = json.loads(shown("--json", path))
    assert (document["schema_version"], document["pid"], document["state"],
            document["sampling"]) == (1, os.getpid(), "dead", "on")
    assert (document["mean_bytes"], document["used_bytes"]) == (MEAN, 9 * MIB)
    site, = document["sites"]
    p = -math.expm1(-64 / MEAN)
    assert site["live_bytes"] == pytest.approx(4 * 64 / p + MIB, abs=1)
    assert site["live_bytes_variance"] == pytest.approx(
        4 * (1 - p) * (64 / p) ** 2)
    assert site["live_bytes_low"] < site["live_bytes"] < \
        site["live_bytes_high"]
    assert (site["site"], site["live_samples"]) == (8, 5)
    assert [t["tid"] for t in site["threads"]] == [7, 1]
    assert site["frames"] == [
        {"function": "load", "file": "app.py", "line": 12, "module": None,
         "place": None, "is_inlined": False, "is_interpreted": True},
        {"function": "main", "file": "app.py", "line": 30, "module": None,
         "place": None, "is_inlined": False, "is_interpreted": True},
        {"function": None, "file": None, "line": None,
         "module": "/no/libfoo.so", "place": "libfoo.so+0x1234",
         "is_inlined": False, "is_interpreted": False}]


# --------------------------------------------------------------- comparison

def changes(text):
    """The changes in their order, each (first line, functions)."""
    _, _, rest = text.partition("\ncompared with ")
    parts = rest.split("\n\n")[1:]
    return [(part.splitlines()[0],
             [line.split()[0] for line in part.splitlines()[1:]])
            for part in parts if " more stack" not in part]


@pytest.fixture(name="two")
def two_moments(dead):
    then = dead(LOAD, KEEP, name="then", used=6 * MIB,
                huge=[(2 * MIB, 8), (3 * MIB, 9)])
    # The same stacks in another order, at other lines; and a namesake.
    now = dead([("load", "x.py", 1), LOAD[1]], [("keep", "/src/cache.py", 9), KEEP[1]],
               LOAD, name="now", used=11 * MIB,
               huge=[(MIB, 8), (2 * MIB, 9), (7 * MIB, 10)])
    return now, then


@pytest.mark.parametrize("saved", [True, False])
def test_sites_are_matched_by_their_functions_the_largest_growth_first(
        two, saved, tmp_path):
    now, then = two
    base = then
    if saved:
        base = tmp_path / "base.json"
        assert shown("--json", "-o", base, then) == ""
    text = shown("--diff", base, now)
    assert f"(pid {os.getpid()}): used 6.0 MiB -> 11.0 MiB, +5.0 MiB\n" in text
    assert changes(text) == [
        ("+5.0 MiB: 2.0 MiB -> 7.0 MiB (exact)", ["load", "main"]),
        ("+1.0 MiB: 0 B -> 1.0 MiB (+787.9 KiB to +1.0 MiB)",
         ["load", "main"]),
        ("-1.0 MiB: 3.0 MiB -> 2.0 MiB (exact)", ["keep", "main"])]


def test_small_changes_can_be_left_out(two):
    now, then = two
    text = shown("--diff", then, "--min", "2MiB", now)
    assert [line[:8] for line, _ in changes(text)] == ["+5.0 MiB"]
    assert "\n2 more stacks (-n, --min)\n" in text
    text = shown("--diff", then, "-n", 2, now)
    assert len(changes(text)) == 2


def test_a_change_that_may_be_chance_is_told_as_such(dead):
    then = dead(LOAD, name="then", used=9 * MIB, samples=[(64, 8)] * 9)
    now = dead(LOAD, name="now", used=9 * MIB, samples=[(64, 8)] * 12)
    (line, _), = changes(shown("--diff", then, now))
    assert re.match(r"\+192.1 KiB: .*\(-[\d.]+ KiB to \+[\d.]+ KiB: may be "
                    r"chance\)$", line), line
    now = dead(LOAD, name="now", used=9 * MIB, samples=[(64, 8)] * 90)
    (line, _), = changes(shown("--diff", then, now))
    assert "chance" not in line


def test_what_is_not_known_by_name_is_matched_by_its_place(dead):
    then = dead([(0x1235, 1), (0x99, 2)], name="then", used=9 * MIB,
                huge=[(MIB, 8)], modules=["/no/libfoo.so", "/no/b"])
    now = dead([(0x1235, 2), (0x99, 1)], [(0x1236, 2), (0x99, 1)], name="now",
               used=9 * MIB, huge=[(2 * MIB, 8), (4 * MIB, 9)],
               modules=["/no/b", "/other/libfoo.so"])
    assert [line.split(" (")[0] for line, _ in
            changes(shown("--no-symbols", "--diff", then, now))] == \
        ["+4.0 MiB: 0 B -> 4.0 MiB", "+1.0 MiB: 1.0 MiB -> 2.0 MiB"]


def test_no_document_is_believed_for_what_it_says(dead, tmp_path):
    path = dead(LOAD, used=9 * MIB, huge=[(MIB, 8)])
    good = json.loads(shown("--json", path))
    base = tmp_path / "base.json"
    for change, says in [
            ({"schema_version": 2}, "no profile that 'gcshim-prof --json'"),
            ({"sites": 7}, "no profile that"), ({"sites": [7]}, "fields"),
            ({"sites": [{}]}, "fields"), ({"pid": -1}, "fields"),
            ({"live_bytes": "x"}, "fields"),
            ({"sites": [{**good["sites"][0], "live_bytes": -5}]}, "fields"),
            ({"sites": [{**good["sites"][0], "frames": None}]}, "fields")]:
        base.write_text(json.dumps({**good, **change}), encoding="utf-8")
        done = prof("--diff", base, path)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert says in done.stderr
    base.write_text("{", encoding="utf-8")
    done = prof("--diff", base, path)
    assert (done.returncode, done.stderr) == \
        (1, f"gcshim-prof: {base} is not readable as JSON\n")
    evil = {**good["sites"][0],
            "frames": [{"function": "\x1b[31mred", "line": -3}, 7, None]}
    base.write_text(json.dumps({**good, "sites": [evil]}), encoding="utf-8")
    text = shown("--diff", base, path)
    assert "?[31mred" in text and "\x1b" not in text


# ----------------------------------------------------------- nothing to show

def test_what_was_not_sampled_is_told_how_to():
    with Holder(4) as holder:
        done = prof(holder.pid)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(
            rf"gcshim-prof: process {holder.pid} \(\S+\) is not sampled: "
            rf"'gcshim-ctl {holder.pid} profile on' turns it on from now on, "
            r"GCSHIM_SAMPLE=512KiB \(gcshim-run --sample\) from its start\n",
            done.stderr), done.stderr
        holder.kill()
        done = prof(holder.pid)
    assert done.returncode == 1
    assert "was not sampled: that takes GCSHIM_SAMPLE=512KiB" in done.stderr


@pytest.mark.parametrize("state, says", [
    (0, "is not sampled"), (1, "no samples yet: sampling one byte in"),
    (2, "libunwind is being loaded"), (3, "libunwind.so.8 cannot be loaded"),
    (4, "sandbox"), (5, "different means"), (99, "not known here")])
def test_why_there_are_no_samples_is_told(state, says):
    data = with_tables(
        segment_bytes(os.getpid()), profile_table(state=state),
        (9, 64, bytes(64 * 8)))
    with segment_file(f"gcshim.{os.getpid()}.1.1", data):
        done = prof(os.getpid())
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_tables_that_are_not_to_be_trusted_are_refused(dead):
    path = dead(LOAD, used=MIB, totals={8: (math.nan, 0, 0, 0)})
    done = prof(path)
    assert (done.returncode, done.stderr) == \
        (1, "gcshim-prof: segment has impossible sums at site 8\n")


@pytest.mark.parametrize("args, says", [
    ([], "no process id"), (["1", "2"], "'2' is too much"),
    (["--min", "x", "1"], "--min: 'x' is no size"),
    (["--min=0x1", "1"], "'0x1'"), (["-n", "x", "1"], "-n: 'x'"),
    (["--depth=-1", "1"], "--depth: '-1'"),
    (["--text", "--json", "1"], "--text and --json are two forms"),
    (["--folded", "--diff", "x", "1"], "--diff is for --text"),
    (["--pprof", "--min=1", "1"], "no -n, --min or --total"),
    (["--speedscope", "--total", "1"], "no -n, --min or --total"),
    (["--nonsense"], "nonsense")])
def test_a_mistake_is_one_line_and_status_2(args, says):
    done = prof(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_output_that_cannot_be_written_is_a_failure(dead):
    path = dead(LOAD, used=MIB, huge=[(MIB, 8)])
    done = prof("-o", "/no/such", path)
    assert (done.returncode, done.stderr) == \
        (1, "gcshim-prof: /no/such: No such file or directory\n")
    for form in "--text", "--folded", "--json", "--pprof", "--speedscope":
        done = prof(form, "-o", "/dev/full", path)
        assert done.returncode == 1, form
        assert len(done.stderr.splitlines()) == 1


def test_help_and_version_go_to_stdout():
    done = prof("-h")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--folded", "--pprof", "--speedscope", "--diff", "--json"):
        assert word in done.stdout
    assert prof("--version").stdout.startswith("gcshim-prof (gcshim) 0.")


# ----------------------------------------------------------- real programs

def test_a_real_program_is_seen_through():
    with Puppet("held = take(3000, 1000)", "more = take(3, 1 << 20)",
                "tick()", settings={"sample": "1KiB"}) as puppet:
        def explained():
            puppet.do("tick()")
            done = prof("--json", puppet.pid)
            document = json.loads(done.stdout) if done.stdout else None
            return document if document and document["sites"] and \
                document["live_bytes"] >= 5 * MIB else None
        document = await_that(explained, "the samples")
        folded = shown("--folded", puppet.pid)
        text = shown(puppet.pid)
        puppet.kill()
        dead = shown("--folded", puppet.pid)
    assert document["live_bytes_low"] <= document["used_bytes"] * 1.1
    assert document["live_bytes_high"] >= 5.5 * MIB
    assert any("ffi_call" in line for line in folded.splitlines())
    assert "ffi_call" in text
    assert dead.splitlines()[0].rpartition(" ")[0] == \
        folded.splitlines()[0].rpartition(" ")[0]


def test_the_example_of_the_docs_is_found_out(tmp_path):
    base = tmp_path / "before.json"
    with Conversation([BUILD / "docs" / "examples" / "cache"],
                      {"sample": "16KiB"}) as cache:
        cache.say("20000")
        cache.hear()
        shown("--json", "-o", base, cache.pid)
        cache.say("60000")
        cache.hear()
        text = shown("--diff", base, cache.pid)
        total = shown("--folded", "--total", cache.pid)
    line, functions = changes(text)[0]
    assert "chance" not in line
    assert functions[:3] == ["answer_make", "answer_keep", "main"]
    assert ";main;answer_send;answer_make " in total
    assert "cache.c:" in text


def test_pprof_and_speedscope_are_files_of_their_form(dead, tmp_path):
    path = dead(LOAD, used=9 * MIB, huge=[(MIB, 8)])
    out = tmp_path / "out"
    assert shown("--pprof", "-o", out, path) == ""
    raw = subprocess.run(["gzip", "-dc", out], stdout=subprocess.PIPE,
                         check=True).stdout
    assert b"inuse_space" in raw and b"load" in raw
    document = json.loads(shown("--speedscope", path))
    assert "speedscope" in document["$schema"]
