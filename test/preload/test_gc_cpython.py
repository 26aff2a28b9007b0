"""The CPython adapter, on the system's own Python: its collections seen and
measured, and paced where that is asked for."""

import json
import pathlib
import re
import subprocess

import pytest

from conftest import (PROGRAMS, Conversation, plain_env, run_shimmed,
                      segments, shim_env)
from gc_section import (ASKED, EMERGENCY, OBSERVE, PACE, Collections,
                        run_kept)

PYTHON = "/usr/bin/python3"
VERSION = subprocess.run(
    [PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
    capture_output=True, text=True, check=True).stdout.strip()

PRELUDE = """
import ctypes, gc, json, os, sys, threading
gc.disable()

class Node:
    def __init__(self, payload):
        self.payload = payload
        self.self = self

def is_attached():
    return any(getattr(f, "__name__", "") == "gcshim" for f in gc.callbacks)

def attach():
    for _ in range(20_000):
        if is_attached():
            return
        bytearray(100_000)
    sys.exit("gcshim does not attach")

def litter(number, size=100_000):
    for _ in range(number):
        Node(bytearray(size))

def stats():
    return [[s["collections"], s["collected"]] for s in gc.get_stats()]

def say(**words):
    print(json.dumps(words), flush=True)

def hear():
    sys.stdin.readline()
"""


def python(script, *args, **settings):
    """A script that ends well: what it said, and the processes'
    collections."""
    done, collections = run_kept([PYTHON, "-c", PRELUDE + script, *args],
                                 **settings)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return said, collections


def converse(script, **settings):
    return Conversation([PYTHON, "-c", PRELUDE + script], settings=settings)


def collections_of(program):
    path, = segments(program.pid)
    return Collections(path)


# ---------------------------------------------------------------- observed

def test_without_the_variable_python_is_left_alone():
    said, (gc,) = python("""
for _ in range(100): bytearray(100_000)
say(callbacks=len(gc.callbacks))
""")
    assert said == [{"callbacks": 0}]
    assert (gc.runtime, gc.event_count) == ("", 0)


def test_the_runtime_is_named_from_the_start():
    for mode, name in (("observe", OBSERVE), ("pace", PACE)):
        _, (gc,) = python("", gc=mode)
        assert (gc.runtime, gc.mode, gc.is_blind) == \
            (f"cpython {VERSION}", name, 0)


WATCHED = """
attach()
say(stats=stats())
hear()
gc.enable()
held = []
for i in range(3000):
    Node(bytearray(1000))
    held.append([i])
    if i % 1000 == 999:
        gc.collect(i // 1000)
    if i % 500 == 0:
        held = []
gc.disable()
say(stats=stats())
hear()
"""


@pytest.mark.parametrize("mode", ["observe", "pace"])
def test_collections_and_objects_are_what_python_counts_itself(mode):
    with converse(WATCHED, gc=mode, gc_min="64KiB") as program:
        was = json.loads(program.hear())["stats"]
        seen = collections_of(program)
        program.say()
        now = json.loads(program.hear())["stats"]
        gc = collections_of(program)
        program.say()
        assert program.end() == (0, "", "")
    by_generation = [b[0] - a[0] for a, b in zip(was, now)]
    assert min(by_generation) >= 1 and by_generation[0] > 3
    assert [b - a for a, b in zip(seen.collections, gc.collections)] == \
        by_generation
    collected = sum(b[1] - a[1] for a, b in zip(was, now))
    assert collected >= 3000
    assert gc.objects - seen.objects == collected
    if mode == "observe":
        assert {e.flags for e in gc.events} <= {0} and gc.asked == 0


def test_what_a_collection_gave_back_is_the_sum_of_what_it_freed():
    said, (gc,) = python("""
usable = ctypes.CDLL(None).malloc_usable_size
usable.restype, usable.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
def size_of(payload):
    return usable(ctypes.addressof(ctypes.c_char.from_buffer(payload)))
attach()
gc.collect()
nodes = [Node(bytearray(size)) for size in range(10_000, 300_000, 7_001)]
total = sum(size_of(node.payload) for node in nodes)
del nodes
gc.collect()
say(total=total)
os._exit(0)
""", gc="observe")
    total = said[0]["total"]
    assert total > 5_000_000
    event = gc.events[-1]
    assert event.generation == 2 and event.objects >= 40
    assert total <= event.freed <= total + 64 * 1024
    assert (gc.used_before_last, gc.used_after_last) == \
        (event.used_before, event.used_after)


def test_debug_is_a_line_for_each_collection_in_gos_style():
    done = run_shimmed([PYTHON, "-c", PRELUDE + "attach()\n"
                        "Node(bytearray(1_000_000))\ngc.collect(1)\n"
                        "gc.collect()\nos._exit(0)"],
                       settings={"gc": "observe", "gc_debug": 1})
    assert (done.returncode, done.stdout) == (0, "")
    lines = done.stderr.splitlines()
    size = r"\d+(\.\d [KMG]i)?B|\d+ B"
    for line in lines:
        assert re.fullmatch(
            r"gcshim: gc \d+ @\d+\.\d{3}s \d+%: generation [012], "
            rf"\d+\.\d{{3}} ms, ({size}) -> ({size}), \d+ objects", line), line
    assert "generation 1" in lines[-2] and "generation 2" in lines[-1]


def test_debug_says_what_the_pacer_asked_for():
    done = run_shimmed([PYTHON, "-c", PRELUDE +
                        "gc.enable()\nlitter(1000)\nos._exit(0)"],
                       settings={"gc": "pace", "gc_debug": 1})
    assert done.returncode == 0
    asked = [line for line in done.stderr.splitlines()
             if line.endswith(", asked for")]
    assert asked and all(re.search(r", goal \d+\.\d [KMG]iB, ", line)
                         for line in asked)


def test_a_callback_called_by_hand_does_no_harm():
    said, _ = python("""
attach()
mine, = [f for f in gc.callbacks if f.__name__ == "gcshim"]
refused = 0
for arguments in [(), (1,), (1, {}), ("start",), (None, None), ("x", {}),
                  ("stop", {}), ("stop", 7), ("start", {"generation": "x"}),
                  ("start", {"generation": -5}), ("stop", {"collected": []}),
                  ("start", {"generation": 10**30})]:
    try:
        assert mine(*arguments) is None
    except (IndexError, TypeError):
        refused += 1
say(refused=refused)
""", gc="observe")
    assert said[0]["refused"] >= 4


def test_callbacks_that_the_program_removes_stay_away_while_observed():
    said, (gc,) = python("""
attach()
gc.callbacks.clear()
gc.collect(); litter(500); gc.collect()
say(attached=is_attached())
os._exit(0)
""", gc="observe")
    assert said == [{"attached": False}]


def test_callbacks_that_the_program_removes_come_back_where_pacing_needs_them():
    said, (gc,) = python("""
attach()
gc.callbacks.clear()
gc.enable()
litter(1000)
say(attached=is_attached(), times=sum(f.__name__ == "gcshim" for f in gc.callbacks))
os._exit(0)
""", gc="pace")
    assert said == [{"attached": True, "times": 1}]
    assert any(e.flags == ASKED for e in gc.events)


# ------------------------------------------------------------------- paced

LITTERING = """
gc.enable()
live = [Node(bytearray(1000)) for _ in range(100)]
litter(3000, 300_000)
print(next(line.split()[1] for line in open("/proc/self/status")
           if line.startswith("VmHWM")))
"""


def peak_rss(env):
    """In KiB, of the program alone: ru_maxrss is at least its parent's."""
    done = subprocess.run(
        [PYTHON, "-c", PRELUDE + LITTERING], env=env,
        capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return int(done.stdout)


def test_pacing_brings_peak_memory_down_by_a_third_and_more():
    plain = peak_rss(plain_env())
    paced = peak_rss(shim_env(gc="pace"))
    assert paced <= plain * 2 / 3, f"{paced} KiB of {plain}"


@pytest.mark.parametrize("off", [
    "gc.disable()", "gc.enable(); gc.set_threshold(0)",
    "gc.enable(); gc.set_threshold(0, 10, 10)"])
def test_a_collector_that_is_off_stays_off(off):
    said, (gc,) = python(f"""
attach()
{off}
was = stats()
litter(300)
say(same=stats() == was)
os._exit(0)
""", gc="pace")
    assert said == [{"same": True}]
    assert not any(e.flags for e in gc.events)
    # Nor is it asked for over and over.
    assert 1 <= gc.asked <= 30


def test_a_collector_that_is_turned_on_again_is_paced_again():
    said, (gc,) = python("""
litter(200)
gc.enable()
litter(1000)
os._exit(0)
""", gc="pace", gc_min="1MiB")
    assert any(e.flags == ASKED for e in gc.events)


def test_exceptions_and_results_are_as_without_pacing():
    script = """
gc.enable()
def fail(depth):
    litter(2)
    if depth == 0:
        raise KeyError(bytearray(50_000) and "bottom")
    try:
        fail(depth - 1)
    except KeyError as error:
        litter(2)
        assert sys.exc_info()[1] is error
        raise ValueError(depth) from error
    finally:
        litter(1)
chains = 0
for i in range(300):
    try:
        fail(5)
    except ValueError as error:
        litter(1)
        assert sys.exc_info()[1] is error
        while error:
            chains += 1
            error = error.__cause__
    assert sys.exc_info() == (None, None, None)
say(chains=chains)
os._exit(0)
"""
    said, (gc,) = python(script, gc="pace", gc_min="1MiB",
                         gc_max_delta="4MiB")
    assert said == [{"chains": 300 * 2}]
    assert sum(e.flags == ASKED for e in gc.events) > 10


def test_finalizers_and_weak_references_work_in_a_collection_asked_for():
    said, (gc,) = python("""
import weakref
gc.enable()
died = [0, 0]
class Loud(Node):
    def __del__(self):
        died[0] += 1
        Node(bytearray(50_000))
def gone(ref):
    died[1] += 1
refs = []
for _ in range(1000):
    refs.append(weakref.ref(Loud(bytearray(100_000)), gone))
gc.disable()
gc.collect()
say(died=died)
os._exit(0)
""", gc="pace", gc_min="1MiB")
    assert said == [{"died": [1000, 1000]}]
    assert any(e.flags == ASKED for e in gc.events)


def test_a_fork_child_is_observed_and_paced_for_itself():
    said, collections = python("""
gc.enable()
litter(500)
def child():
    before = stats()
    litter(500)
    say(more=stats()[0][0] > before[0][0])
for leave in (os._exit, sys.exit):
    pid = os.fork()
    if pid == 0:
        child()
        leave(0)
    assert os.waitpid(pid, 0)[1] == 0
""", gc="pace", gc_min="1MiB")
    assert said == [{"more": True}] * 2
    assert len(collections) == 3
    for gc in collections:
        assert gc.runtime == f"cpython {VERSION}"
        assert any(e.flags == ASKED for e in gc.events)
        assert [e.number for e in gc.events] == \
            list(range(gc.event_count))[-512:]


def test_a_fork_in_the_middle_of_pacing_leaves_nothing_pending():
    """Children forked at each step, with a pending call or without."""
    said, _ = python("""
gc.enable()
for i in range(40):
    litter(7)
    pid = os.fork()
    if pid == 0:
        was = stats()
        litter(100)
        os._exit(0 if stats()[0][0] > was[0][0] else 1)
    assert os.waitpid(pid, 0)[1] == 0, i
say(done=True)
""", gc="pace", gc_min="1MiB")
    assert said == [{"done": True}]


def test_threads_that_allocate_at_once_are_paced_while_main_runs():
    said, (gc,) = python("""
gc.enable()
threads = [threading.Thread(target=litter, args=(500,)) for _ in range(4)]
for t in threads: t.start()
while any(t.is_alive() for t in threads):
    litter(1)
say(done=True)
os._exit(0)
""", gc="pace", gc_min="4MiB")
    assert said == [{"done": True}]
    assert any(e.flags == ASKED for e in gc.events)


def test_nothing_hangs_while_main_waits_for_the_threads_that_allocate():
    """Before 3.12 a pending call is for the main thread, which waits."""
    said, (gc,) = python("""
gc.enable()
threads = [threading.Thread(target=litter, args=(300,)) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
litter(300)
say(done=True)
os._exit(0)
""", gc="pace", gc_min="4MiB")
    assert said == [{"done": True}]
    assert any(e.flags == ASKED for e in gc.events)


def test_subinterpreters_come_and_go():
    said, (gc,) = python("""
import _xxsubinterpreters as interpreters
gc.enable()
code = '''
import gc
class Node:
    pass
for _ in range(200):
    node = Node()
    node.self, node.payload = node, bytearray(100_000)
'''
for _ in range(5):
    one = interpreters.create()
    interpreters.run_string(one, code)
    interpreters.destroy(one)
    litter(200)
say(done=True)
os._exit(0)
""", gc="pace", gc_min="1MiB")
    assert said == [{"done": True}]
    assert any(e.flags == ASKED for e in gc.events)


@pytest.mark.parametrize("mode", ["observe", "pace"])
def test_python_ends_while_threads_allocate(mode):
    for _ in range(10):
        said, _ = python("""
import atexit
gc.enable()
atexit.register(litter, 50)
class Late:
    def __del__(self):
        litter(20)
late = Late()
late.self = late
started = threading.Event()
def go_on():
    started.set()
    while True:
        litter(1)
for _ in range(3):
    threading.Thread(target=go_on, daemon=True).start()
started.wait()
litter(50)
say(done=True)
""", gc=mode, gc_min="1MiB")
        assert said == [{"done": True}]


EMBEDDED = """
import gc
class Node:
    pass
def litter(number):
    for _ in range(number):
        node = Node()
        node.self, node.payload = node, bytearray(100_000)
gc.disable()
for _ in range(20_000):
    if any(getattr(f, "__name__", "") == "gcshim" for f in gc.callbacks):
        break
    bytearray(100_000)
else:
    raise SystemExit("gcshim does not attach")
gc.enable()
before = sum(s["collections"] for s in gc.get_stats())
litter(500)
gc.collect()
print(sum(s["collections"] for s in gc.get_stats()) - before, flush=True)
"""


def embedding():
    program = PROGRAMS / "gc_embed"
    if not program.exists():
        pytest.skip("built without libpython3-dev")
    return program


def test_an_exception_that_is_set_outlasts_a_collection_asked_for():
    done, (gc,) = run_kept([embedding(), "exception"], gc="pace")
    assert (done.returncode, done.stderr) == (0, "")
    assert any(e.flags == ASKED for e in gc.events)


@pytest.mark.parametrize("mode", ["observe", "pace"])
def test_an_interpreter_that_begins_anew_is_attached_to_anew(mode):
    done, (gc,) = run_kept([embedding(), "5", EMBEDDED], gc=mode, gc_min="1MiB",
                           gc_max_delta="4MiB")
    assert (done.returncode, done.stderr) == (0, "")
    numbers = [int(line) for line in done.stdout.split()]
    assert len(numbers) == 5 and min(numbers) >= 1
    assert gc.event_count >= sum(numbers)
    if mode == "pace":
        assert min(numbers) > 10
        assert sum(e.flags == ASKED for e in gc.events) > 5 * 10


def test_an_import_hook_of_the_programs_is_not_called():
    said, (gc,) = python("""
import builtins
imported = []
real = builtins.__import__
def hook(name, *rest):
    imported.append(name)
    return real(name, *rest)
gc.enable()
builtins.__import__ = hook
litter(500)
builtins.__import__ = real
say(imported=imported)
os._exit(0)
""", gc="pace", gc_min="1MiB")
    assert any(e.flags == ASKED for e in gc.events)
    assert said == [{"imported": []}]


# --------------------------------------------------------------- the limit

def test_the_limit_is_a_memory_error_that_a_program_survives():
    said, (gc,) = python("""
caught = 0
for _ in range(5):
    held = []
    try:
        while True:
            held.append(bytearray(1_000_000))
    except MemoryError:
        caught += 1
    number = len(held)
    del held
say(caught=caught, number=number)
""", gc_max="64MiB")
    assert said[0]["caught"] == 5
    assert 40 < said[0]["number"] < 67


def test_the_limit_is_a_memory_error_in_small_objects_too():
    done = run_shimmed([PYTHON, "-c", PRELUDE + """
held = []
try:
    while True:
        held.append("x" * 200 + str(len(held)))
except MemoryError:
    last = held.pop()    # at the limit there is no room for anything
    held = None
say(number=int(last[200:]))
"""], settings={"gc_max": "64MiB"}, env={"PYTHONMALLOC": "malloc"})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["number"] > 50_000


def test_a_collection_comes_before_the_limit_bites():
    """Garbage of many times the limit, that Python's own count of objects
    would collect too late."""
    script = """
gc.enable()
litter(500, 1_000_000)
say(done=True)
os._exit(0)
"""
    said, (gc,) = python(script, gc="pace", gc_max="64MiB", gc_min="1GiB")
    assert said == [{"done": True}]
    done = run_shimmed([PYTHON, "-c", PRELUDE + script],
                       settings={"gc_max": "64MiB"})
    assert done.returncode == 1 and "MemoryError" in done.stderr


def test_an_emergency_collection_is_marked():
    """A live set just below the limit, whose last step is garbage."""
    said, (gc,) = python("""
gc.enable()
gc.set_threshold(1_000_000)
held = []
litter(40, 1_000_000)
for _ in range(18):
    held.append(bytearray(1_000_000))
litter(40, 1_000_000)
say(done=True)
os._exit(0)
""", gc="pace", gc_max="64MiB", gc_min="64MiB", gc_major_collect=1000,
        gc_growth=1000, gc_max_delta="1GiB")
    assert said == [{"done": True}]
    assert any(e.flags in (EMERGENCY, ASKED) for e in gc.events)


def test_a_handler_of_signals_that_allocates_hangs_nothing():
    said, (gc,) = python("""
gc.enable()
handler = ctypes.CDLL(sys.argv[1])
handler.handler_start()
while handler.handler_calls() < 3000:
    litter(20)
handler.handler_stop()
say(done=True)
os._exit(0)
""", PROGRAMS / "gc_handler.so", gc="pace", gc_min="1MiB")
    assert said == [{"done": True}]
    assert any(e.flags == ASKED for e in gc.events)


# ------------------------------------------------------- Python's own tests

# libpython3.11-testsuite
SUITE = pathlib.Path("/usr/lib") / f"python{VERSION}" / "test"
FILES = ["test_gc", "test_threading", "test_subprocess",
         "test_multiprocessing_fork", "test_concurrent_futures",
         "test_weakref", "test_finalization"]


def outcomes(name, env, directory):
    """The tests that failed, by name; what ran; the whole output."""
    directory.mkdir()
    done = subprocess.run([PYTHON, "-m", "test", "-v", name], env=env,
                          cwd=directory, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=1800,
                          check=False)
    bad = set(re.findall(r"^(?:FAIL|ERROR): (.*)$", done.stdout, re.M))
    ran = sum(map(int, re.findall(r"^Ran (\d+) tests?", done.stdout, re.M)))
    return bad, ran, done


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_pythons_own_tests_pass_while_paced(name, tmp_path):
    if not (SUITE / f"{name}.py").exists():
        pytest.skip(f"libpython{VERSION}-testsuite is not installed")
    plain_bad, plain_ran, _ = outcomes(name, plain_env(), tmp_path / "plain")
    before = set(segments())
    bad, ran, done = outcomes(name, shim_env(gc="pace", gc_min="1MiB"),
                              tmp_path / "paced")
    # They kill children of theirs, whose segments stay, as they should.
    for path in set(segments()) - before:
        if not pathlib.Path(f"/proc/{path.name.split('.')[1]}").exists():
            path.unlink()
    assert ran == plain_ran > 0
    assert bad <= plain_bad, done.stdout[-5000:]
    assert plain_bad or done.returncode == 0, done.stdout[-5000:]
