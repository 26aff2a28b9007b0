"""Ruby's collections, watched: what the segment says of them against what
Ruby says itself; and that Ruby runs as ever."""

import concurrent.futures
import json
import pathlib
import re
import shutil
import struct
import subprocess

import pytest

from conftest import Conversation, plain_env, run_shimmed, segments
from segment import Segment

RUBY = shutil.which("ruby")
pytestmark = pytest.mark.skipif(not RUBY, reason="ruby is not installed")

GC_KIND, GC_EVENTS_KIND = 6, 7
GC = struct.Struct("<32sII3Q12Q")
EVENT = struct.Struct("<6Q3I4x")
OFF, OBSERVE = 0, 1
WHOLE = 2


class Collections:
    """The gc section and its ring, from layout.h."""

    def __init__(self, path):
        places = {s[0]: s for s in Segment(path).sections}
        data = pathlib.Path(path).read_bytes()
        (runtime, self.mode, self.is_blind, *rest) = GC.unpack_from(
            data, places[GC_KIND][2])
        self.runtime = runtime.split(b"\0")[0].decode()
        self.generations = rest[:3]
        (self.objects, self.pause_last, self.pause_max, self.pause_total,
         self.used_before, self.used_after, self.freed, self.baseline,
         self.goal, self.asked, count, _) = rest[3:]
        _, size, at, entries = places[GC_EVENTS_KIND]
        self.events = [EVENT.unpack_from(data, at + size * (i % entries))
                       for i in range(max(0, count - entries), count)]
        for number, event in enumerate(self.events,
                                       max(0, count - entries)):
            assert event[0] == 2 * (number + 1), "an event left half-written"


def ruby(code, settings=None, mode="observe", **kwargs):
    """Runs code; returns (what it printed as JSON, its Collections)."""
    with Conversation([RUBY, "--disable-gems", "-W:no-experimental", "-rjson",
                       "-e", code],
                      {"gc": mode, "keep": 1, **(settings or {})},
                      **kwargs) as program:
        status, out, err = program.end()
        assert (status, err) == (0, ""), err
        paths = segments(program.pid)
        assert len(paths) == 1
        return json.loads(out), Collections(paths[0])


GARBAGE = """
  def garbage(rings, bytes = 1000)
    rings.times { a = Array.new(100) { ["x" * bytes] }; a << a }
  end
  def counts = [GC.count, GC.stat(:minor_gc_count), GC.stat(:major_gc_count)]
"""


@pytest.mark.parametrize("mode", ["observe", "pace"])
@pytest.mark.parametrize("work", [
    "garbage(300)", "5.times { garbage(5); GC.start }",
    "20.times { GC.start(full_mark: false) }",
    "kept = (1..200_000).map { |i| [i.to_s] }; garbage(300)"])
def test_as_many_collections_of_each_kind_are_seen_as_ruby_counts(work, mode):
    said, seen = ruby(GARBAGE + work + "; GC.start; puts counts.to_json",
                      mode=mode)
    assert seen.generations == [said[1], 0, said[2]]
    assert sum(seen.generations) == said[0] == len(seen.events)


def test_one_under_way_at_the_end_is_told_too():
    said, seen = ruby("""
      kept = (1..300_000).map { |i| [i.to_s] }
      GC.start(immediate_mark: false, immediate_sweep: false)
      state = GC.latest_gc_info(:state)
      $stdout.write([GC.count, state].to_json)""")
    assert said[1] != "none"
    assert sum(seen.generations) == said[0]


def test_the_runtime_and_what_is_done_about_it_are_named():
    _, seen = ruby("puts 1", mode="pace")
    version = subprocess.run([RUBY, "-e", "print RUBY_VERSION"], text=True,
                             capture_output=True, check=True).stdout
    assert seen.runtime == "ruby " + version
    assert (seen.mode, seen.is_blind, seen.goal) == (OBSERVE, 0, 0)


def test_nothing_is_seen_unless_it_is_asked_for():
    with Conversation([RUBY, "-e", "GC.start"], {"keep": 1}) as program:
        assert program.end()[0] == 0
        seen = Collections(segments(program.pid)[0])
    assert (seen.runtime, seen.events) == ("", [])


def test_what_a_collection_gives_back_is_what_was_dropped():
    """1,000 strings of 20,000 bytes, dropped at once and collected at once."""
    said, seen = ruby("""
      GC.start
      GC.disable
      kept = Array.new(1000) { "x" * 20_000 }
      2.times { GC.start }
      kept.clear
      GC.start(full_mark: true, immediate_sweep: true)
      puts GC.count""")
    *_, last = seen.events
    _, _, pause, before, after, objects, generation = last[:7]
    assert generation == WHOLE and said == sum(seen.generations)
    assert 20_000_000 <= before - after < 21_500_000
    assert seen.used_before - seen.used_after == before - after
    assert 1000 <= objects < 5000
    assert 0 < pause < 1e9


def test_what_is_swept_lazily_is_given_back_too():
    """All that has been asked for is used or given back: what the collections
    freed differs from what was dropped by Ruby's own small change."""
    said, seen = ruby("""
      a = nil
      3000.times { a = Array.new(10) { "x" * 5000 } }
      a = nil
      2.times { GC.start }
      lazily = GC.count - 2
      puts [lazily, 3000 * 10 * 5000].to_json""")
    lazily, dropped = said
    assert lazily > 10
    assert dropped * 0.97 < seen.freed < dropped * 1.15


def test_pauses_are_the_time_that_collecting_takes():
    """On the wall's clock, like ours: Ruby's own GC.stat(:time) counts the
    processor's."""
    said, seen = ruby("""
      kept = (1..300_000).map { |i| [i.to_s] }
      GC.start
      garbage = Array.new(20_000) { "x" * 100 }
      def now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
      times = 10.times.map { before = now; GC.start; now - before }
      puts times.to_json""")
    ours = [event[2] for event in seen.events[-10:]]
    assert sum(said) > 20e6, "too little to compare"
    assert 0.8 * sum(said) < sum(ours) < sum(said)
    assert all(pause < time for pause, time in zip(ours, said))
    assert max(ours) <= seen.pause_max <= seen.pause_total


def test_debug_prints_a_line_a_collection():
    done = run_shimmed([RUBY, "--disable-gems", "-e", GARBAGE +
                        "garbage(100); GC.start; puts GC.count"],
                       settings={"gc": "observe", "gc_debug": 1})
    lines = done.stderr.splitlines()
    assert len(lines) == int(done.stdout) > 3
    for line in lines:
        assert re.fullmatch(
            r"gcshim: gc \d+ @\d+\.\d{3}s \d+%: generation [02], "
            r"\d+\.\d{3} ms, \S+ \S+ -> \S+ \S+, \d+ objects", line), line


def test_a_fork_child_counts_its_own():
    with Conversation([RUBY, "--disable-gems", "-e", GARBAGE + """
        garbage(50); GC.start
        before = GC.count
        pid = fork { garbage(50); GC.start; puts GC.count - before }
        Process.wait pid
        puts pid, GC.count"""], {"gc": "observe", "keep": 1}) as program:
        status, out, err = program.end()
        assert (status, err) == (0, "")
        in_child, pid, in_parent = map(int, out.split())
        seen = {}
        for who in (pid, program.pid):
            path, = segments(who)
            seen[who] = Collections(path)
            path.unlink()
    assert seen[pid].runtime.startswith("ruby ")
    assert sum(seen[pid].generations) == in_child > 1
    assert sum(seen[program.pid].generations) == in_parent


def test_threads_and_fibers_collect_and_are_seen():
    said, seen = ruby(GARBAGE + """
      8.times.map { Thread.new { garbage(100, 3000) } }.each(&:join)
      f = Fiber.new { loop { garbage(10); Fiber.yield } }
      10.times { f.resume }
      GC.start
      puts GC.count""")
    assert sum(seen.generations) == said > 20
    assert len({event[8] for event in seen.events}) > 1


@pytest.mark.parametrize("work", [
    "GC.disable; garbage(100); GC.enable",
    "3.times { GC.compact }",
    "GC.auto_compact = true; garbage(100); GC.start",
    "GC.stress = true; 100.times { 'a' + 'b' }; GC.stress = false",
    "w = ObjectSpace::WeakMap.new; 99.times { w['a' * 9] = 1 }; GC.start",
    "99.times { ObjectSpace.define_finalizer('a' * 9, proc { 'b' * 9 }) }",
    "ObjectSpace.each_object(String).map(&:size).sum",
    "GC::Profiler.enable; garbage(100); GC::Profiler.total_time",
    "t = TracePoint.new(:call) {}; t.enable; garbage(100); t.disable",
    "set_trace_func(proc {}); garbage(9); set_trace_func(nil); garbage(99)",
])
def test_odd_uses_of_the_collector_go_as_ever(work):
    said, seen = ruby(GARBAGE + work + "; GC.start; puts GC.count")
    assert sum(seen.generations) == said


def test_tracing_allocations_hides_a_collection_at_most_now_and_then():
    """Ruby shows no event within another: one that begins in a tracer is
    noticed at the next piece."""
    said, seen = ruby(GARBAGE + """
      require "objspace"
      ObjectSpace.trace_object_allocations { garbage(300) }
      GC.start
      puts GC.count""")
    assert said * 0.9 <= sum(seen.generations) <= said


def test_several_ractors_do_no_harm():
    """Forty times, for what went wrong went wrong in a quarter of the runs."""
    code = """
      ractors = 4.times.map {
        Ractor.new { 200.times { Array.new(100) { "x" * 1000 } }; 1 } }
      puts ractors.sum(&:take)"""

    def run(_):
        done = run_shimmed([RUBY, "--disable-gems", "-W:no-experimental",
                            "-e", code], settings={"gc": "observe"})
        return done.returncode, done.stdout, done.stderr

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert set(pool.map(run, range(40))) == {(0, "4\n", "")}


@pytest.mark.parametrize("where", [
    "%s", "GC.disable; %s", "Thread.new { %s }.join", "Fiber.new { %s }.resume",
    "at_exit { %s }", "Process.wait(fork { %s })",
    "ObjectSpace.define_finalizer('a' * 9, proc { %s }); 9.times { GC.start }"])
def test_a_ractor_may_collect_as_it_begins(where):
    """With GC.stress it does."""
    work = """begin
        GC.stress = true
        said = Ractor.new { 1 }.take
        GC.stress = false
        $stdout.write said
      end"""
    done = run_shimmed([RUBY, "--disable-gems", "-W:no-experimental", "-e",
                        where % work], settings={"gc": "observe"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "1", "")


def test_ruby_is_watched_up_to_the_first_ractor():
    """And the collection that Ruby makes for it is the last one seen."""
    said, seen = ruby(GARBAGE + """
      garbage(100)
      before = GC.count
      Ractor.new { 1 }.take
      garbage(100)
      puts [before, GC.count].to_json""")
    assert sum(seen.generations) == len(seen.events) == said[0] + 1 < said[1]
    assert seen.events[-1][6] == WHOLE
    assert seen.mode == OFF


def test_a_fork_child_without_ractors_is_watched_again():
    """But for the collection that frees its parent's Ractor."""
    with Conversation([RUBY, "--disable-gems", "-W:no-experimental", "-e",
                       GARBAGE + """
        Ractor.new { 1 }.take
        pid = fork {
          before = GC.count
          garbage(300)
          puts GC.count - before }
        Process.wait pid
        puts pid"""], {"gc": "observe", "keep": 1}) as program:
        status, out, err = program.end()
        assert (status, err) == (0, "")
        collections, pid = map(int, out.split())
        path, = segments(pid)
        seen = Collections(path)
        path.unlink()
    assert 10 < collections - 3 <= sum(seen.generations) <= collections
    assert seen.mode == OBSERVE


def test_a_ractor_that_could_not_be_begun_does_not_end_the_watch():
    """Ruby forgets who listens as it frees it."""
    said, seen = ruby(GARBAGE + """
      begin
        x = 1
        Ractor.new { x }
      rescue ArgumentError
      end
      garbage(300)
      puts GC.count""")
    assert 10 < said - 3 <= sum(seen.generations) <= said


def test_a_collection_by_c_code_is_seen_and_so_are_those_behind_it():
    """Ruby makes one by rb_gc() before the first Ractor, and is let go then:
    this one is none of those."""
    said, seen = ruby(GARBAGE + """
      require "fiddle"
      rb_gc = Fiddle::Function.new(Fiddle.dlopen(nil)["rb_gc"], [],
                                   Fiddle::TYPE_VOID)
      3.times { rb_gc.call; garbage(100) }
      GC.start
      puts GC.count""")
    assert sum(seen.generations) == said > 10
    assert seen.mode == OBSERVE


@pytest.mark.parametrize("end, status", [
    ("exit! 3", 3), ("exit 4", 4), ("raise 'x'", 1), ("abort", 1),
    ("Process.kill(:KILL, $$)", -9), ("Process.kill(:TERM, $$)", -15),
    ("exec 'true'", 0), ("Thread.new { exit 5 }.join", 5),
    ("at_exit { garbage(100); GC.start }", 0)])
def test_a_program_may_end_in_the_middle(end, status):
    with Conversation([RUBY, "-e", GARBAGE +
                       "Thread.new { loop { garbage(9) } };"
                       "garbage(100);" + end], {"gc": "observe"}) as program:
        assert program.end()[0] == status


def test_a_request_is_served_by_a_whole_collection():
    """As gcshim-ctl makes it: the number in the header is raised."""
    with Conversation([RUBY, "--disable-gems", "-e", """
        $stdout.sync = true
        GC.disable
        GC.start
        GC.enable
        puts GC.count
        gets
        before = GC.count
        20.times { "x" * 100_000 }
        puts GC.count - before, GC.latest_gc_info(:major_by)"""],
                      {"gc": "observe", "keep": 1}) as program:
        program.hear()
        path, = segments(program.pid)
        with open(path, "r+b") as file:
            file.seek(REQUEST_AT)
            assert file.read(4) == bytes(4)
            file.seek(REQUEST_AT)
            file.write(struct.pack("<I", 1))
        program.say()
        status, out, err = program.end()
        assert (status, out, err) == (0, "1\nforce\n", "")
        seen = Collections(path)
        assert seen.events[-1][6:8] == (WHOLE, 4)


def test_at_the_limit_ruby_collects_and_goes_on():
    """Much more garbage than that, and then what is too much."""
    done = run_shimmed([RUBY, "--disable-gems", "-e", """
        60.times { Array.new(50) { "y" * 1_000_000 } }
        begin
          kept = []
          loop { kept << "x" * 1_000_000 }
        rescue NoMemoryError
          had, kept = kept.size, nil
        end
        50.times { "y" * 1_000_000 }
        puts had"""], settings={"gc": "observe", "gc_max": "200MB"})
    assert (done.returncode, done.stderr) == (0, "")
    # The last 50 may still be seen on the stack, which Ruby scans as it is.
    assert 130 < int(done.stdout) < 200


# header.collect_requested, behind trim_requested.
REQUEST_AT = 768 + 4


@pytest.mark.parametrize("argv", [
    ["irb", "--version"], ["rake", "--version"], ["gem", "list"],
    ["erb", "-v", "-x", "/dev/null"], ["ruby", "-v"],
    ["ruby", "-ryaml", "-rjson", "-rset", "-e",
     "puts({'a' => [1, Set[2].to_a]}.to_yaml, JSON.dump([1]))"]])
@pytest.mark.parametrize("mode", ["observe", "pace"])
def test_programs_of_the_distribution_behave_the_same(argv, mode, tmp_path):
    if not shutil.which(argv[0]):
        pytest.skip(argv[0] + " is not installed")
    env = {"HOME": str(tmp_path)}
    plain = subprocess.run(argv, env={**plain_env(), **env}, text=True,
                           capture_output=True, check=False)
    done = run_shimmed(argv, settings={"gc": mode}, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (
        plain.returncode, plain.stdout, plain.stderr)
