"""Where the memory is: programs that hold it in one way each, which know by
themselves how much, against the bill and the verdict.

Tolerances.  A program's own blocks stand in whole pages beside those of libc
and of the blocks that it churns to come by a tick: SLACK is two pages of
512 KiB.  What mimalloc has committed and nobody has touched is one segment
of 32 MiB for each thread at most, and counts as unreturned."""

import re
import signal

import pytest

from conftest import Conversation, document, segments
from patterns import BILL, KIB, MIB, Pattern, adds_up, anonymous, report

SLACK = MIB
SEGMENT = 32 * MIB
# A size class in each page of which hardly a block is left over.
SMALL = 48


def near(figure, truth, slack=SLACK):
    return abs(figure - truth) <= slack


def said(figures, words):
    """The amounts that the evidence names by these words, in bytes."""
    unit = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": 1 << 30}
    found = re.search(words.replace("{}", r"([\d.]+) ([KMG]?i?B)"),
                      figures["evidence"])
    assert found, figures["evidence"]
    numbers = found.groups()
    return [float(n) * unit[u] for n, u in zip(numbers[::2], numbers[1::2])]


# --------------------------------------------------- one way of holding each

@pytest.mark.parametrize("size", [0, SMALL, 1000])
def test_memory_in_use_is_called_so(size):
    with Pattern("in_use", size) as program:
        figures, kept = program.counted(), program.truth["kept"]
        bill = adds_up(figures)
        assert near(bill["owned_bytes"], kept, 64 * KIB)
        assert bill["orphaned_bytes"] == 0
        # Of random sizes each class may have cut blocks that wait.
        assert bill["fragmented_bytes"] <= SLACK + (MIB if size == 0 else 0)
        assert bill["unreturned_bytes"] <= SEGMENT
        assert figures["outside_bytes"] <= SLACK
        assert figures["verdict"] == "in use"
        in_use, resident = said(figures, "^{} of {} resident are in blocks")
        assert near(in_use, kept) and near(resident, anonymous(program.pid))


def test_evidence_of_memory_in_use_names_the_largest_size_class():
    with Pattern("in_use", SMALL) as program:
        figures = program.counted()
        most, = said(figures, "the most of it, {}, in size class 48$")
        assert near(most, program.truth["kept"])


@pytest.mark.parametrize("size", [SMALL, 1000])
def test_one_block_in_sixteen_kept_is_fragmented(size):
    with Pattern("holes", size) as program:
        figures, truth = program.counted(), program.truth
        bill = adds_up(figures)
        assert near(figures["used_bytes"], truth["kept"], 64 * KIB)
        assert near(bill["fragmented_bytes"], truth["freed"])
        assert bill["unreturned_bytes"] <= SEGMENT
        assert figures["verdict"] == "fragmented"
        free, resident = said(figures, "^{} of {} resident are free between")
        assert near(free, truth["freed"])
        assert near(resident, anonymous(program.pid))


def test_evidence_of_fragmentation_names_the_size_class_that_pins_pages():
    with Pattern("holes", SMALL) as program:
        figures, truth = program.counted(), program.truth
        found = re.search(r"size class 48: ([\d,]+) pages held by (\d+) % of "
                          r"their blocks", figures["evidence"])
        pages, percent = (int(n.replace(",", "")) for n in found.groups())
        all_bytes = truth["kept"] + truth["freed"]
        assert abs(pages - all_bytes / (64 * KIB)) <= 0.01 * pages
        assert percent == 100 // 16
        free, = said(figures, "blocks, {} free$")
        assert near(free, truth["freed"])


def test_the_size_class_that_pins_pages_need_not_be_the_most_used_one():
    with Pattern("pinned", SMALL) as program:
        figures, truth = program.counted(), program.truth
        assert near(adds_up(figures)["fragmented_bytes"], truth["freed"])
        most_used = max(figures["size_classes"], key=lambda c:
                        c["used_blocks"] * c["block_size"])
        assert most_used["block_size"] == 1024
        assert figures["verdict"] == "fragmented"
        assert "size class 48: " in figures["evidence"]


@pytest.mark.parametrize("size", [0, SMALL, 1000])
def test_everything_freed_is_unreturned(size):
    with Pattern("nothing_kept", size) as program:
        figures, freed = program.counted(), program.truth["freed"]
        bill = adds_up(figures)
        assert figures["used_bytes"] <= 64 * KIB
        assert bill["fragmented_bytes"] <= SLACK
        assert freed - SLACK <= bill["unreturned_bytes"] <= freed + SEGMENT
        assert figures["verdict"] == "unreturned"
        free, resident = said(figures, "^{} of {} resident are wholly free")
        # Pages hold a little more than their blocks.
        assert near(free, freed, SLACK + freed // 64)
        assert near(resident, anonymous(program.pid))
        assert f"gcshim-ctl {program.pid} trim" in figures["evidence"]


def test_whole_pages_freed_beside_used_ones_are_unreturned():
    with Pattern("last_quarter", SMALL) as program:
        figures, truth = program.counted(), program.truth
        bill = adds_up(figures)
        assert near(bill["owned_bytes"], truth["kept"], 64 * KIB)
        assert bill["fragmented_bytes"] <= SLACK
        assert truth["freed"] - SLACK <= bill["unreturned_bytes"] <= \
            truth["freed"] + SEGMENT
        assert figures["verdict"] == "unreturned"
        free, = said(figures, "would give back up to {}$")
        assert near(free, truth["freed"], SLACK + truth["freed"] // 64)


# ------------------------------------------------------------- many threads

def test_blocks_of_an_exited_thread_are_orphaned():
    with Pattern("orphans") as program:
        figures, truth = program.counted(), program.truth
        bill = adds_up(figures)
        assert near(bill["orphaned_bytes"], truth["kept"])
        assert bill["fragmented_bytes"] <= SLACK
        assert figures["verdict"] == "in use"
        left, = said(figures, "exited threads left {}")
        assert near(left, truth["kept"])


def test_orphans_that_a_thread_reclaims_are_its_own():
    with Pattern("orphans") as program:
        program.counted()
        program.next()
        # By mimalloc's word the new thread has all their pages.
        assert program.truth["reclaimed"] == program.truth["kept"] // 2
        figures = program.counted()
        bill = adds_up(figures)
        assert bill["orphaned_bytes"] <= SLACK
        assert near(bill["owned_bytes"], program.truth["kept"])
        owner, = [t for t in figures["threads"] if t["tid"] != program.pid]
        assert near(owner["owned_bytes"], program.truth["kept"])


def relayed_all(program):
    figures, freed = program.counted(), program.truth["freed"]
    bill = adds_up(figures)
    assert figures["used_bytes"] <= 64 * KIB
    assert bill["orphaned_bytes"] == 0
    assert freed - SLACK <= bill["unreturned_bytes"] <= freed + 3 * SEGMENT
    assert figures["verdict"] == "unreturned"


def test_blocks_freed_by_a_thread_that_asked_for_none_are_not_used():
    """Whether the thread that only frees has counted last, or the one that
    only allocates."""
    with Pattern("relay") as program:
        relayed_all(program)
        program.next()
        relayed_all(program)


def test_holes_that_another_thread_made_are_seen_once_their_owner_looks():
    with Pattern("relay", 16) as program:
        program.next()
        figures, truth = program.counted(), program.truth
        bill = adds_up(figures)
        assert near(figures["used_bytes"], truth["kept"], 64 * KIB)
        assert near(bill["fragmented_bytes"], truth["freed"])
        assert figures["verdict"] == "fragmented"
        assert "size class 48: " in figures["evidence"]


def test_each_thread_owns_what_it_asked_for():
    with Pattern("owners") as program:
        truth = program.truth["threads"]
        figures = program.counted()
        adds_up(figures)
        theirs = {t["tid"]: t for t in figures["threads"]
                  if t["tid"] != program.pid}
        assert len(theirs) == len(truth)
        assert sorted(t["allocated_total_bytes"] - t["freed_total_bytes"]
                      for t in theirs.values()) == \
            pytest.approx(sorted(truth), abs=64 * KIB)
        # What a thread has counted, and what has changed since, is the same.
        for thread in theirs.values():
            if thread["owned_bytes"] is not None:
                assert thread["owned_bytes"] <= \
                    thread["allocated_total_bytes"]
                assert thread["full_page_bytes"] <= thread["owned_bytes"]


# -------------------------------------------------------------- huge blocks

def test_huge_blocks_are_listed_one_by_one():
    with Pattern("huge") as program:
        figures, truth = program.counted(), program.truth
        adds_up(figures)
        assert {str(h["address"]): h["bytes"] for h in figures["huge"]} == \
            truth["huge"]
        assert figures["huge_blocks"] == truth["blocks"] == 30
        assert figures["huge_bytes"] == truth["kept"]
        assert figures["huge_unlisted"] == 0
        assert {h["tid"] for h in figures["huge"]} == {program.pid}
        assert figures["verdict"] == "in use"
        most, = said(figures, r"the most of it, {}, in huge blocks \(30\)$")
        # Of what is resident: not all of each block has been touched.
        assert 0.8 * truth["kept"] <= most <= truth["kept"] + MIB


def test_huge_blocks_come_and_go_in_a_loop_and_only_the_kept_are_listed():
    with Pattern("huge_loop", 100000) as program:
        figures, truth = report(program.pid), program.truth
        assert {str(h["address"]): h["bytes"] for h in figures["huge"]} == \
            truth["huge"]
        assert (figures["huge_blocks"], figures["huge_bytes"]) == \
            (truth["blocks"], truth["kept"])


def test_more_huge_blocks_than_the_list_holds_are_counted_all_the_same():
    with Pattern("huge_many", 12000) as program:
        figures, truth = program.counted(), program.truth
        adds_up(figures)
        assert figures["huge_blocks"] == truth["blocks"] == 12000
        assert figures["huge_bytes"] == truth["kept"]
        assert figures["huge_unlisted"] > 0
        assert len(figures["huge"]) + figures["huge_unlisted"] == 12000
        program.next()
        figures = program.counted()
        adds_up(figures)
        assert (figures["huge_blocks"], figures["huge_bytes"],
                figures["huge_unlisted"], figures["huge"]) == (0, 0, 0, [])


# ----------------------------------------------------------- outside malloc

OUTSIDE = {"mapped": ("other_bytes", "other mappings"),
           "code": ("code_bytes", "JIT code"),
           "heap": ("heap_bytes", "libc's own heap"),
           "stacks": ("stack_bytes", "stacks")}


@pytest.mark.parametrize("how", OUTSIDE)
def test_memory_that_malloc_never_handed_out_is_outside(how):
    part, words = OUTSIDE[how]
    with Pattern(how) as program:
        figures, mapped = report(program.pid), program.truth["mapped"]
        mappings = figures["mappings"]
        assert near(mappings[part], mapped)
        assert near(figures["outside_bytes"], mapped)
        assert mappings["malloc_bytes"] + mappings["outside_bytes"] == \
            figures["resident_bytes"]
        assert near(figures["resident_bytes"], anonymous(program.pid))
        assert figures["verdict"] == "outside malloc"
        most, = said(figures, f"handed out by malloc: {{}} {words}")
        assert near(most, mapped)


NODE = """
const [functions, rounds] = process.argv.slice(-2).map(Number);
const sources = [];
for (let i = 0; i < functions; i++)
    sources.push(new Function('a', 'b',
        'let s = 0; for (let i = 0; i < a; i++) s += ' +
        Array.from({length: 80}, (_, k) => `(i * ${k + i} % (b + ${k}))`)
            .join(' + ') + '; return s'));
for (let round = 0; round < rounds; round++)
    for (const f of sources) f(200, 7);
process.stdout.write('now\\n');
process.stdin.once('data', () => process.exit(0));
"""


def executable(pid):
    """Executable anonymous memory, as the kernel tells it."""
    found, sum_kib = False, 0
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if "-" in fields[0]:
                found = "x" in fields[1] and len(fields) == 5
            elif found and fields[0] == "Anonymous:":
                sum_kib += int(fields[1])
    return sum_kib * KIB


def test_code_that_node_compiles_is_jit_code():
    with Conversation(["node", "--jitless", "-e", NODE, "3", "1"]) as program:
        assert program.hear() == "now"
        without = report(program.pid)["mappings"]["code_bytes"]
        assert without == executable(program.pid)
    with Conversation(["node", "-e", NODE, "1000", "30"]) as program:
        assert program.hear() == "now"
        code = report(program.pid)["mappings"]["code_bytes"]
        assert near(code, executable(program.pid), 64 * KIB)
        assert code > without + MIB // 2


MMAP_PYTHON = """
import mmap, sys
held = mmap.mmap(-1, 80 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for i in range(0, len(held), 4096): held[i] = 1
print("now", flush=True); sys.stdin.readline()
"""


def test_what_python_maps_by_itself_is_outside_malloc():
    with Conversation(["/usr/bin/python3", "-c", MMAP_PYTHON]) as program:
        program.hear()
        figures = report(program.pid)
        assert near(figures["mappings"]["other_bytes"], 80 * MIB, 8 * MIB)
        assert figures["verdict"] == "outside malloc"


# --------------------------------------------------------------------- dead

def kill(program):
    program.process.send_signal(signal.SIGKILL)
    program.process.wait()


@pytest.mark.parametrize("argv, word", [
    (("in_use", SMALL), "in use"), (("holes", SMALL), "fragmented"),
    (("nothing_kept", SMALL), "unreturned"),
    (("last_quarter", SMALL), "unreturned"),
    (("orphans",), "in use"), (("huge",), "in use")])
def test_a_killed_process_has_its_last_bill_and_verdict(argv, word):
    with Pattern(*argv) as program:
        living = program.counted()
        kill(program)
        dead = report(program.pid)
        assert dead["state"] == "dead"
        assert {k: dead["bill"][k] for k in BILL} == \
            {k: living["bill"][k] for k in BILL}
        adds_up(dead)
        assert (dead["resident_bytes"], dead["outside_bytes"],
                dead["mappings"]) == (None, None, None)
        assert dead["verdict"] == word == living["verdict"]
        assert "resident" not in dead["evidence"]
        assert "gcshim-ctl" not in dead["evidence"]
        assert dead["size_classes"] == living["size_classes"]
        assert [(h["address"], h["bytes"]) for h in dead["huge"]] == \
            [(h["address"], h["bytes"]) for h in living["huge"]]


def test_a_copy_of_a_segment_gives_the_same_bill(tmp_path):
    with Pattern("holes", SMALL) as program:
        program.counted()
        kill(program)
        path, = segments(program.pid)
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        here, there = report(program.pid), report(copy)
        assert {k: here["bill"][k] for k in BILL} == \
            {k: there["bill"][k] for k in BILL}
        assert here["evidence"] == there["evidence"]


# ----------------------------------------------------------------- staleness

@pytest.mark.parametrize("argv", [("holes", SMALL), ("holes", 1000),
                                  ("nothing_kept", 0), ("in_use", 0)])
def test_what_has_changed_since_the_count_bounds_the_error(argv):
    """Before any tick that comes after the fact."""
    with Pattern(*argv) as program:
        figures, truth = report(program.pid), program.truth
        bill = adds_up(figures)
        holes = truth["freed"] if argv[0] == "holes" else 0
        assert near(bill["fragmented_bytes"], holes,
                    bill["changed_bytes"] + SLACK)


def test_without_a_census_nothing_is_said_of_pages():
    with Pattern("in_use", settings={"census": 0}) as program:
        program.tick()
        figures = report(program.pid)
        assert figures["bill"]["uncounted_threads"] == 1
        assert figures["full_page_bytes"] is None
        assert [part for part in BILL if figures["bill"][part] is not None] \
            == ["cached_bytes"]


@pytest.mark.parametrize("census", [0, 1])
@pytest.mark.parametrize("argv", [("in_use", SMALL), ("orphans",),
                                  ("owners",)])
def test_what_malloc_handed_out_is_never_called_outside(argv, census):
    """Counted or not."""
    with Pattern(*argv, settings={"census": census}) as program:
        figures = report(program.pid)
        assert figures["outside_bytes"] <= SLACK
        assert figures["verdict"] == "in use"


def test_both_commands_give_the_same_bill():
    with Pattern("holes", SMALL) as program:
        program.counted()
        by_stat, by_top = report(program.pid), document(program.pid)
        adds_up(by_top)
        assert {k: by_stat["bill"][k] for k in BILL} == \
            {k: by_top["bill"][k] for k in BILL}
        assert by_top["verdict"] == "fragmented"


# ---------------------------------------------------------------- full pages

def test_full_pages_are_those_without_a_free_block():
    with Pattern("in_use", SMALL) as program:
        figures, kept = program.counted(), program.truth["kept"]
        # All are full but the last of each class in use.
        assert near(figures["full_page_bytes"], kept)
        size, = [c for c in figures["size_classes"]
                 if c["block_size"] == SMALL]
        assert size["pages"] - size["full_pages"] <= 1
    with Pattern("holes", SMALL) as program:
        figures = program.counted()
        assert figures["full_page_bytes"] <= SLACK
        size, = [c for c in figures["size_classes"]
                 if c["block_size"] == SMALL]
        assert size["full_pages"] <= 1
        assert abs(size["used_blocks"] - program.truth["blocks"]) < 1000
