"""Programs of patterns.c: each holds its memory in one way, and says what it
knows of it; and the report of gcshim-stat on them."""

import json
import time

from conftest import PROGRAMS, Conversation, await_that, run_tool

KIB, MIB = 1 << 10, 1 << 20
BILL = ["owned_bytes", "orphaned_bytes", "cached_bytes", "fragmented_bytes",
        "unreturned_bytes", "overhead_bytes"]


def report(pid):
    """The JSON object of one process, as gcshim-stat gives it: with its
    mappings, and so with the whole verdict."""
    done = run_tool("gcshim-stat", "--json", pid)
    assert done.returncode == 0, done.stderr
    process, = json.loads(done.stdout)["processes"]
    return process


def anonymous(pid):
    """What the kernel says is resident and anonymous."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        kib, = [line.split()[1] for line in file
                if line.startswith("RssAnon:")]
    return int(kib) * KIB


def adds_up(figures):
    """The bill's parts are used and allocated, to the byte."""
    bill = figures["bill"]
    assert bill["owned_bytes"] + bill["orphaned_bytes"] == \
        figures["used_bytes"]
    assert sum(bill[part] for part in BILL) == figures["allocated_bytes"]
    assert all(figures[part] == bill[part] for part in BILL[1:])
    return bill


class Pattern(Conversation):
    """truth: what the program said last."""

    def __init__(self, *argv, settings=None):
        super().__init__([PROGRAMS / "patterns", *argv], settings=settings)
        self.truth = self.said = None
        self.listen()

    def listen(self):
        self.truth = json.loads(self.hear())
        self.said = time.monotonic()

    def next(self):
        self.say("next")
        self.listen()

    def tick(self):
        """Lets the thread that waits come by its slow path."""
        self.say("tick")
        assert json.loads(self.hear()) == {"ticked": True}

    def is_counted(self):
        """The report, once a thread has taken a census since it told the
        truth."""
        self.tick()
        since_ms = (time.monotonic() - self.said) * 1000
        figures = report(self.pid)
        ages = [thread["census_age_ms"] for thread in figures["threads"]]
        return any(age is not None and age < since_ms
                   for age in ages) and figures

    def counted(self):
        return await_that(self.is_counted, "a census of how things now stand")
