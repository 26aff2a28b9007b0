"""Functions of Python on sampled stacks, with the system's own Python: those
that were called, in their files and lines, whatever the interpreter was in the
middle of; and none where there can be none."""

import json
import os
import pathlib
import re
import struct
import subprocess

import pytest

from conftest import (PROGRAMS, Conversation, await_that, plain_env,
                      segments, shim_env)
from profile_section import ON, Code, Function, Profile

PYTHON = "/usr/bin/python3"
VERSION = subprocess.run(
    [PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
    capture_output=True, text=True, check=True).stdout.strip()

# What is sampled here by one and by chance.
ALL, SOME = 1, "64KiB"
WANTED_BYTES_AT, REQUESTED_AT = 776, 784    # include/gcshim/layout.h


@pytest.fixture(scope="module", autouse=True)
def known_python():
    assert VERSION == "3.11", "the shim knows where 3.11 keeps its calls"


def profiles_of(argv, timeout=300, **settings):
    """Runs a program to its good end: what it said, and the call sites of it
    and of its children, its own first."""
    before = set(segments())
    env = shim_env(**{"keep": 1, "sample": ALL, **settings})
    env["PYTHONUTF8"] = "1"
    done = subprocess.run([str(a) for a in argv], env=env, text=True,
                          capture_output=True, timeout=timeout, check=False)
    left = sorted(set(segments()) - before,
                  key=lambda path: path.stat().st_mtime)
    try:
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout, [Profile(path) for path in left]
    finally:
        for path in left:
            path.unlink()


class Script:
    """A script in a file.  #: NAME at the end of a line marks it."""

    def __init__(self, path, text):
        self.path = path
        path.write_text(text)
        self.lines = {mark: i for i, line in enumerate(text.split("\n"), 1)
                      for mark in re.findall(r"#: (\w+)$", line)}

    def at(self, name, mark):
        return Function(name, str(self.path), self.lines[mark])

    def profile(self, *args, **settings):
        _, (profile,) = profiles_of([PYTHON, self.path, *args], **settings)
        return profile


@pytest.fixture
def script(tmp_path):
    return lambda text, name="script.py": Script(tmp_path / name, text)


def at_stack(profile, functions):
    """The sites whose innermost functions are these."""
    return [s for s in profile.sites
            if s.functions[:len(functions)] == functions]


def whole(profile, functions):
    """The samples and bytes of all sites that have these functions and no
    others."""
    sites = [s for s in profile.sites if s.functions == functions]
    return sum(s.samples for s in sites), sum(s.bytes for s in sites)


# ---------------------------------------------------- who, where, how much

CALLS = """
import sys
keep = []

def a(number):
    for i in range(number):
        keep.append(bytearray(1000))                    #: a

def b(number):
    a(number)                                           #: b

class K:
    def method(self, number):
        keep.extend([bytearray(3000)                    #: comprehension
                     for _ in range(number)])

b(int(sys.argv[1]))                                     #: module_b
K().method(int(sys.argv[1]))                            #: module_k
"""


def test_a_block_is_told_by_function_file_and_line(script):
    calls = script(CALLS)
    profile = calls.profile(500)
    stack = [calls.at("a", "a"), calls.at("b", "b"),
             calls.at("<module>", "module_b")]
    samples, size = whole(profile, stack)
    # Each block once, by its usable size; the list grows now and then.
    assert 500 <= samples <= 600
    assert 500 * 1001 <= size <= 500 * 1024 + 100_000
    site = max(at_stack(profile, stack), key=lambda s: s.samples)
    assert site.samples == 500
    first = site.stack.index(stack[0])
    assert first > 0 and all(isinstance(c, Code) for c in site.stack[:first])
    assert site.stack[first:first + 3] == stack
    assert not site.is_cut
    assert site.stack[-1].path.endswith("python3.11")
    assert profile.sites_dropped == profile.names_dropped == 0


def test_names_are_qualified_and_comprehensions_calls(script):
    calls = script(CALLS)
    samples, _ = whole(calls.profile(500), [
        calls.at("K.method.<locals>.<listcomp>", "comprehension"),
        calls.at("K.method", "comprehension"),
        calls.at("<module>", "module_k")])
    assert samples >= 500


def test_estimates_by_function_are_within_their_interval(script):
    calls = script(CALLS)
    profile = calls.profile(20_000, sample=SOME)
    sites = at_stack(profile, [calls.at("a", "a")])
    # Without the list itself, a huge block when it is large.
    small = [s for s in sites if s.bytes_variance]
    spread = sum(s.bytes_variance for s in small) ** .5
    assert abs(sum(s.bytes for s in small) - 20_000 * 1024) <= \
        5 * spread + 500_000
    assert spread < 20_000 * 1024 / 4


def test_functions_that_share_all_machine_code_have_sites_of_their_own(script):
    """And their lines: only their files tell one from the other."""
    twins = script("""
def run(function):
    for _ in range(100): function()                     #: run
for file in "one.py", "two.py":
    exec(compile("def twin(): bytearray(5000)", file, "exec"))
    run(twin)                                           #: module
""")
    profile = twins.profile()
    for file in ("one.py", "two.py"):
        samples, _ = whole(profile, [
            Function("twin", file, 1), twins.at("run", "run"),
            twins.at("<module>", "module")])
        assert 100 <= samples <= 120


def test_the_evaluation_loop_itself_is_not_on_the_stack(script):
    symbols = subprocess.run(["nm", "-DS", PYTHON], capture_output=True,
                             text=True, check=True).stdout
    start, size = (int(number, 16) for number in re.search(
        r"^(\w+) (\w+) T _PyEval_EvalFrameDefault$", symbols, re.M).groups())
    calls = script(CALLS)
    sites = at_stack(calls.profile(100), [calls.at("a", "a")])
    for site in sites:
        code = [c.address for c in site.stack if isinstance(c, Code)]
        assert not any(start < a <= start + size for a in code)
        # Who calls it is, once for all three functions.
        last = site.stack.index(site.functions[-1])
        assert site.stack[last - 2:last + 1] == site.functions
        assert isinstance(site.stack[last + 1], Code)


# ------------------------------------------------------------ kinds of calls

def test_a_c_function_that_calls_back_stands_between_its_callers(script):
    back = script("""
def key(x):
    bytearray(7000)                                     #: key
    return x
sorted(range(50), key=key)                              #: module
""")
    stack = [back.at("key", "key"), back.at("<module>", "module")]
    sites = at_stack(back.profile(), stack)
    assert sum(s.samples for s in sites) >= 50
    for site in sites:
        between = site.stack[site.stack.index(stack[0]) + 1:
                             site.stack.index(stack[1])]
        assert between and all(isinstance(c, Code) for c in between)


def test_generators_stand_before_who_asks_them(script):
    many = script("""
def inner():
    for _ in range(50):
        yield bytearray(7000)                           #: inner
def outer():
    yield from inner()                                  #: outer
for block in outer():                                   #: module
    pass
""")
    samples, _ = whole(many.profile(), [
        many.at("inner", "inner"), many.at("outer", "outer"),
        many.at("<module>", "module")])
    assert samples >= 50


def test_coroutines_stand_before_their_loop(script):
    loop = script("""
import asyncio
async def inner():
    await asyncio.sleep(0)
    bytearray(100_000)                                  #: inner
async def outer():
    for _ in range(50):
        await inner()                                   #: outer
async def main():
    await asyncio.gather(outer(), outer())
asyncio.run(main())                                     #: module
""")
    # Chance picks each of these, and little of what is loaded before.
    sites = at_stack(loop.profile(sample="2KiB"),
                     [loop.at("inner", "inner"), loop.at("outer", "outer")])
    assert sum(s.samples for s in sites) >= 100
    for site in sites:
        assert site.names[2:4] == ["Handle._run", "BaseEventLoop._run_once"]
        assert site.functions[-1] == loop.at("<module>", "module")


def test_exceptions_and_their_handlers_are_in_their_lines(script):
    raises = script("""
def fails():
    try:
        raise ValueError(bytearray(7000))               #: raised
    except ValueError:
        bytearray(8000)                                 #: handled
    finally:
        bytearray(9000)                                 #: at_last
def many():
    for _ in range(50):
        fails()                                         #: many
many()                                                  #: module
""")
    profile = raises.profile()
    for mark in ("raised", "handled", "at_last"):
        samples, _ = whole(profile, [
            raises.at("fails", mark), raises.at("many", "many"),
            raises.at("<module>", "module")])
        assert samples >= 50


def test_destructors_and_weak_references_stand_before_what_ended(script):
    ends = script("""
import weakref
class Ending:
    def __del__(self):
        bytearray(7000)                                 #: ending
def callback(reference):
    bytearray(8000)                                     #: callback
def many():
    for _ in range(50):
        end = Ending()
        reference = weakref.ref(end, callback)
        end = None                                      #: many
many()                                                  #: module
""")
    profile = ends.profile()
    for name, mark in ("Ending.__del__", "ending"), ("callback", "callback"):
        samples, _ = whole(profile, [
            ends.at(name, mark), ends.at("many", "many"),
            ends.at("<module>", "module")])
        assert samples >= 50


def test_a_signal_handler_stands_before_what_it_interrupts(script):
    signals = script("""
import signal
def handler(number, frame):
    bytearray(7000)                                     #: handler
signal.signal(signal.SIGUSR1, handler)
def work():
    for _ in range(50):
        signal.raise_signal(signal.SIGUSR1)             #: work
work()                                                  #: module
""")
    samples, _ = whole(signals.profile(), [
        signals.at("handler", "handler"), signals.at("work", "work"),
        signals.at("<module>", "module")])
    assert samples >= 50


def test_each_thread_has_its_own_calls(script):
    threads = script("""
import sys, threading
sys.setswitchinterval(1e-5)
def odd():
    for _ in range(2000): bytearray(7000)               #: odd
def even():
    for _ in range(2000): bytearray(7000)               #: even
both = [threading.Thread(target=f) for f in (odd, even) * 4]
for t in both: t.start()
for t in both: t.join()                                 #: join
""")
    profile = threads.profile()
    for name in ("odd", "even"):
        sites = at_stack(profile, [threads.at(name, name)])
        # Its tuple of arguments and the like come on top.
        assert 7900 <= sum(s.samples for s in sites) <= 8100
        for site in sites:
            assert site.names == [name, "Thread.run", "Thread._bootstrap_inner",
                                  "Thread._bootstrap"]
    for site in profile.sites:
        assert not {"odd", "even"} <= set(site.names)


def test_a_thread_without_the_gil_has_no_python_on_its_stack(script,
                                                            tmp_path):
    """Not even that of the thread that has it.  scandir() takes a block for
    each entry, and long enough for the other to go on."""
    free = script("""
import ctypes, sys, threading
libc, held = ctypes.CDLL(None), ctypes.PyDLL(None).malloc
entries = ctypes.c_void_p()
has_ended = False
code = compile("while not has_ended: pass", "other.py", "exec")
other = threading.Thread(target=exec, args=(code, globals()))
other.start()       # by the same code of the interpreter
sys.setswitchinterval(1e-5)
for _ in range(20):
    libc.scandir(sys.argv[1].encode(), ctypes.byref(entries), None, None)
for _ in range(400): held(50_000)                       #: held
has_ended = True
other.join()
""")
    many = tmp_path / "many"
    many.mkdir()
    for i in range(500):
        (many / str(i)).touch()
    sites = free.profile(many).sites
    foreign = [s for s in sites if any(
        isinstance(c, Code) and "libffi" in c.path for c in s.stack)]
    within = [s for s in foreign if s.samples == 400]
    assert [s.functions for s in within] == [[free.at("<module>", "held")]]
    without = [s for s in foreign if s not in within]
    assert sum(s.samples for s in without) >= 9000
    assert {f for s in without for f in s.functions} == set()


# ------------------------------------------------------------- deep stacks

RECURSION = """
import sys
def down(number):
    if number:
        down(number - 1)                                #: down
    else:
        for _ in range(50): bytearray(7000)             #: bottom
def down_by_c(number):
    if number:
        list(map(down_by_c, [number - 1]))              #: down_by_c
    else:
        for _ in range(50): bytearray(8000)             #: bottom_by_c
down(int(sys.argv[1]))                                  #: module
down_by_c(int(sys.argv[1]))                             #: module_by_c
"""


def test_recursion_has_each_of_its_calls(script):
    deep = script(RECURSION)
    profile = deep.profile(20)
    for by, name in ("", "down"), ("_by_c", "down_by_c"):
        stack = ([deep.at(name, "bottom" + by)] + [deep.at(name, name)] * 20 +
                 [deep.at("<module>", "module" + by)])
        samples, _ = whole(profile, stack)
        assert samples >= 50


def test_of_a_deep_stack_the_innermost_calls_are_told(script):
    deep = script(RECURSION)
    profile = deep.profile(200)
    site, = [s for s in at_stack(profile, [deep.at("down", "bottom")])
             if s.samples >= 50]
    assert len(site.stack) == 64 and site.is_cut
    assert site.functions[1:] == [deep.at("down", "down")] * \
        (len(site.functions) - 1)
    assert len(site.functions) > 50


def test_where_room_is_short_the_interpreters_own_code_is_left_out(script):
    deep = script(RECURSION)
    profile = deep.profile(20, stack_depth=30)
    sites = [s for s in at_stack(profile, [deep.at("down_by_c",
                                                   "bottom_by_c")])
             if s.samples >= 50]
    assert sites
    for site in sites:
        first = site.stack.index(site.functions[0])
        assert site.functions[:21] == site.stack[first:first + 21]
        assert site.functions[1:21] == [deep.at("down_by_c", "down_by_c")] * 20
        assert site.is_cut


def test_a_recursion_that_fails_does_no_harm(script):
    errors = script("""
import sys
def down():
    bytearray(1000)
    down()                                              #: down
def down_by_c(_=0):
    bytearray(1000)
    list(map(down_by_c, [0]))
for function in down, down_by_c:
    try:
        function()
        sys.exit("no end")
    except RecursionError:
        pass
""")
    profile = errors.profile()
    assert any(s.names.count("down") > 50 for s in profile.sites)


# ------------------------------------------------------------ lines and names

def test_lines_are_right_however_the_code_is_laid_out(script, tmp_path):
    """Jumps of any length forth and back, columns beyond any table's; Python
    itself says in which line it is."""
    body = []
    for i in range(120):
        body += [""] * (i * i % 701)
        body.append("    " + "0; " * (i % 97) + f"take({i})")
        body.append("    (0,")
        body += [""] * (i % 40)
        body.append(f"     take({1000 + i}),")
        body += [""] * (i % 5)
        body.append("     0)")
    (tmp_path / "laid_out.py").write_text(
        "def long(take):\n" + "\n".join(body) + "\n")
    layout = script(f"""
import json, sys
sys.path.insert(0, {str(tmp_path)!r})
import laid_out
lines = {{}}
def take(i):
    lines[i] = sys._getframe(1).f_lineno
    bytearray(100_000 + i)                              #: take
laid_out.long(take)                                     #: module
print(json.dumps(lines))
""")
    said, (profile,) = profiles_of([PYTHON, layout.path])
    lines = json.loads(said)
    seen = {s.functions[1].line for s in
            at_stack(profile, [layout.at("take", "take")])
            if s.names == ["take", "long", "<module>"]}
    assert len(lines) == 240
    assert set(lines.values()) <= seen


def test_an_operator_is_in_the_line_where_its_expression_begins(script):
    """Its one instruction follows those of another line."""
    operator = script("""
a, b = bytes(4000), bytes(3000)
for _ in range(80):
    (a                                                  #: expression
     +
     b)
""")
    samples, _ = whole(operator.profile(),
                       [operator.at("<module>", "expression")])
    assert samples >= 80


@pytest.mark.parametrize("name, shown", [
    ("plain", "plain"), ("größe", "größe"), ("δοκιμή", "δοκιμή"),
    ("𝔉𝔲𝔫", "𝔉𝔲𝔫"), ("n" * 119, "n" * 119), ("n" * 120, "n" * 119),
    ("x" + "ö" * 100, "x" + "ö" * 59), ("y\0z", "y?z"),
    ("s\udc80", "s?"), ("", "")])
@pytest.mark.parametrize("file, told", [
    ("/there/file.py", "/there/file.py"), ("/größe/δ/𝔉.py", "/größe/δ/𝔉.py"),
    ("/long/" + "d" * 300 + "/f.py", None),
    ("/long/" + "ö" * 150 + "/f.py", None), ("/\0\udcff", "/??"), ("", "")])
def test_odd_names_are_told_as_far_as_they_go(script, name, shown, file, told):
    odd = script(f"""
import types
def f():
    for _ in range(77): bytearray(9000)
code = f.__code__.replace(co_qualname={name!r}, co_filename={file!r})
types.FunctionType(code, globals())()
""")
    site, = [s for s in odd.profile().sites
             if s.samples == 77 and len(s.names) == 2]
    function = site.functions[0]
    assert function.name == shown
    if told is not None:
        assert function.file == told
    else:
        room = 248 - len(shown.encode()) - 2
        end = function.file.removeprefix("...")
        assert function.file != end and file.endswith(end)
        assert room - 1 <= len(function.file.encode()) <= room


def test_beyond_the_table_functions_have_no_names_and_are_counted(script):
    crowd = script("""
import sys
def make(i):
    space = {}
    exec(f"def f{i}(): bytearray(9000)", space)
    return space[f"f{i}"]
for i in range(4500):
    make(i)()
""")
    profile = crowd.profile(sample="1KiB", stack_depth=8)
    assert profile.names_dropped > 100
    assert len(profile.names) == 4096
    assert profile.names[0] == ["", ""]
    assert any(s.names[:1] == [""] for s in profile.sites)
    assert {"f100", "make"} <= {name for name, _ in profile.names}


# --------------------------------------------------------- lives of a process

def test_a_fork_child_inherits_names_and_adds_its_own(script):
    forks = script("""
import os
def before():
    for _ in range(60): bytearray(7000)                 #: before
def within():
    for _ in range(70): bytearray(7000)                 #: within
before()
if os.fork() == 0:
    within()
    before()
else:
    os.wait()
""")
    _, profiles = profiles_of([PYTHON, forks.path])
    child, = [p for p in profiles
              if at_stack(p, [forks.at("within", "within")])]
    parent, = [p for p in profiles if p is not child]
    assert max(s.samples for s in at_stack(
        child, [forks.at("before", "before")])) == 60
    assert parent.names == child.names[:len(parent.names)]
    within, = [s for s in at_stack(child, [forks.at("within", "within")])
               if s.samples >= 70]
    assert within.names == ["within", "<module>"]


def test_processes_that_fork_from_threads_come_to_their_end(script):
    script_ = script("""
import multiprocessing, threading
def work(number):
    return len([bytearray(2000) for _ in range(number)])
def churn(stop):
    while not stop.is_set():
        bytearray(3000)
if __name__ == "__main__":
    stop = threading.Event()
    threads = [threading.Thread(target=churn, args=(stop,)) for _ in range(3)]
    for t in threads: t.start()
    for _ in range(5):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(work, [100] * 8) == [100] * 8
            pool.close()
            pool.join()
    stop.set()
    for t in threads: t.join()
""")
    _, profiles = profiles_of([PYTHON, script_.path])
    assert any("work" in s.names for p in profiles for s in p.sites)


def test_sampling_turned_on_later_finds_python(script):
    later = script("""
import sys
def work():
    for _ in range(200): bytearray(7000)                #: work
print("ready", flush=True)
for _ in sys.stdin:
    work()                                              #: module
    print("worked", flush=True)
""")
    with Conversation([PYTHON, later.path]) as program:
        program.hear()
        path, = segments(program.pid)
        with path.open("r+b") as file:
            os.pwrite(file.fileno(), struct.pack("<Q", 1), WANTED_BYTES_AT)
            os.pwrite(file.fileno(), struct.pack("<I", 1), REQUESTED_AT)

        def work():
            program.say()
            program.hear()
            return Profile(path)
        await_that(lambda: work().state == ON, "sampling is on")
        stack = [later.at("work", "work"), later.at("<module>", "module")]
        await_that(lambda: whole(work(), stack)[0] >= 200,
                   "a round is sampled")
        assert program.end()[0] == 0


@pytest.mark.skipif(not (PROGRAMS / "gc_embed").exists(),
                    reason="python3-embed is not installed")
def test_python_that_is_begun_and_ended_again_is_seen_each_time():
    text = "def f():\n  for _ in range(100): bytearray(7000)\nf()"
    _, (profile,) = profiles_of([PROGRAMS / "gc_embed", 5, text])
    sites = at_stack(profile, [Function("f", "<string>", 2),
                               Function("<module>", "<string>", 3)])
    assert sum(s.samples for s in sites) >= 500


def test_in_a_subinterpreter_functions_have_no_names(script):
    """And what comes after it has: docs/profile-python.md says why."""
    subs = script("""
import _xxsubinterpreters as interpreters
def work():
    for _ in range(50): bytearray(7000)                 #: work
for _ in range(3):
    sub = interpreters.create()
    interpreters.run_string(sub, '''
def f():
    return [bytearray(80_000) for _ in range(50)]
f()
''')
    work()                                              #: module
    interpreters.destroy(sub)
""")
    profile = subs.profile()
    samples, _ = whole(profile, [subs.at("work", "work"),
                                 subs.at("<module>", "module")])
    assert samples >= 150
    within, = [s for s in profile.sites if s.bytes / s.samples > 80_000 and
               s.samples >= 50]
    assert within.samples == 150 and within.functions == []


@pytest.mark.parametrize("sample", [1, 64])
def test_python_from_start_to_end_says_the_same(sample):
    """Each block, or nearly, while modules load and all is torn down."""
    script_ = ("import asyncio, ctypes, decimal, email, json, sqlite3, "
               "unittest, xml.dom.minidom; print(json.dumps(list(range(9))))")
    said, profiles = profiles_of([PYTHON, "-B", "-c", script_], sample=sample)
    assert said == json.dumps(list(range(9))) + "\n"
    names = {n for p in profiles for s in p.sites for n in s.names}
    assert "_find_and_load" in names


# ------------------------------------------------------------ what is no Python

NO_PYTHON = ["old", "sizes", "null", "nowhere", "wrapped", "odd_type"]


@pytest.mark.parametrize("how", NO_PYTHON)
def test_what_only_looks_like_python_is_left_alone(how):
    """It exports the symbols, and nothing else is as it should be."""
    said, (profile,) = profiles_of([PROGRAMS / "no_python", how])
    assert said == "done\n"
    assert sum(s.samples for s in profile.sites) >= 100
    assert not any(s.functions for s in profile.sites)


def test_a_list_of_calls_that_breaks_off_is_read_so_far():
    said, (profile,) = profiles_of([PROGRAMS / "no_python", "orphan"])
    assert said == "done\n"
    site, = [s for s in profile.sites if s.functions]
    assert site.samples >= 900 and site.is_cut
    assert site.functions == [Function("", "", 0)]


def test_a_list_of_calls_without_an_end_is_read_to_the_depth_wanted():
    said, (profile,) = profiles_of([PROGRAMS / "no_python", "endless"],
                                   stack_depth=20)
    assert said == "done\n"
    site, = [s for s in profile.sites if s.functions]
    assert site.samples >= 900 and site.is_cut and len(site.stack) == 20
    assert set(site.functions) == {Function("", "", 0)}


# ------------------------------------------------------- Python's own tests

# libpython3.11-testsuite
SUITE = pathlib.Path("/usr/lib") / f"python{VERSION}" / "test"
FILES = ["test_gc", "test_generators", "test_exceptions", "test_threading",
         "test_weakref", "test_code", "test_coroutines", "test_asyncgen",
         "test_signal", "test_fork1", "test_sys_settrace", "test_frame",
         "test__xxsubinterpreters", "test_faulthandler", "test_subprocess",
         "test_descr", "test_finalization", "test_import"]


@pytest.mark.long
@pytest.mark.parametrize("sample", [1, 64])
@pytest.mark.parametrize("name", FILES)
def test_pythons_own_tests_pass_while_all_is_sampled(name, sample, tmp_path):
    if not (SUITE / "test_gc.py").exists():
        pytest.skip(f"libpython{VERSION}-testsuite is not installed")
    before = set(segments())
    plain, sampled = (
        subprocess.run([PYTHON, "-m", "test", name], env=env, cwd=tmp_path,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace",
                       timeout=1800, check=False)
        for env in (plain_env(), shim_env(sample=sample)))
    # They kill children of theirs, whose segments stay, as they should.
    for path in set(segments()) - before:
        if not pathlib.Path(f"/proc/{path.name.split('.')[1]}").exists():
            path.unlink()
    assert sampled.returncode == plain.returncode == 0, sampled.stdout[-5000:]
