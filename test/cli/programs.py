"""Programs that a test runs under the shim and speaks with."""

import signal
import sys

from conftest import Conversation, await_that, segments

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


# Does what each line says.  Blocks are malloc's own, not Python's.
PUPPET = """
import ctypes, gc, mmap, sys, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

def take(count, size):
    return [libc.malloc(ctypes.c_size_t(size)) for _ in range(count)]

def drop(blocks):
    for block in blocks:
        libc.free(block)

def tick():
    drop(take(200, 20000))

def litter(count, size):
    for _ in range(count):
        ring = [bytearray(size)]
        ring.append(ring)

def fill(mebibytes):
    memory = mmap.mmap(-1, mebibytes << 20,
                       flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, mebibytes << 20, 4096):
        memory[at] = 1
    return memory

def run(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()

def linger(function):
    began, event = threading.Event(), threading.Event()
    def body():
        function()
        began.set()
        event.wait()
    threading.Thread(target=body, name="lingerer", daemon=True).start()
    began.wait()

print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Puppet(Conversation):
    """A program that does what it is told, line by line."""

    def __init__(self, *lines, settings=None):
        super().__init__([sys.executable, "-c", PUPPET], settings)
        assert self.hear() == "ready"
        self.do(*lines)

    def do(self, *lines):
        for line in lines:
            self.say(line)
            assert self.hear() == "done"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


# Where in a segment the numbers of the last requests stand.
TRIM_REQUESTED, COLLECT_REQUESTED, PROFILE_REQUESTED = 768, 772, 784
PROFILE_WANTED = 776


def is_requested(pid, at):
    """Whether something has been asked of the process."""
    path, = segments(pid)
    with path.open("rb") as file:
        file.seek(at)
        return file.read(4) != bytes(4)


def await_request(pid, at):
    await_that(lambda: is_requested(pid, at), "the request")


# What brings each verdict about.
IN_USE = ("held = take(20000, 3000)", "tick()")
FRAGMENTED = ("held = take(40000, 3000)", "kept = held[::16]",
              "drop(set(held) - set(kept))", "tick()")
UNRETURNED = ("held = take(40000, 3000)", "drop(held)", "tick()")
OUTSIDE = ("memory = fill(64)", "tick()")
