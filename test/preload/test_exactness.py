"""The account is exact to the byte: what programs know of their own blocks,
what a witness in front of the shim saw of unmodified programs, and what the
account says must be the same, at moments when nothing moves."""

import dataclasses
import os
import time

import pytest

from conftest import (PROGRAMS, Conversation, document, run_shimmed,
                      segments)
from segment import Counters, Segment
from witnessed import Witnessed

MIB = 1 << 20
SEEDS = [1, 77, 20260101]


def account(pid):
    """The totals by two readers that share no code; they must agree."""
    path, = segments(pid)
    ours, theirs = Segment(path), document(pid)
    assert dataclasses.asdict(ours.total) == {
        key: theirs[name] for key, name in [
            ("allocated_bytes", "allocated_total_bytes"),
            ("allocated_blocks", "allocated_total_blocks"),
            ("freed_bytes", "freed_total_bytes"),
            ("freed_blocks", "freed_total_blocks")]}
    assert theirs["used_bytes"] == ours.total.used_bytes
    assert theirs["allocated_bytes"] >= theirs["used_bytes"]
    assert theirs["allocated_peak_bytes"] >= theirs["allocated_bytes"]
    assert theirs["used_peak_bytes"] >= theirs["used_bytes"]
    return ours.total


class Exact(Conversation):
    """A program of exact.c: at each of its reports the account must have
    moved, since the first, as its own ledger has."""

    def __init__(self, *argv, settings=None):
        super().__init__([PROGRAMS / argv[0], *argv[1:]], settings=settings)
        self.first = None

    def compare(self, pid=None):
        """Reads one report and compares; returns (its ledger, the account),
        each as the difference to the first report."""
        said = Counters(*map(int, self.hear().split()))
        now = account(pid or self.pid)
        self.first = self.first or (said, now)
        ledger, counted = said - self.first[0], now - self.first[1]
        assert counted.used_bytes == ledger.used_bytes
        assert counted.used_blocks == ledger.used_blocks
        return ledger, counted

    def compare_all(self, reports):
        ledgers = []
        for _ in range(reports):
            ledgers.append(self.compare())
            self.say()
        status, _, errors = self.end()
        assert (status, errors) == (0, "")
        return ledgers


@pytest.mark.parametrize("seed", SEEDS)
def test_every_way_to_ask_is_counted_to_the_byte(seed):
    with Exact("exact", "mixed", seed, 20000) as program:
        ledgers = program.compare_all(5)
    assert ledgers[1][0].used_bytes > 20 * MIB, "the program did something"
    assert ledgers[-1][1].used_bytes == 0


def test_totals_are_what_was_asked_and_given_back():
    with Exact("exact", "plain", 5, 20000) as program:
        for ledger, counted in program.compare_all(5):
            assert counted == ledger


@pytest.mark.parametrize("seed", SEEDS)
def test_threads_that_free_each_others_blocks_are_exact(seed):
    with Exact("exact", "threads", seed, 10000) as program:
        first = program.compare()
        program.say()
        # libc allocates for a thread that begins, and keeps that: so what is
        # compared is idle threads with busy ones, and no threads with none.
        idle = Counters(*map(int, program.hear().split()))
        idle_account = account(program.pid)
        program.say()
        busy = Counters(*map(int, program.hear().split()))
        busy_account = account(program.pid)
        assert busy.used_bytes - idle.used_bytes > MIB
        assert (busy_account - idle_account).used_bytes == \
            (busy - idle).used_bytes
        assert (busy_account - idle_account).used_blocks == \
            (busy - idle).used_blocks
        program.say()
        left, _ = program.compare()
        assert left.used_bytes > MIB, "blocks outlive their threads"
        program.say()
        freed, _ = program.compare()
        assert freed.used_bytes == 0
        program.say()
        assert program.end()[0] == 0
    assert first[0].used_bytes == 0


def test_a_thousand_threads_one_after_the_other_lose_nothing():
    with Exact("exact", "sequence", 1000) as program:
        ledgers = program.compare_all(3)
    assert ledgers[1][0].allocated_blocks > 30000
    assert ledgers[2][1].used_bytes == 0


def test_slots_are_handed_on_to_later_threads():
    with Exact("exact", "sequence", 1000) as program:
        program.compare()
        program.say()
        program.compare()
        path, = segments(program.pid)
        assert Segment(path).slots_high < 10
        program.say()
        program.compare()
        program.say()
        assert program.end()[0] == 0


def test_frees_by_destructors_at_thread_exit_are_counted():
    with Exact("exact", "keys") as program:
        ledgers = program.compare_all(2)
    assert ledgers[1][0].freed_blocks >= 200


@pytest.mark.parametrize("seed", SEEDS)
def test_cplusplus_operators_are_exact(seed):
    with Exact("exact_new", seed) as program:
        ledgers = program.compare_all(3)
    assert ledgers[1][0].used_blocks > 100
    assert ledgers[2][1].used_bytes == 0
    for ledger, counted in ledgers:
        assert counted == ledger


def test_a_fork_child_inherits_and_goes_its_own_way():
    with Exact("exact", "fork") as program:
        program.compare()
        parent_before = account(program.pid)
        program.say()
        child = int(program.hear())
        assert child != program.pid
        inherited, _ = program.compare(child)
        assert inherited.used_bytes >= MIB
        program.say()
        more, _ = program.compare(child)
        assert more.used_bytes >= 4 * MIB
        parent = account(program.pid) - parent_before
        assert MIB <= parent.used_bytes < 2 * MIB, "the child's is not its own"
        program.say()
        after, _ = program.compare()
        assert MIB <= after.used_bytes < 2 * MIB
        program.say()
        freed, _ = program.compare()
        assert freed.used_bytes == 0
        program.say()
        assert program.end()[0] == 0
        assert not segments(child)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_program_itself_is_told_the_same(seed):
    done = run_shimmed([PROGRAMS / "exact", "inside", seed, 2000])
    assert (done.returncode, done.stdout, done.stderr) == (0, "exact\n", "")


def test_threads_have_their_own_figures():
    with Exact("exact", "threads", 9, 2000) as program:
        program.hear(), program.say()
        program.hear(), program.say()
        program.hear()
        path, = segments(program.pid)
        ours = Segment(path).threads
        theirs = {t["tid"]: t for t in document(program.pid)["threads"]}
        assert len(ours) == 9 and program.pid in ours
        assert set(ours) == set(theirs)
        for tid, counters in ours.items():
            assert theirs[tid]["allocated_total_bytes"] == \
                counters.allocated_bytes
            assert theirs[tid]["freed_total_bytes"] == counters.freed_bytes
            if tid != program.pid:
                assert counters.allocated_blocks > 1000
                assert theirs[tid]["name"] == "exact"


def test_peak_stays_when_memory_is_freed():
    code = ("import sys\n"
            "b = bytearray(64 << 20); del b\n"
            "c = [bytearray(1 << 20) for _ in range(8)]\n"
            "print('now', flush=True); sys.stdin.readline()\n")
    with Conversation(["/usr/bin/python3", "-c", code]) as program:
        program.hear()
        figures = document(program.pid)
        assert 8 * MIB <= figures["used_bytes"] < 40 * MIB
        assert 64 * MIB <= figures["used_peak_bytes"] < 100 * MIB
        assert figures["allocated_peak_bytes"] >= 64 * MIB
        assert figures["resident_bytes"] >= 8 * MIB
        assert figures["rss_bytes"] >= figures["resident_bytes"]
        program.say()
        assert program.end()[0] == 0


def test_header_says_who_the_process_is():
    with Conversation([PROGRAMS / "life", "hold", "exit"]) as program:
        program.hear()
        path, = segments(program.pid)
        header, theirs = Segment(path), document(program.pid)
        stat = open(f"/proc/{program.pid}/stat").read().rpartition(")")[2]
        fields = stat.split()
        assert header.pid == theirs["pid"] == program.pid
        assert header.parent_pid == os.getpid()
        assert header.uid == theirs["uid"] == os.getuid()
        assert header.comm == theirs["comm"] == "life"
        assert header.pid_namespace == os.stat("/proc/self/ns/pid").st_ino
        assert header.start_time_ticks == int(fields[22 - 3])
        assert header.stack_start == int(fields[28 - 3])
        assert 0 < header.created_ns <= time.clock_gettime_ns(
            time.CLOCK_BOOTTIME)
        assert theirs["state"] == "live" and theirs["segment"] == path.name
        assert path.name == (f"gcshim.{program.pid}.{header.start_time_ticks}"
                             f".{header.pid_namespace}")
        assert path.stat().st_mode & 0o7777 == 0o600
        assert path.stat().st_size == header.file_bytes
        program.say()
        assert program.end()[0] == 5


# Unmodified programs -------------------------------------------------------

PYTHON_WORK = """
import json, sys, threading
def work(n):
    kept = [json.loads(json.dumps({"k" * i: list(range(i % 50))}))
            for i in range(n)]
    text = "".join(map(str, kept))
    return len(text)
threads = [threading.Thread(target=work, args=(500 * i,)) for i in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
work(2000)
print("now", flush=True)
sys.stdin.readline()
"""

PERL_WORK = """
$| = 1;
my %h; $h{$_ % 5000} .= "x" x ($_ % 100) for 1 .. 50000;
my @s = sort map { $_ . reverse } values %h;
delete @h{1 .. 2500};
print "now\\n"; <STDIN>;
"""

RUBY_WORK = """
STDOUT.sync = true
kept = (1..2000).map { |i| ["x" * i, { i => i.to_s }] }
4.times.map { |n| Thread.new { (1..500).map { |i| "y" * (i * n) } } }
       .each(&:join)
kept.shift(1000); GC.start
puts "now"; STDIN.gets
"""

NODE_WORK = """
const kept = [];
for (let i = 0; i < 2000; i++) kept.push(Buffer.alloc(i * 10));
kept.splice(0, 1000);
process.stdout.write('now\\n');
process.stdin.once('data', () => process.exit(0));
"""

SQLITE_WORK = """
create table t (a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
insert into t select i, hex(randomblob(20)) from n;
create index u on t (b);
delete from t where a % 3 = 0;
select 'now';
"""

UNMODIFIED = {
    "python3": ["/usr/bin/python3", "-c", PYTHON_WORK],
    "perl": ["perl", "-e", PERL_WORK],
    "ruby": ["ruby", "-e", RUBY_WORK],
    "node": ["node", "-e", NODE_WORK],
    "lua": ["lua5.4", "-e", "local t = {} for i = 1, 20000 do t[i] = {i, "
            "('x'):rep(i % 500)} end for i = 1, 10000 do t[i] = nil end "
            "collectgarbage() print('now') io.stdout:flush() io.read()"],
    "sqlite3": ["sqlite3", "-batch"],
}


@pytest.mark.parametrize("name", UNMODIFIED)
def test_unmodified_program_is_counted_as_the_witness_saw_it(name, tmp_path):
    with Witnessed(UNMODIFIED[name], tmp_path / "witness") as program:
        if name == "sqlite3":
            program.say(SQLITE_WORK)
        assert program.hear() == "now"
        used, blocks = program.agree()
        assert used > 100_000 and blocks > 100
        program.say(".quit")
        assert program.end()[0] == 0
