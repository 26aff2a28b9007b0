"""Programs that a test runs under the shim and speaks with."""

import signal
import sys

from conftest import Conversation

# Holds so many MiB in one block, and takes more for each line that comes.
HOLDER = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
held = [libc.malloc(ctypes.c_size_t(int(sys.argv[1]) << 20))]
print("ready", flush=True)
for line in sys.stdin:
    held.append(libc.malloc(ctypes.c_size_t(int(line) << 20)))
    print("more", flush=True)
"""


class Holder(Conversation):
    """A program that uses a little more than so many MiB."""

    def __init__(self, mebibytes, settings=None, name="holder"):
        super().__init__([sys.executable, "-c", HOLDER, mebibytes, name],
                         settings)
        assert self.hear() == "ready"

    def take(self, mebibytes):
        self.say(str(mebibytes))
        assert self.hear() == "more"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
