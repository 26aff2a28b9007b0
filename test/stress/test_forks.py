"""Children taken while other threads allocate: each finds its account to the
byte as it stood in the instant of the fork; the parent's never moves."""

import re

import pytest

from conftest import (BUILD, Conversation, await_that, document, run_shimmed,
                      segments)

HOWS = ["fork", "_Fork", "clone", "handlers", "nested", "spawn"]

PREFORK = r"""
import os, signal, socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
kept = [bytes(5000) for _ in range(1000)]

def serve():
    mine = []
    while True:
        connection, _ = listener.accept()
        size = int(connection.makefile().readline())
        mine.append(bytes(size))
        connection.sendall(b"%d %d\n" % (os.getpid(), len(mine)))
        connection.close()

workers = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        serve()
    workers.append(pid)
print(listener.getsockname()[1], *workers, flush=True)
sys.stdin.readline()
for pid in workers:
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
"""


def run(children, how):
    done = run_shimmed([BUILD / "test/stress/forks", children, 3, how],
                       timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    right, wrong = re.search(r"right (\d+), wrong (\d+)", done.stdout).groups()
    assert int(wrong) == 0 and int(right) > children / 10
    assert done.stdout.endswith("drift of the parent 0 bytes\n")


@pytest.mark.parametrize("how", HOWS)
def test_parent_and_children_are_exact(how):
    run(40, how)


@pytest.mark.long
@pytest.mark.parametrize("how", HOWS)
def test_parent_and_many_children_are_exact(how):
    run(2000, how)


@pytest.mark.parametrize("thread", ["main", "thread"])
@pytest.mark.parametrize("call", [
    "malloc_small", "malloc_large", "malloc_huge", "malloc_too_much",
    "calloc_small", "calloc_huge", "aligned_huge", "free_small", "free_huge",
    "realloc_small", "realloc_in_place", "realloc_larger", "realloc_too_much",
    "collect", "collect_again", "ask", "ask_again", "inform", "trim"])
def test_a_bare_childs_first_call_writes_nothing_to_its_parents_file(call,
                                                                     thread):
    with Conversation([BUILD / "test/stress/first_calls", call,
                       thread]) as program:
        assert program.hear() == "ready"
        path, = segments(program.pid)
        before = path.read_bytes()
        program.say()
        assert program.hear() == "made"
        after = path.read_bytes()
        changed = [] if before == after else [
            i for i in range(len(before)) if before[i] != after[i]]
        assert not changed, "at these bytes"
        program.say()
        assert program.end() == (0, "", "")


def ask(port, size):
    import socket
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"%d\n" % size)
        return [int(n) for n in connection.makefile().readline().split()]


def test_pre_forking_servers_workers_are_a_family_and_count_for_themselves():
    with Conversation(["/usr/bin/python3", "-c", PREFORK]) as program:
        port, *workers = [int(n) for n in program.hear().split()]
        before = document(program.pid)
        for worker in workers:
            await_that(lambda pid=worker: segments(pid), "a worker's segment")
        started = {pid: document(pid) for pid in workers}
        served = [ask(port, 100_000)[0] for _ in range(40)]
        for pid in workers:
            now = document(pid)
            grown = now["used_bytes"] - started[pid]["used_bytes"]
            assert started[pid]["used_bytes"] >= 5_000_000
            assert grown >= 100_000 * served.count(pid)
            header_parent = segment_parent(pid)
            assert header_parent == program.pid
        after = document(program.pid)
        for key in ("used_bytes", "allocated_total_bytes",
                    "freed_total_bytes"):
            assert after[key] == before[key]
        program.say()
        assert program.end()[0] == 0
        for pid in workers:
            await_that(lambda pid=pid: not segments(pid), "a worker's end")


def segment_parent(pid):
    from segment import Segment
    path, = segments(pid)
    return Segment(path).parent_pid
