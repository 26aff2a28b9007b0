"""Call sites: what is estimated of each, held against what the program itself
knows by malloc_usable_size()."""

import contextlib
import math
import os
import re
import shutil
import statistics
import subprocess

import pytest

import profile_section
from conftest import PROGRAMS, await_that, run_shimmed, segments, shim_env
from profile_section import Profile

MEAN = 64 << 10
RUNS = 40


class Program:
    """profile.c under the shim, step by step."""

    def __init__(self, **settings):
        self.process = subprocess.Popen(
            [PROGRAMS / "profile"], env=shim_env(**settings), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.truth = self.do("tell")

    @property
    def path(self):
        return segments(self.process.pid)[0]

    def do(self, step):
        self.process.stdin.write(step + "\n")
        self.process.stdin.flush()
        self.truth = {}
        while (line := self.process.stdout.readline().split()) != ["end"]:
            name, *numbers = line
            self.truth[name] = tuple(map(int, numbers))
        return self.truth

    def profile(self):
        return Profile(self.path)

    def sites(self, profile, name):
        """By name: no function of these begins within 64 bytes of another."""
        return profile.at(self.truth[name][0], 64)

    def turn(self, mean):
        """Sampling on, with a mean, or off (0)."""
        number = profile_section.request(self.path, mean)

        def is_served():
            self.do("go")
            return self.profile().served == number
        await_that(is_served, "the request to be served")


@contextlib.contextmanager
def program(**settings):
    running = Program(**settings)
    try:
        yield running
    finally:
        running.process.stdin.close()
        assert running.process.wait(timeout=60) == 0


def errors_of(running):
    """(estimate - truth) / claimed deviation of each figure of each way."""
    profile = running.profile()
    errors = {}
    for name, (_, live, live_blocks, total, total_blocks) in \
            running.truth.items():
        sites = running.sites(profile, name)
        assert sites, name
        for figure, truth, estimate, variance in [
                ("live bytes", live, sum(s.live_bytes for s in sites),
                 sum(s.live_bytes_variance for s in sites)),
                ("live blocks", live_blocks,
                 sum(s.live_blocks for s in sites), None),
                ("bytes", total, sum(s.bytes for s in sites),
                 sum(s.bytes_variance for s in sites)),
                ("blocks", total_blocks, sum(s.blocks for s in sites),
                 sum(s.blocks_variance for s in sites))]:
            errors[name, figure] = (truth, estimate, variance)
    return errors


@pytest.fixture(scope="module")
def runs():
    def one():
        with program(sample=MEAN) as running:
            running.do("go")
            return errors_of(running)
    return [one() for _ in range(RUNS)]


def test_estimates_have_no_bias(runs):
    """The mean of many runs is the truth; five standard errors are passed by
    one such test in a million."""
    for key in runs[0]:
        truth = runs[0][key][0]
        estimates = [run[key][1] for run in runs]
        error = statistics.stdev(estimates) / math.sqrt(RUNS)
        assert abs(statistics.mean(estimates) - truth) <= 5 * error + 1e-6, \
            (key, truth, statistics.mean(estimates), error)


def test_the_deviation_that_is_claimed_is_the_true_one(runs):
    """The variance over the runs against the mean of those claimed: the ratio
    of both is spread by sqrt(2 / runs), here 22 %."""
    for key in runs[0]:
        if runs[0][key][0] == 0 or runs[0][key][2] is None:
            continue
        claimed = statistics.mean(run[key][2] for run in runs)
        seen = statistics.variance(run[key][1] for run in runs)
        if key[0] == "huge":
            assert claimed == seen == 0
        else:
            assert 0.3 < seen / claimed < 2.5, (key, seen, claimed)


def test_intervals_of_95_percent_hold_the_truth_about_that_often(runs):
    held = total = 0
    for run in runs:
        for truth, estimate, variance in run.values():
            if variance:
                held += abs(estimate - truth) <= 1.96 * math.sqrt(variance)
                total += 1
    assert total > 500
    assert 0.90 < held / total < 0.99, held / total


def test_huge_blocks_are_each_known_by_their_site():
    with program(sample=MEAN) as running:
        running.do("go")
        truth = running.truth["huge"]
        site, = running.sites(running.profile(), "huge")
        assert (site.live_bytes, site.live_blocks, site.bytes,
                site.blocks) == truth[1:]


def test_a_mean_of_one_byte_is_the_truth():
    with program(sample=1) as running:
        running.do("go")
        profile = running.profile()
        # The list is a hash table, and half full: a few find no room.
        assert profile.samples_unlisted < 100
        for name, (_, live, live_blocks, total, total_blocks) in \
                running.truth.items():
            sites = running.sites(profile, name)
            share = 1e-6
            assert sum(s.live_blocks for s in sites) == \
                pytest.approx(live_blocks, rel=share, abs=100)
            assert sum(s.live_bytes for s in sites) == \
                pytest.approx(live, rel=share, abs=100 * 4096)
            assert sum(s.blocks for s in sites) == \
                pytest.approx(total_blocks, rel=share)
            assert sum(s.bytes for s in sites) == \
                pytest.approx(total, rel=share)


def test_what_is_freed_lives_no_more_and_stays_in_the_totals():
    with program(sample=MEAN) as running:
        running.do("go")
        running.do("thread")
        before = running.profile()
        running.do("free")      # another thread's too
        running.do("tell")
        after = running.profile()
        living = sum(s.live_bytes for s in before.sites)
        assert sum(s.live_bytes for s in after.sites) < living
        assert running.sites(after, "churned")[0].bytes == \
            running.sites(before, "churned")[0].bytes


def test_stacks_go_from_the_caller_of_malloc_to_where_the_thread_began():
    with program(sample=MEAN) as running:
        running.do("thread")
        for site in running.sites(running.profile(), "mixed"):
            modules = [os.path.basename(f.path) for f in site.stack]
            assert modules[:2] == ["profile", "profile"]
            assert modules[-1] == "libc.so.6"   # where a thread starts
            assert not site.is_cut
            assert "libgcshim.so" not in modules


def test_a_stack_deeper_than_asked_for_is_cut_and_says_so():
    with program(sample=MEAN, stack_depth=2) as running:
        running.do("go")
        site, = running.sites(running.profile(), "mixed")
        assert len(site.stack) == 2 and site.is_cut


def test_modules_carry_the_build_id_of_their_file():
    with program(sample=MEAN) as running:
        running.do("go")
        modules = {os.path.basename(m["path"]): m
                   for m in running.profile().modules if m["path"]}
    program_file = modules["profile"]
    notes = subprocess.run(["readelf", "-n", PROGRAMS / "profile"],
                           capture_output=True, text=True, check=True).stdout
    assert program_file["build_id"] and program_file["build_id"] in notes
    assert program_file["path"] == str((PROGRAMS / "profile").resolve())


def test_sampling_is_turned_on_and_off_while_the_program_runs():
    with program() as running:
        running.do("go")
        assert running.profile().state == profile_section.OFF
        running.turn(MEAN)
        profile = running.profile()
        assert (profile.state, profile.mean_bytes) == (profile_section.ON, MEAN)
        running.do("go")
        assert running.sites(running.profile(), "mixed")
        running.turn(0)
        profile = running.profile()
        assert (profile.state, profile.mean_bytes) == (profile_section.OFF, 0)
        samples = sum(s.samples for s in profile.sites)
        running.do("go")
        assert sum(s.samples for s in running.profile().sites) == samples
        running.do("free")
        running.turn(2 * MEAN)
        assert running.profile().means[1:3] == [MEAN, 2 * MEAN]


def test_more_different_means_than_there_is_room_for_are_refused():
    with program() as running:
        for i in range(1, 16):
            running.turn(i << 20)
            assert running.profile().state == profile_section.ON
        running.turn(16 << 20)
        assert running.profile().state == profile_section.TOO_MANY_MEANS
        running.turn(15 << 20)      # one that is known
        assert running.profile().state == profile_section.ON


def test_a_fork_child_begins_with_its_parents_sites():
    script = ("import os,sys,time\n"
              "keep = [bytearray(3000) for _ in range(20000)]\n"
              "pid = os.fork()\n"
              "if pid == 0:\n"
              "    del keep[:10000]\n"
              "    print(os.getpid(), flush=True)\n"
              "    sys.stdin.readline()\n"
              "    os._exit(0)\n"
              "os.waitpid(pid, 0)\n")
    parent = subprocess.Popen(["/usr/bin/python3", "-c", script], text=True,
                              env=shim_env(sample=MEAN),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        child = int(parent.stdout.readline())
        ours = Profile(segments(child)[0])
        theirs = Profile(segments(parent.pid)[0])
    finally:
        parent.stdin.close()
        assert parent.wait(timeout=60) == 0
    here = max(ours.sites, key=lambda s: s.bytes)
    there = max(theirs.sites, key=lambda s: s.bytes)
    assert here.stack == there.stack
    assert here.bytes == pytest.approx(there.bytes, rel=0.1)
    assert 0.4 < here.live_bytes / there.live_bytes < 0.6


def test_without_libunwind_the_program_runs_and_is_told_once(tmp_path):
    """A library of that name which has none of its functions."""
    source = tmp_path / "none.c"
    source.write_text("int none;\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o",
                    tmp_path / "libunwind.so.8", source], check=True)
    done = run_shimmed(["/usr/bin/python3", "-c", "print('ran')"],
                       settings={"sample": MEAN},
                       env={"LD_LIBRARY_PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr == ("gcshim: GCSHIM_SAMPLE: libunwind.so.8 cannot be "
                           "loaded; nothing is sampled\n")


def test_nothing_is_loaded_while_sampling_is_off():
    maps = "import os; print(open('/proc/self/maps').read())"
    off = run_shimmed(["/usr/bin/python3", "-c", maps])
    assert "libunwind" not in off.stdout
    on = run_shimmed(["/usr/bin/python3", "-c", maps],
                     settings={"sample": MEAN})
    assert "libunwind.so.8" in on.stdout


def test_a_dead_process_still_tells_its_sites(tmp_path):
    running = Program(sample=MEAN)
    running.do("go")
    path = running.path
    running.process.kill()
    running.process.wait(timeout=60)
    try:
        shutil.copy(path, tmp_path / "segment")
    finally:
        path.unlink()
    profile = Profile(tmp_path / "segment")
    site, = running.sites(profile, "mixed")
    assert site.stack[0].path.endswith("/profile")


def reported(*argv, **settings):
    done = run_shimmed(argv, settings={"report": "stderr", **settings})
    assert done.returncode == 0
    return done.stderr


def test_the_report_at_exit_ends_with_what_was_never_freed():
    script = ("keep = [bytearray(3000) for _ in range(2000)]\n"
              "import os, sys\n"
              "gone = [bytearray(3000) for _ in range(2000)]\n"
              "del gone\n"
              "os._exit(0)\n")
    text = reported("/usr/bin/python3", "-c", script, sample=4096)
    first = text.split("  never freed, by call site\n")[1].splitlines()
    size, count = re.fullmatch(r"    ([\d.]+) MiB in (\d+) blocks, estimated "
                               r"from \d+ samples", first[0]).groups()
    assert 4.8 < float(size) < 7 and 1600 < int(count) < 2400
    assert first[1].startswith("      /usr/bin/python3.11+0x")
    assert "      <listcomp> at <string>:1" in first


def test_code_in_the_report_can_be_looked_up():
    """The call's address, as addr2line takes it."""
    source = PROGRAMS / "profile"
    done = subprocess.run([source], input="go\n", text=True,
                          env=shim_env(report="stderr", sample=MEAN),
                          capture_output=True, check=True)
    where = re.findall(rf"{source.resolve()}\+(0x[0-9a-f]+)", done.stderr)
    named = subprocess.run(["addr2line", "-f", "-e", source, *where],
                           capture_output=True, text=True, check=True).stdout
    assert {"mixed", "medium", "large", "huge", "go"} <= \
        set(named.splitlines())


def test_without_samples_the_report_says_nothing_of_sites():
    assert "never freed" not in reported("/bin/true")
