"""A real pseudo-terminal with gcshim-top in it, and its screen as text."""

import fcntl
import functools
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time

import pyte

from conftest import TOOLS, plain_env

# Of an xterm, what pyte understands: it neither scrolls by several lines nor
# repeats a character on request.
TERMINFO = tempfile.TemporaryDirectory(prefix="gcshim-terminfo-")


@functools.cache
def terminal_type():
    """The name of that terminal, described in TERMINFO."""
    described = subprocess.run(["infocmp", "-1", "-x", "xterm-256color"], text=True,
                               capture_output=True, check=True).stdout
    lines = [line for line in described.splitlines()
             if not re.match(r"\s(indn|rin|rep)=", line)]
    lines = [re.sub(r"^xterm-256color\|[^,]*", "gcshim-pyte|for tests", line)
             for line in lines]
    subprocess.run(["tic", "-x", "-o", TERMINFO.name, "-"], text=True,
                   input="\n".join(lines) + "\n", check=True)
    return "gcshim-pyte"


KEYS = {"up": "\x1bOA", "down": "\x1bOB", "enter": "\r", "esc": "\x1b",
        "end": "\x1bOF", "home": "\x1bOH", "f1": "\x1bOP", "f3": "\x1bOR",
        "f4": "\x1bOS", "f5": "\x1b[15~",
        "f6": "\x1b[17~", "f10": "\x1b[21~", "left": "\x1bOD",
        "right": "\x1bOC", "pgup": "\x1b[5~", "pgdn": "\x1b[6~", "erase": "\x7f",
        "ctrl-z": "\x1a", "ctrl-c": "\x03", "ctrl-l": "\x0c"}


def set_size(fd, rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ,
                struct.pack("HHHH", rows, cols, 0, 0))


def prepare_child():
    """Between fork and exec: the terminal is its own, and so are the signals
    that end a program, which this run may have been started without (nohup)."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT,
                   signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """Runs a command as the leader of a session of its own, on a terminal
    that it controls."""

    def __init__(self, *args, rows=24, cols=80, command=None, env=None):
        self.master, self.slave = pty.openpty()
        set_size(self.slave, rows, cols)
        self.modes_before = termios.tcgetattr(self.slave)
        self.screen = pyte.Screen(cols, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.output = b""
        argv = command or [str(TOOLS / "gcshim-top"), *map(str, args)]
        full_env = {**plain_env(), "TERM": terminal_type(),
                    "TERMINFO": TERMINFO.name, "LC_ALL": "C.UTF-8"}
        full_env.pop("NO_COLOR", None)
        full_env.update(env or {})
        self.process = subprocess.Popen(
            argv, env=full_env, start_new_session=True, stdin=self.slave,
            stdout=self.slave, stderr=self.slave, close_fds=True,
            preexec_fn=prepare_child)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for fd in (self.master, self.slave):
            if fd is not None:
                os.close(fd)

    def pump(self, seconds=0.02):
        """Reads what has come, waiting at most so long for the first of it.
        Returns whether anything has."""
        came = False
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return came
            if not data:
                return came
            self.output += data
            self.stream.feed(data)
            came = True
            seconds = 0
        return came

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def await_screen(self, condition, what=None, seconds=15):
        """Waits until the text of the screen meets the condition, a function
        or a text that it must hold."""
        wanted = condition if callable(condition) \
            else lambda text: condition in text
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # A screen that is still being drawn is not looked at.
            if not self.pump() and wanted(self.text()):
                return self.text()
        raise AssertionError(f"waited in vain for {what or condition!r}:\n"
                             f"{self.text()}")

    def press(self, *keys):
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())

    def click(self, row, col):
        """The left button at a place of the screen, as xterm tells of it."""
        self.press(f"\x1b[<0;{col + 1};{row + 1}M",
                   f"\x1b[<0;{col + 1};{row + 1}m")

    def wheel(self, down, times=1):
        self.press(*[f"\x1b[<{65 if down else 64};1;1M"] * times)

    def resize(self, rows, cols):
        self.screen.resize(rows, cols)
        set_size(self.slave, rows, cols)

    def row_with(self, text):
        for number, line in enumerate(self.screen.display):
            if text in line:
                return number
        raise AssertionError(f"no {text!r} in:\n{self.text()}")

    def await_end(self, seconds=15):
        """The exit status, or the negative signal, after the end."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self.pump()
        self.pump()
        assert self.process.poll() is not None, "it does not end"
        return self.process.returncode

    def await_output(self, last, but_not):
        """Waits until of these two byte strings the first came last."""
        self.await_screen(lambda _: self.output.rfind(last)
                          > self.output.rfind(but_not), last)

    def is_restored(self):
        """Whether modes, cursor and screen are as before."""
        self.pump()
        left = self.output.rfind(b"\x1b[?1049l")
        entered = self.output.rfind(b"\x1b[?1049h")
        shown = self.output.rfind(b"\x1b[?25h")
        hidden = self.output.rfind(b"\x1b[?25l")
        deaf = self.output.rfind(b"\x1b[?1006;1000l")
        hearing = self.output.rfind(b"\x1b[?1006;1000h")
        return (termios.tcgetattr(self.slave) == self.modes_before
                and left > entered and deaf >= hearing
                and (hidden < 0 or max(
                    shown, self.output.rfind(b"\x1b[?12l\x1b[?25h"))
                    > hidden))
