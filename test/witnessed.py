"""Programs with a second account in front of the shim's: witness.c, which sums
by nothing but atomic adds what passes through malloc, from the first call."""

import os
import pathlib
import signal
import struct
import subprocess

import pytest

from conftest import (PROGRAMS, SHIM, Conversation, await_that, segments,
                      shim_env)
from segment import Segment


class Witnessed(Conversation):
    """A program with the witness in front of the shim."""

    def __init__(self, argv, file):
        self.file = file
        env = shim_env()
        env["LD_PRELOAD"] = f"{PROGRAMS / 'witness.so'}:{SHIM}"
        env["WITNESS"] = str(file)
        env["PYTHONMALLOC"] = "malloc"
        self.process = subprocess.Popen(
            [str(a) for a in argv], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def both(self):
        """(bytes, blocks) by the witness and by the account, while the
        program is stopped."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            await_that(self.is_stopped, "the program stops")
            witness = struct.unpack("<QQ", self.file.read_bytes())
            path, = segments(self.pid)
            total = Segment(path).total
        finally:
            os.kill(self.pid, signal.SIGCONT)
        return witness, (total.used_bytes, total.used_blocks)

    def is_stopped(self):
        tasks = pathlib.Path(f"/proc/{self.pid}/task")
        try:
            states = {(tasks / tid / "stat").read_text()
                      .rpartition(")")[2].split()[0]
                      for tid in os.listdir(tasks)}
        except (FileNotFoundError, ProcessLookupError):
            return False    # a thread that has ended meanwhile did not stop
        return states <= {"T", "Z"}    # Z: main has left already

    def agree(self):
        """Once in a few tries: a thread that still runs (a timer of node's,
        say) may be stopped between the two accounts."""
        seen = []
        for _ in range(20):
            seen.append(self.both())
            if seen[-1][0] == seen[-1][1]:
                return seen[-1][0]
        pytest.fail(f"witness and account differ: {seen}")
