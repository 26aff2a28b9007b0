"""gcshim-stat: one report of one process, living, dead or a file."""

import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import await_that, document, run_tool, segments
from forge import sampled_segment, segment_bytes, segment_file
from programs import FRAGMENTED, IN_USE, OUTSIDE, UNRETURNED, Holder, Puppet

MIB = 1 << 20
PARTS = ("owned_bytes", "orphaned_bytes", "cached_bytes", "fragmented_bytes",
         "unreturned_bytes", "overhead_bytes")
SIZE = r"(?:[\d.]+ (?:B|[KMG]iB)|-)"


def stat(*args, **kwargs):
    return run_tool("gcshim-stat", *args, **kwargs)


def report(target, *args, **kwargs):
    done = stat(*args, target, **kwargs)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def figures(target):
    done = stat("--json", target)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    whole = json.loads(done.stdout)
    assert whole["schema_version"] == 1
    process, = whole["processes"]
    return process


def verdict_comes(puppet, verdict):
    """Waits until the process has counted what it has just done."""
    def judged():
        puppet.do("tick()")
        shown = figures(puppet.pid)
        return shown if shown["verdict"] == verdict else None
    return await_that(judged, f"the verdict '{verdict}'")


@pytest.fixture(name="puppet")
def a_puppet():
    with Puppet("held = take(10, 3 << 20)", "tick()") as puppet:
        yield puppet


# --------------------------------------------------------------- the report

def test_the_report_tells_used_then_allocated_each_with_its_peak(puppet):
    text = report(puppet.pid)
    lines = text.splitlines()
    assert re.match(r"python\S* \(pid %d\), live$" % puppet.pid, lines[0])
    used = re.search(rf"^memory used +({SIZE})   peak +({SIZE})", text, re.M)
    allocated = re.search(
        rf"^memory allocated +({SIZE})   peak +({SIZE})", text, re.M)
    assert used and allocated and used.start() < allocated.start()
    for part in ("in pages of small blocks", "in huge blocks",
                 "in wholly free pages"):
        assert re.search(rf"^  {part} +~? +{SIZE}", text, re.M)


def test_the_verdict_closes_the_report(puppet):
    puppet.do(*UNRETURNED)
    verdict_comes(puppet, "unreturned")
    text = report(puppet.pid)
    last = text[text.index("\nverdict: "):]
    assert last.startswith("\nverdict: unreturned\n  ")
    assert f"gcshim-ctl {puppet.pid} trim" in " ".join(last.split())


def test_no_line_is_wider_than_a_terminal(puppet):
    puppet.do("linger(lambda: take(1000, 3000))", "tick()")
    for line in report(puppet.pid, "--all").splitlines():
        assert len(line) <= 80, line


@pytest.mark.parametrize("locale, curve", [("C.UTF-8", "█"), ("C", "#")])
def test_the_history_is_drawn_as_the_locale_allows(puppet, locale, curve):
    def drawn():
        puppet.do("tick()")
        text = report(puppet.pid, env={"LC_ALL": locale})
        return text if "history of" in text else None
    text = await_that(drawn, "a history of two points")
    line, = re.findall(r"^  allocated .*$", text, re.M)
    assert curve in line
    assert locale == "C.UTF-8" or text.isascii()


def test_tables_are_cut_short_unless_all_is_asked_for(puppet):
    puppet.do("more = [take(1, size) for size in range(100, 9000, 100)]",
              "tick()")
    classes = await_that(
        lambda: puppet.do("tick()") or
        (figures(puppet.pid)["size_classes"][11:] and
         figures(puppet.pid)["size_classes"]), "many size classes")
    assert f"and {len(classes) - 10} more (--all shows them)" \
        in report(puppet.pid)
    assert "(--all" not in report(puppet.pid, "--all")


# -------------------------------------------------------- where memory is

@pytest.mark.parametrize("lines, verdict", [
    (IN_USE, "in use"), (FRAGMENTED, "fragmented"),
    (UNRETURNED, "unreturned"), (OUTSIDE, "outside malloc")])
def test_a_program_built_for_it_brings_about_the_verdict(lines, verdict):
    with Puppet(*lines) as puppet:
        shown = verdict_comes(puppet, verdict)
    assert shown["evidence"]
    assert sum(shown["bill"][part] for part in PARTS) \
        == shown["allocated_bytes"]


def test_one_block_in_sixteen_pins_the_pages_of_its_size():
    def counted():
        puppet.do("tick()")
        shown = figures(puppet.pid)
        return shown if shown["fragmented_bytes"] > 105 * MIB else None
    with Puppet(*FRAGMENTED) as puppet:
        shown = await_that(counted, "a census of what was kept")
        text = report(puppet.pid)
    pinned, = [c for c in shown["size_classes"] if c["block_size"] == 3072]
    assert pinned["used_blocks"] < pinned["capacity_blocks"] / 10
    table = text[text.index("size classes"):].splitlines()
    assert table[2].startswith("    3.0 KiB ")
    assert re.search(r" 6% +\S+ MiB$", table[2])


def test_what_was_mapped_is_told_as_outside_malloc():
    with Puppet(*OUTSIDE) as puppet:
        shown = verdict_comes(puppet, "outside malloc")
    assert shown["mappings"]["other_bytes"] >= 64 * MIB
    assert shown["outside_bytes"] == shown["mappings"]["outside_bytes"]
    assert shown["outside_bytes"] == sum(
        bytes for name, bytes in shown["mappings"].items()
        if name not in ("malloc_bytes", "outside_bytes"))


def test_what_a_thread_leaves_at_its_exit_is_orphaned():
    def orphaned():
        puppet.do("tick()")
        return figures(puppet.pid)["orphaned_bytes"] > 8 * MIB
    with Puppet("run(lambda: globals().update(left=take(20000, 500)))") \
            as puppet:
        await_that(orphaned, "orphaned blocks")


def test_huge_blocks_are_listed_with_who_asked_for_them(puppet):
    shown = figures(puppet.pid)
    large = [h for h in shown["huge"] if h["bytes"] >= 3 * MIB]
    assert len(large) == 10
    assert {h["tid"] for h in large} == {puppet.pid}
    assert all(h["site"] is None for h in large)
    assert shown["huge_bytes"] >= 30 * MIB
    assert shown["huge_blocks"] >= 10
    assert f"{puppet.pid} python" in report(puppet.pid)
    puppet.do("drop(held)")
    assert figures(puppet.pid)["huge_bytes"] < 30 * MIB


def test_a_thread_shows_what_it_owns(puppet):
    puppet.do("linger(lambda: globals().update(theirs=take(20000, 1000)))")
    def owned():
        puppet.do("tick()")
        threads = figures(puppet.pid)["threads"]
        return [t for t in threads if (t["owned_bytes"] or 0) > 5 * MIB
                and t["tid"] != puppet.pid]
    thread, = await_that(owned, "the census of the thread")
    assert thread["full_pages"] <= thread["pages"]
    assert thread["full_page_bytes"] <= thread["owned_bytes"]
    assert thread["census_age_ms"] >= 0
    assert f"  {thread['tid']:7} " in report(puppet.pid)


# ------------------------------------------------------------------- JSON

def test_json_is_that_of_gcshim_top_and_the_history(puppet):
    ours, tops = figures(puppet.pid), document(puppet.pid)
    assert set(ours) - set(tops) == {"history"}
    assert set(tops) <= set(ours)


def test_the_history_is_in_order_and_within_the_peak(puppet):
    def points():
        puppet.do("tick()")
        found = figures(puppet.pid)
        return found if len(found["history"]) > 2 else None
    shown = await_that(points, "a history")
    times = [point["time_ns"] for point in shown["history"]]
    assert times == sorted(times)
    for point in shown["history"]:
        assert set(point) == {"time_ns", "used_bytes", "used_peak_bytes",
                              "allocated_bytes"}
        assert point["used_peak_bytes"] <= shown["used_peak_bytes"]
        assert point["allocated_bytes"] <= shown["allocated_peak_bytes"]


# --------------------------------------------------- the dead, and files

def is_counted(puppet):
    puppet.do("tick()")
    return figures(puppet.pid)["fragmented_bytes"] is not None


def test_a_killed_process_is_reported_with_its_last_figures(puppet):
    await_that(lambda: is_counted(puppet), "a census")
    puppet.kill()
    text, shown = report(puppet.pid), figures(puppet.pid)
    assert "dead: its last figures\n" in text
    assert re.search(r"from malloc +- +-$", text, re.M)
    assert shown["state"] == "dead"
    assert shown["mappings"] is None and shown["outside_bytes"] is None
    assert shown["used_bytes"] >= 30 * MIB
    assert shown["verdict"] == "in use"


def test_a_file_is_reported_and_a_copy_of_it_too(puppet, tmp_path):
    path, = segments(puppet.pid)
    assert f"(pid {puppet.pid}), live" in report(path)
    copy = shutil.copy(path, tmp_path / "4711")
    assert f"(pid {puppet.pid})" in report(copy)
    done = stat("./4711", cwd=tmp_path)
    assert done.returncode == 0 and f"(pid {puppet.pid})" in done.stdout


def test_no_name_injects_an_escape_sequence():
    with segment_file("gcshim.test.evil",
                      segment_bytes(os.getpid(), comm=b"\x1b[31m\x9bevil",
                                    ended_ns=1)) as path:
        for text in (report(path), report(path, "--json")):
            assert not set(text) & set("\x1b\x9b")


def test_a_segment_without_a_census_has_dashes_and_nulls():
    with segment_file("gcshim.test.plain",
                      segment_bytes(os.getpid(), allocated=1 << 30)) as path:
        text, shown = report(path), figures(path)
    assert "no thread has counted its pages yet" in text
    assert re.search(r"^  R unreturned +- +-", text, re.M)
    for field in ("fragmented_bytes", "unreturned_bytes", "orphaned_bytes",
                  "overhead_bytes", "full_page_bytes", "baseline"):
        assert shown[field] is None, field
    assert shown["threads"][0]["pages"] is None


# ------------------------------------------------------------- mistakes

@pytest.mark.parametrize("target, says", [
    (4194304, "there is no process 4194304, nor an account of a dead one"),
    (1, "process 1 does not run under gcshim"),
    ("/no/such/file", "/no/such/file: No such file or directory"),
    ("/etc/passwd", "/etc/passwd is "), ("/tmp", "/tmp is ")])
def test_what_is_not_to_be_had_is_one_line_and_status_1(target, says):
    done = stat(target)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"gcshim-stat: {says}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("args, says", [
    ([], "no process id"), (["1", "2"], "'2'"), (["--nonsense", "1"],
                                                 "nonsense")])
def test_a_mistake_is_one_line_and_status_2(args, says):
    done = stat(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_help_and_version_go_to_stdout():
    done = stat("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--all", "--json", "PID|FILE"):
        assert option in done.stdout
    assert stat("-V").stdout.startswith("gcshim-stat (gcshim) 0.")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_is_a_failure(options):
    with Holder(4) as holder, open("/dev/full", "w", encoding="utf-8") as full:
        done = stat(*options, holder.pid, capture_output=False, stdout=full,
                    stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "writing" in done.stderr


# ------------------------------------------------------------- call sites

STACKS = [[(f"take_{i}", "app.py", i), ("main", "app.py", 99)]
          for i in range(7)]


@pytest.fixture(name="sampled")
def a_sampled_process(tmp_path):
    path = tmp_path / "segment"
    path.write_bytes(sampled_segment(
        os.getpid(), *STACKS, used=99 * MIB,
        huge=[(MIB + i, 8 + i) for i in range(7)] + [(9 * MIB, 0)],
        samples=[(64, 8)] * 100))
    return path


def test_the_call_sites_with_most_are_told(sampled):
    text = report(sampled)
    section = text[text.index("\ncall sites"):].split("\n\n")[0].splitlines()
    assert section[1] == ("call sites, by what is in use (sampling one byte in "
                          "64.0 KiB; gcshim-prof)")
    assert re.fullmatch(r"    7\.3 MiB   6\.1 MiB to 8\.6 MiB +8  take_0",
                        section[3])
    assert re.fullmatch(r"    1\.0 MiB   exact +14  take_6", section[4])
    assert len(section) == 8
    assert "  take_1" in report(sampled, "--all")
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_huge_block_is_told_with_its_call_site(sampled):
    text = report(sampled)
    assert re.search(r"0x\S+ +9\.0 MiB .*\n.* 1\.0 MiB .*\n {20} site 14, "
                     r"take_6\n", text), text
    sites = [h["site"] for h in figures(sampled)["huge"]]
    assert sites == [None, *range(14, 7, -1)]


def test_a_long_name_is_shortened(tmp_path):
    path = tmp_path / "segment"
    path.write_bytes(sampled_segment(
        os.getpid(), [("f" * 200, "x.py", 1)], used=9 * MIB, huge=[(MIB, 8)]))
    assert all(len(line) <= 80 for line in report(path).splitlines())


def test_without_samples_there_is_no_word_of_call_sites(puppet):
    assert "call site" not in report(puppet.pid)
