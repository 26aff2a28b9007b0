"""gcshim-run: the program's own status and output, and the report."""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from conftest import (SHIM, SHM, TOOLS, await_that, document, plain_env,
                      run_tool, segments)
from terminal import Terminal

RUN = TOOLS / "gcshim-run"
HERE = pathlib.Path(__file__).parent
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
REPORT = re.compile(
    r"gcshim: (?P<name>\S+) \(pid (?P<pid>\d+)\) (?P<end>.*)\n"
    r"  memory used +(?P<used>\S+ \S+) +peak +(?P<used_peak>\S+ \S+)\n"
    r"  memory allocated +(?P<allocated>\S+ \S+) +peak +(?P<peak>\S+ \S+)\n"
    r"  handed out +(?P<out>\S+ \S+) +in (?P<blocks>[\d,]+) blocks?\n"
    r"  freed +(?P<freed>\S+ \S+) +in (?P<fblocks>[\d,]+) blocks?\n"
    r"  verdict +(?P<verdict>.+)\n(?P<evidence>(?:    \S.*\n)*)")


def run(*args, **kwargs):
    return run_tool("gcshim-run", *args, **kwargs)


def report_of(text):
    found = REPORT.search(text)
    assert found, text
    return found.groupdict()


def size(text):
    number, unit = text.split()
    return float(number) * 1024 ** ["B", "KiB", "MiB", "GiB"].index(unit)


# --------------------------------------------------------- the program's own

@pytest.mark.parametrize("options", [[], ["--report"]])
def test_the_programs_status_is_passed_on(options):
    assert run(*options, "sh", "-c", "exit 7").returncode == 7
    assert run(*options, "true").returncode == 0


def test_a_killed_programs_status_is_128_and_the_signal():
    assert run("--report", "sh", "-c", "kill -9 $$").returncode == 137
    assert run("--report", "sh", "-c", "kill -TERM $$").returncode == 143


@pytest.mark.parametrize("options", [[], ["--report"]])
def test_what_cannot_be_run_is_127_or_126(options):
    done = run(*options, "no-such-program")
    assert done.returncode == 127
    assert done.stderr == "gcshim-run: no-such-program: No such file or " \
                          "directory\n"
    done = run(*options, "/etc/passwd")
    assert done.returncode == 126
    assert done.stderr == "gcshim-run: /etc/passwd: Permission denied\n"


@pytest.mark.parametrize("options", [[], ["--report=/dev/null"]])
def test_the_programs_input_and_output_are_its_own(options):
    done = run(*options, "--", "sh", "-c", "cat; echo error >&2",
               input="hello\n")
    assert (done.stdout, done.stderr) == ("hello\n", "error\n")


def test_what_follows_the_command_is_the_commands():
    done = run("echo", "--report", "-h", "--", "-V")
    assert done.stdout == "--report -h -- -V\n"


def test_without_a_report_no_process_is_in_between():
    with subprocess.Popen([RUN, "sleep", "1000"], env=plain_env()) as child:
        comm = await_that(
            lambda: open(f"/proc/{child.pid}/comm", encoding="utf-8")
            .read() == "sleep\n", "the program in its place")
        assert comm
        child.terminate()
        assert child.wait() == -signal.SIGTERM
    for path in segments(child.pid):
        path.unlink()


# ----------------------------------------------------------- environment

def environment(*args, env=None):
    lines = run(*args, "--", "env", env=env).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_shim_is_the_one_beside_the_build():
    assert environment()["LD_PRELOAD"] == str(SHIM.resolve())


def test_what_was_preloaded_before_stays_behind_it(tmp_path):
    other = tmp_path / "other.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-o", other,
                    "/dev/null"], check=True)
    seen = environment(env={"LD_PRELOAD": str(other)})
    assert seen["LD_PRELOAD"] == f"{SHIM.resolve()}:{other}"


def test_options_become_variables():
    seen = environment("--keep", "--all-python", "--set", "report:/dev/null")
    try:
        assert seen["GCSHIM_KEEP"] == "1"
        assert seen["PYTHONMALLOC"] == "malloc"
        assert seen["GCSHIM_REPORT"] == "/dev/null"
        assert "PYTHONMALLOC" not in environment()
    finally:
        for path in segments():
            if not os.path.exists(f"/proc/{path.name.split('.')[1]}"):
                path.unlink()


def test_another_shim_can_be_named(tmp_path):
    copy = tmp_path / "libother.so"
    shutil.copy(SHIM, copy)
    assert environment(f"--shim={copy}")["LD_PRELOAD"] == str(copy)
    done = run("--shim=/nonexistent.so", "true")
    assert done.returncode == 1
    assert done.stderr == "gcshim-run: /nonexistent.so is not to be found\n"


def test_a_shim_that_ld_preload_cannot_name_is_refused(tmp_path):
    copy = tmp_path / "with blank.so"
    shutil.copy(SHIM, copy)
    done = run(f"--shim={copy}", "true")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "blank" in done.stderr


@pytest.fixture(name="named")
def program_that_is_named(tmp_path):
    """A program under the name of a runtime."""
    def named(name, program="env"):
        return shutil.copy(shutil.which(program), tmp_path / name)
    return named


PYTHON = {"PYTHONMALLOC": "malloc", "GCSHIM_GC": "observe"}
RUBY = {"GCSHIM_GC": "observe"}


@pytest.mark.parametrize("preset, name, sets", [
    ("python", "python3", PYTHON), ("auto", "python3.11", PYTHON),
    ("ruby", "ruby", RUBY), ("auto", "ruby3.1", RUBY),
    ("python", "tool", PYTHON), ("ruby", "python3", RUBY),
    ("auto", "tool", {}), ("auto", "php", {}),
    # With PYTHONMALLOC such a build would not start.
    ("python", "python3.13t", {}), ("auto", "python3.13t", {})])
def test_a_preset_becomes_variables(named, preset, name, sets):
    done = run(f"--preset={preset}", "-q", named(name))
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert {key: value for key, value in seen.items() if key in PYTHON} == sets


def test_what_was_chosen_prevails_over_a_preset(named):
    python = named("python3")
    done = run("--preset=python", "--gc=pace", "-q", python,
               env={"PYTHONMALLOC": "malloc_debug"})
    assert "GCSHIM_GC=pace\n" in done.stdout
    assert "PYTHONMALLOC=malloc_debug\n" in done.stdout
    done = run("--gc=off", "--preset=python", python)
    assert "GCSHIM_GC=off\n" in done.stdout


def test_a_preset_is_for_the_interpreter_of_a_script(named, tmp_path):
    script = tmp_path / "script"
    script.write_text(f"#!{named('python3', 'true')}\n", encoding="utf-8")
    script.chmod(0o755)
    done = run("--preset=auto", "-v", script)
    assert "PYTHONMALLOC=malloc" in done.stderr


def test_verbose_says_what_is_set():
    done = run("-v", "--preset=ruby", "--set", "sample:0", "true")
    assert done.stderr.splitlines() == [done.stderr[:-1]]
    assert done.stderr.startswith("gcshim-run: ")
    assert sorted(done.stderr.split()[1:]) == [
        "GCSHIM_GC=observe", "GCSHIM_SAMPLE=0", f"LD_PRELOAD={SHIM.resolve()}"]


def test_children_are_left_alone_on_request():
    seen = ("import os, subprocess; from glob import glob; "
            "print(len(glob(f'/dev/shm/gcshim.{os.getpid()}.*')), "
            "'LD_PRELOAD' in os.environ)")
    done = run("-q", "--no-children", sys.executable, "-c", seen)
    assert (done.stdout, done.stderr) == ("1 False\n", "")
    done = run("-q", sys.executable, "-c", seen)
    assert done.stdout == "1 True\n"


# --------------------------------------------------------------- report

HOLD = "import ctypes; l = ctypes.CDLL(None); l.malloc.restype = " \
       "ctypes.c_void_p; l.free.argtypes = [ctypes.c_void_p]; " \
       "p = l.malloc(ctypes.c_size_t(100 << 20)); "


def test_the_report_tells_used_and_allocated_with_their_peaks():
    done = run("--report", sys.executable, "-c", HOLD + "l.free(p)")
    found = report_of(done.stderr)
    assert found["end"] == "exited with status 0"
    assert size(found["used_peak"]) >= 100 << 20
    assert size(found["used"]) < 50 << 20
    assert size(found["peak"]) >= size(found["used_peak"])
    assert size(found["out"]) >= 100 << 20
    assert segments(int(found["pid"])) == []


def test_a_killed_programs_last_figures_are_reported():
    done = run("--report", sys.executable, "-c",
               HOLD + "import os; os.kill(os.getpid(), 9)")
    found = report_of(done.stderr)
    assert found["end"] == "was killed by signal 9 (SIGKILL)"
    assert size(found["used"]) >= 100 << 20
    assert segments(int(found["pid"])) == []


def test_a_program_that_became_another_is_reported_as_that():
    done = run("--report", "sh", "-c", "exec sleep 0")
    found = report_of(done.stderr)
    assert found["name"] == "sleep"
    assert segments(int(found["pid"])) == []


@pytest.fixture(name="open_shim")
def shim_for_everybody():
    """A copy of the shim that every user can read."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        copy = shutil.copy(SHIM, path)
        os.chmod(copy, 0o755)
        yield copy


@AS_ROOT
def test_a_program_that_became_another_as_another_user_is_reported(open_shim):
    done = run("--report", f"--shim={open_shim}", "--", "setpriv", "--reuid",
               "65534", "--clear-groups", "/usr/bin/python3", "-c", HOLD)
    found = report_of(done.stderr)
    assert found["name"] == "python3"
    assert size(found["used"]) >= 100 << 20
    assert segments(int(found["pid"])) == []


# Leaves a segment of the process itself, a newer one than its own.
FORGE = ("import os, sys; sys.path[:0] = sys.argv[2:]\n"
         "from forge import segment_bytes\n"
         "pid = os.getpid(); path = f'/dev/shm/gcshim.{pid}.1.test'\n"
         "open(path, 'wb').write(segment_bytes(pid))\n"
         "os.chown(path, int(sys.argv[1]), 0)\n")


@AS_ROOT
def test_no_other_users_file_is_taken_for_the_programs_account():
    for owner, name in ((0, "forged"), (4242, "python3")):
        done = run("--report", sys.executable, "-c", FORGE, owner, HERE,
                   HERE.parent)
        found = report_of(done.stderr)
        assert found["name"] == name
        assert segments(int(found["pid"])) == []


def test_the_report_ends_with_the_verdict_and_its_evidence():
    take = HOLD + "l.free(p)\nblocks = [l.malloc(ctypes.c_size_t(3000)) " \
        "for _ in range(40000)]\n"
    free = "for block in blocks: l.free(block)\n"
    for lines, verdict in ((take, "in use"), (take + free, "unreturned")):
        # No exit handler of Python's, which would free what is held.
        done = run("--report", "-q", sys.executable, "-c",
                   lines + "l._exit(0)")
        found = report_of(done.stderr)
        assert found["verdict"] == verdict
        assert found["evidence"]
        assert done.stderr.endswith(found["evidence"])
        assert max(map(len, done.stderr.splitlines())) <= 80


def test_the_report_is_of_the_program_alone():
    done = run("--report", "sh", "-c", "sleep 0; sleep 0; exit 3")
    assert done.stderr.count("gcshim: ") == 1
    assert report_of(done.stderr)["end"] == "exited with status 3"


def test_the_report_goes_to_the_end_of_a_file(tmp_path):
    path = tmp_path / "report"
    for status in (1, 2):
        done = run(f"--report={path}", "sh", "-c", f"exit {status}")
        assert done.stderr == ""
    text = path.read_text(encoding="utf-8")
    assert "status 1" in text and "status 2" in text


def run_redirected(redirection, *args):
    """With something else as stderr, as the shell has it."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", RUN,
         *map(str, args)], stdout=subprocess.PIPE, text=True, timeout=60,
        env=plain_env(), check=False)


@pytest.mark.parametrize("redirection", ["2>&-", "2</dev/null", "2>/dev/full"])
def test_where_no_report_can_be_written_to_stderr_the_program_runs(
        redirection):
    done = run_redirected(redirection, "--report", "--", "sh", "-c",
                          "echo hello; exit 7")
    assert (done.stdout, done.returncode) == ("hello\n", 7)


def test_a_report_that_nobody_reads_leaves_the_status_alone():
    reader, writer = os.pipe()
    os.close(reader)
    done = run_tool("gcshim-run", "--report", "--", "sh", "-c",
                    "echo hello; exit 7", capture_output=False,
                    stdout=subprocess.PIPE, stderr=writer)
    os.close(writer)
    assert (done.stdout, done.returncode) == ("hello\n", 7)


def test_a_file_takes_the_report_alone_where_stderr_is_closed(tmp_path):
    path = tmp_path / "report"
    done = run_redirected("2>&-", f"--report={path}", "--", "sh", "-c",
                          "echo hello; echo error >&2; exit 7")
    assert (done.stdout, done.returncode) == ("hello\n", 7)
    text = path.read_text(encoding="utf-8")
    assert report_of(text) and text.startswith("gcshim: ")
    path.unlink()
    done = run_redirected("2>&-", f"--report={path}", "no-such-program")
    assert done.returncode == 127
    assert path.read_text(encoding="utf-8") == ""


def test_a_report_that_cannot_be_written_is_known_before_the_run(tmp_path):
    done = run("--report=/nonexistent/report", "touch", tmp_path / "ran")
    assert done.returncode == 1
    assert not (tmp_path / "ran").exists()
    assert "/nonexistent/report" in done.stderr


def test_keep_leaves_the_segment_and_it_is_dead():
    done = run("--report", "--keep", "true")
    pid = int(report_of(done.stderr)["pid"])
    try:
        assert len(segments(pid)) == 1
        assert document(pid)["state"] == "dead"
    finally:
        for path in segments(pid):
            path.unlink()


def test_without_an_account_it_says_why():
    done = run("--report", "/sbin/ldconfig", "-V")
    assert done.returncode == 0
    warning, report = done.stderr.splitlines()
    assert warning.endswith("/sbin/ldconfig is a static program: nothing can "
                            "be preloaded into it")
    assert "there is no account" in report and "static" in report


@pytest.mark.parametrize("difference", ["created_ns=1", "start_time=1"])
def test_what_another_process_of_that_pid_has_left_is_not_reported(difference):
    leave = ("import os, sys; sys.path[:0] = sys.argv[1:];"
             "from forge import segment_bytes; pid = os.getpid();"
             "open(f'/dev/shm/gcshim.{pid}.1.test', 'wb').write("
             f"segment_bytes(pid, {difference}))")
    done = run("--report", "--set", "disable:1", sys.executable, "-c", leave,
               HERE, HERE.parent)
    left = SHM.glob("gcshim.*.1.test")
    for path in left:
        path.unlink()
    assert done.returncode == 0
    assert "there is no account of its memory\n" in done.stderr


def test_a_disabled_shim_leaves_no_account():
    done = run("--report", "--set", "disable:1", "true")
    assert done.returncode == 0
    assert "there is no account of its memory\n" in done.stderr


# --------------------------------------------------------------- warnings

def warning_of(*argv, **kwargs):
    done = run(*argv, **kwargs)
    lines = done.stderr.splitlines()
    assert len(lines) <= 1, done.stderr
    return lines[0] if lines else ""


@pytest.fixture(name="build")
def compiler(tmp_path):
    def build(name, source, *flags):
        path = tmp_path / name
        subprocess.run(["gcc", "-x", "c", "-o", path, "-",
                        "-x", "none", *flags],
                       input=source, text=True, check=True)
        return path
    return build


def test_an_ordinary_program_is_run_without_a_word(build):
    assert warning_of("true") == ""
    assert warning_of(build("plain", "int main(void){return 0;}")) == ""


def test_a_static_program_is_warned_of(build):
    for flag in ("-static", "-static-pie"):
        path = build("static", "int main(void){return 0;}", flag)
        assert "static program" in warning_of(path)


def test_an_allocator_of_its_own_is_warned_of(build):
    path = build("own", "void *malloc(unsigned long n){(void)n;return 0;}\n"
                        "int main(void){return 0;}", "-rdynamic", "-w")
    assert "allocator of its own" in warning_of(path)


def test_an_allocators_library_is_warned_of(build, tmp_path):
    build("libjemalloc.so.2", "int mallocx(void){return 0;}", "-shared",
          "-fPIC", "-Wl,-soname,libjemalloc.so.2")
    path = build("linked", "int mallocx(void); int main(void)"
                           "{return mallocx();}",
                 tmp_path / "libjemalloc.so.2", f"-Wl,-rpath,{tmp_path}")
    assert "linked to libjemalloc.so.2" in warning_of(path)


def test_a_scripts_interpreter_is_judged(build, tmp_path):
    static = build("interpreter", "int main(void){return 0;}", "-static")
    script = tmp_path / "script"
    script.write_text(f"#!{static}\n", encoding="utf-8")
    script.chmod(0o755)
    assert "static program" in warning_of(script)
    script.write_text("#!/usr/bin/env sh\n", encoding="utf-8")
    assert warning_of(script) == ""


LIMITS = {"libjli.so": "a heap that it takes from the system by itself: only "
                       "what its native code uses is seen",
          "libnode.so.108": "only buffers and what native code uses are seen"}


@pytest.mark.parametrize("library", LIMITS)
def test_a_runtime_is_known_by_its_library(build, tmp_path, library):
    build(library, "int runtime(void){return 0;}", "-shared", "-fPIC",
          f"-Wl,-soname,{library}")
    path = build("linked", "int runtime(void); int main(void)"
                           "{return runtime();}",
                 tmp_path / library, f"-Wl,-rpath,{tmp_path}")
    warning = warning_of(path)
    assert warning.startswith(f"gcshim-run: {path} keeps Java")
    assert warning.endswith(LIMITS[library])
    assert warning_of("-q", path) == ""


def test_a_go_program_is_known_by_its_section(build):
    path = build("go", 'int info __attribute__((section(".go.buildinfo")));\n'
                       "int main(void){return 0;}")
    assert "is a Go program" in warning_of(path)


def test_quiet_keeps_an_obstacle_to_itself_but_not_from_the_report():
    done = run("--quiet", "--report", "/sbin/ldconfig", "-V")
    report, = done.stderr.splitlines()
    assert "there is no account" in report and "static" in report


@AS_ROOT
def test_a_setuid_program_is_warned_of(build, tmp_path):
    path = build("setuid", "int main(void){return 0;}")
    path.chmod(0o4755)
    tmp_path.chmod(0o755)
    assert warning_of(path) == ""  # root gains nothing
    os.chown(path, 4242, 4242)
    path.chmod(0o4755)
    assert "is setuid" in warning_of(path)


# ---------------------------------------------------------------- signals

# It polls, as Python lets a signal wait that comes right before a read.
CATCH = """
import os, select, signal
def got(number, _):
    print("got", signal.Signals(number).name, flush=True)
for name in "INT QUIT TERM HUP USR1 USR2".split():
    signal.signal(getattr(signal, "SIG" + name), got)
print("ready", flush=True)
lines = b"pass"
while lines:
    exec(lines)
    while not select.select([0], [], [], 0.05)[0]:
        pass
    lines = os.read(0, 4096)
"""


class Reported:
    """A program under gcshim-run --report that says what it gets, and does
    what it is told."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [RUN, "--report", sys.executable, "-c", CATCH],
            env=plain_env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True)
        assert self.hear() == "ready\n"
        return self

    def hear(self):
        """The next line, each of which is waited for before one more can
        come."""
        assert select.select([self.process.stdout], [], [], 20)[0]
        return self.process.stdout.readline()

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.mark.parametrize("name", ["TERM", "HUP", "USR1", "USR2", "INT",
                                  "QUIT"])
def test_what_a_process_sends_is_passed_on(name):
    with Reported() as reported:
        reported.process.send_signal(getattr(signal, "SIG" + name))
        assert reported.hear() == f"got SIG{name}\n"
        output, errors = reported.process.communicate("", timeout=20)
        assert (output, reported.process.returncode) == ("", 0)
        assert report_of(errors)


@pytest.mark.parametrize("name", ["INT", "TERM"])
def test_what_the_program_sends_its_parent_is_not_sent_back(name):
    with Reported() as reported:
        reported.process.stdin.write(
            f"os.kill(os.getppid(), signal.SIG{name})\n"
            "print('sent', flush=True)\n")
        reported.process.stdin.flush()
        assert reported.hear() == "sent\n"
        # Were it sent back, that would come before this does.
        reported.process.send_signal(signal.SIGUSR2)
        assert reported.hear() == "got SIGUSR2\n"
        output, _ = reported.process.communicate("", timeout=20)
        assert (output, reported.process.returncode) == ("", 0)


@pytest.mark.parametrize("key, name", [("\x03", "INT"), ("\x1c", "QUIT")])
def test_what_the_terminal_sends_comes_once(key, name):
    command = [str(RUN), "--report", sys.executable, "-c", CATCH]
    with Terminal(command=command) as terminal:
        terminal.await_screen("ready")
        # Not at once, as two that wait together are one.
        terminal.process.send_signal(signal.SIGSTOP)
        terminal.press(key)
        terminal.await_screen(f"got SIG{name}")
        terminal.process.send_signal(signal.SIGCONT)
        # Were it passed on too, that would come before this does.
        terminal.process.send_signal(signal.SIGUSR1)
        terminal.await_screen("got SIGUSR1")
        terminal.press("\x04")
        assert terminal.await_end() == 0
        assert terminal.output.count(b"got SIG") == 2
        assert b"exited with status 0" in terminal.output


def signals_seen(ignored, blocked, *command):
    """What a program sees of its signals that is started with these."""
    def prepare():
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    return subprocess.run(
        [*command, "grep", "-E", "Sig(Ign|Blk|Cgt)", "/proc/self/status"],
        env=plain_env(), stdout=subprocess.PIPE, text=True, check=True,
        restore_signals=False, preexec_fn=prepare).stdout


@pytest.mark.parametrize("options", [[], ["--report=/dev/null"]])
@pytest.mark.parametrize("ignored, blocked", [
    ("", ""), ("CHLD", ""), ("HUP INT QUIT PIPE TERM", "CHLD"),
    ("CHLD USR1", "INT QUIT TERM USR2 RTMAX")])
def test_the_program_has_the_signals_it_would_have_had(options, ignored,
                                                       blocked):
    both = [[getattr(signal, "SIG" + name) for name in names.split()]
            for names in (ignored, blocked)]
    assert signals_seen(*both, RUN, *options) == signals_seen(*both)


def test_a_program_started_with_children_ignored_gives_its_status():
    done = run("--report", "sh", "-c", "exit 5", preexec_fn=lambda:
               signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert done.returncode == 5
    assert report_of(done.stderr)


# ------------------------------------------------------------------ usage

@pytest.mark.parametrize("args", [
    [], ["--"], ["--report"], ["--preset=cobol", "true"], ["--preset"], ["--nonsense", "true"], ["--set", "x", "true"],
    ["--set", "UPPER:1", "true"], ["-x", "true"]])
def test_a_mistake_is_one_line_and_status_2(args):
    done = run(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_help_and_version_go_to_stdout():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--report", "--keep", "--all-python", "--set", "--shim"):
        assert option in done.stdout
    assert run("-V").stdout.startswith("gcshim-run (gcshim) 0.")


# ------------------------------------------------------------ recorded runs

def test_a_run_is_recorded_on_request(tmp_path):
    file = tmp_path / "run.rec"
    done = run("-q", f"--record={file}", "/usr/bin/python3", "-c",
               "x = bytearray(50 << 20); print('said'); raise SystemExit(7)")
    assert (done.returncode, done.stdout, done.stderr) == (7, "said\n", "")
    picture = tmp_path / "run.html"
    plot = run_tool("gcshim-plot", file, "-o", picture)
    assert plot.returncode == 0, plot.stderr
    assert max(int(peak) for peak in re.findall(
        r'"used_peak_bytes":(\d+)', file.read_text())) > 50 << 20


def test_settings_hold_for_a_recorded_run_too(tmp_path):
    done = run("-q", f"--record={tmp_path / 'run.rec'}", "--gc=observe",
               "--set", "keep:0", "/usr/bin/python3", "-c",
               "import os; print(os.environ['GCSHIM_GC'],"
               " 'libgcshim' in os.environ['LD_PRELOAD'])")
    assert (done.returncode, done.stdout) == (0, "observe True\n")


def test_the_recorder_itself_does_not_run_under_the_shim(tmp_path):
    done = run("-q", f"--record={tmp_path / 'run.rec'}", "sh", "-c",
               "tr '\\0' '\\n' < /proc/$PPID/environ | grep -c libgcshim")
    assert done.stdout == "0\n"


@pytest.mark.parametrize("other", ["--report", "--leak-exitcode=3"])
def test_a_recorded_run_has_no_report(other, tmp_path):
    done = run(f"--record={tmp_path / 'run.rec'}", other, "true")
    assert done.returncode == 2
    assert "--record goes without a report" in done.stderr


def test_a_recording_that_cannot_be_written_is_told(tmp_path):
    done = run("-q", f"--record={tmp_path / 'no' / 'run.rec'}", "true")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
