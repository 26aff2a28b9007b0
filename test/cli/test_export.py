"""gcshim-export: figures for Prometheus, promtool and a real Prometheus as
judges."""

import contextlib
import json
import os
import pwd
import re
import shlex
import signal
import socket
import struct
import subprocess
import threading

import pytest

from conftest import ROOT, TOOLS, await_that, document, run_tool
from exporter import (Exporter, Prometheus, as_nobody, samples, tool,
                      unit_capabilities, unit_service, value, values)
from forge import segment_bytes, segment_file
from programs import UNRETURNED, Holder, Puppet

MIB = 1 << 20
DOCS = ROOT / "docs"
RULES = DOCS / "prometheus" / "alerts.yml"
DASHBOARD = DOCS / "grafana" / "gcshim.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def export(*args, **kwargs):
    return run_tool("gcshim-export", *args, **kwargs)


def once(*args):
    done = export("--once", *args)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def promtool(*args, **kwargs):
    """Runs promtool, which has nothing to complain of."""
    done = subprocess.run([tool("promtool"), *map(str, args)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False, **kwargs)
    assert done.returncode == 0, done.stdout
    return done.stdout


def dead_segment(pid, comm, **changes):
    """The account of a process that is no more."""
    changes = {"start_time": 1, **changes}
    data = bytearray(segment_bytes(os.getpid(), comm=comm, **changes))
    struct.pack_into("<I", data, 24, pid)
    return bytes(data)


def names():
    """The names of all metrics that there are."""
    done = export("--list")
    assert (done.returncode, done.stderr) == (0, "")
    return re.findall(r"^(gcshim_\w+)$", done.stdout, re.M)


# ---------------------------------------------------------------- figures

def test_figures_are_those_of_gcshim_top():
    with Holder(64) as holder:
        text, shown = once("-p", holder.pid), document(holder.pid)
    for name in ("used", "used_peak", "allocated", "allocated_peak", "cached",
                 "fragmented", "unreturned", "orphaned", "overhead",
                 "full_page", "huge"):
        known = shown[f"{name}_bytes"]  # a small program may not have counted
        assert values(text, f"gcshim_process_{name}_bytes") \
            == ([] if known is None else [known]), name
    assert value(text, "gcshim_process_huge_blocks") == shown["huge_blocks"]
    for ours, tops in (("handed_out", "allocated"), ("freed", "freed")):
        for unit in ("bytes", "blocks"):
            assert value(text, f"gcshim_process_{ours}_{unit}_total") \
                == shown[f"{tops}_total_{unit}"]
    assert value(text, "gcshim_process_resident_bytes") >= 1 * MIB
    assert value(text, "gcshim_process_outside_bytes") > 0
    assert value(text, "gcshim_process_up", pid=holder.pid,
                 comm=shown["comm"],
                 user=pwd.getpwuid(os.geteuid()).pw_name) == 1


def test_the_verdict_is_one_of_four_states():
    def judged():
        puppet.do("tick()")
        text = once("-p", puppet.pid)
        return values(text, "gcshim_process_verdict",
                      verdict="unreturned") == [1] and text
    with Puppet(*UNRETURNED) as puppet:
        text = await_that(judged, "the verdict 'unreturned'")
    assert sorted(values(text, "gcshim_process_verdict")) == [0, 0, 0, 1]


def test_collections_are_told():
    with Puppet("gc.collect()", settings={"gc": "observe"}) as puppet:
        before = once("-p", puppet.pid)
        puppet.do("litter(100, 100000)", "gc.collect()")
        after = once("-p", puppet.pid)
    def grew(name, **labels):
        return value(after, name, **labels) - value(before, name, **labels)
    assert grew("gcshim_process_gc_collections_total", generation="2") >= 1
    assert grew("gcshim_process_gc_pause_seconds_total") > 0
    assert grew("gcshim_process_gc_freed_bytes_total") >= 100 * 100000
    assert values(after, "gcshim_process_gc_info", mode="observe",
                  blind="false") == [1]
    assert not values(after, "gcshim_process_gc_goal_bytes")


def test_a_killed_process_is_not_up_and_has_its_last_figures():
    with Holder(64) as holder:
        holder.kill()
        text = once("-p", holder.pid)
        assert value(text, "gcshim_process_up", pid=holder.pid) == 0
        assert value(text, "gcshim_process_used_bytes") >= 64 * MIB
        assert not values(text, "gcshim_process_resident_bytes")
        assert run_tool("gcshim-ctl", "clean").returncode == 0
        assert not values(once(), "gcshim_process_up", pid=holder.pid)


# --------------------------------------------------------- names and labels

def test_promtool_finds_nothing_wrong_whatever_programs_are_called():
    rename = ("libc.prctl(15, b'ev\"il\\\\\\n\\xff{}')",
              "held = take(1000, 1000)", "tick()")
    with contextlib.ExitStack() as there:
        live = there.enter_context(Puppet(*rename))
        killed = there.enter_context(Holder(1))
        killed.kill()
        for pid, comm in ((4_200_000, b'a"\\\n\xff\xfe,b=1} 7'),
                          (4_200_001, b'\x1b[31m\xe2\x80\xae'), (4_200_002, b"")):
            there.enter_context(segment_file(
                f"gcshim.{pid}.1.1", dead_segment(pid, comm)))
        text = once("--threads=tid", "--size-classes")
    assert promtool("check", "metrics", input=text) == ""
    comms = {labels["pid"]: labels["comm"] for name, labels, _ in samples(text)
             if name == "gcshim_process_up"}
    assert comms[str(live.pid)] == 'ev"il\\??{}'
    assert comms["4200000"] == 'a"\\???,b=1} 7'
    assert comms["4200001"] == "?[31m?"
    assert str(killed.pid) in comms


def test_no_series_is_there_twice():
    with contextlib.ExitStack() as files:
        for start in (1, 2, 3):
            files.enter_context(segment_file(
                f"gcshim.4200000.{start}.1",
                dead_segment(4_200_000, b"same", start_time=start,
                             created_ns=start, allocated=1000 * start)))
        text = once("--threads=tid", "--size-classes")
    assert value(text, "gcshim_process_used_bytes", pid=4_200_000) == 2600
    assert value(text, "gcshim_exporter_processes_left_out",
                 reason="namesake") == 2
    series = [(name, tuple(sorted(labels.items())))
              for name, labels, _ in samples(text)]
    assert len(series) == len(set(series))


def test_every_metric_that_is_there_is_in_the_list():
    with Puppet("gc.collect()", settings={"gc": "observe"}) as puppet:
        text = once("-p", puppet.pid, "--threads=tid", "--size-classes")
    found = {name for name, _, _ in samples(text)}
    assert found <= set(names())
    assert len(names()) == len(set(names()))
    assert set(names()) - found == {"gcshim_process_gc_goal_bytes"}


def test_threads_and_size_classes_are_told_only_if_asked_for():
    lingerers = ["linger(lambda: take(10, 1000))"] * 3
    with Puppet(*lingerers, "tick()") as puppet:
        puppet.do("libc.prctl(15, b'main')")
        unasked = once("-p", puppet.pid)
        by_name = once("-p", puppet.pid, "--threads")
        by_tid = once("-p", puppet.pid, "--threads=tid")
        classes = once("-p", puppet.pid, "--size-classes")
    labels = set().union(*(labels for _, labels, _ in samples(unasked)))
    assert not labels & {"thread", "tid", "block_bytes"}
    assert value(by_name, "gcshim_threads", thread="main") == 1
    assert sum(values(by_name, "gcshim_threads")) == 4
    assert not any("tid" in labels for _, labels, _ in samples(by_name))
    tids = [labels["tid"] for name, labels, _ in samples(by_tid)
            if name == "gcshim_thread_freed_bytes_total"]
    assert str(puppet.pid) in tids and len(tids) == 4
    assert len(values(classes, "gcshim_size_class_pages")) > 3


def test_so_many_processes_at_most_are_told_of_and_the_largest_stay():
    with Holder(64) as large, Holder(8) as small:
        text = once("-p", f"{large.pid},{small.pid}", "--max-processes", "1")
    assert values(text, "gcshim_process_up", pid=large.pid) == [1]
    assert not values(text, "gcshim_process_up", pid=small.pid)
    assert value(text, "gcshim_exporter_processes_left_out",
                 reason="limit") == 1
    assert value(text, "gcshim_exporter_processes", state="live") == 1


def test_only_the_chosen_are_told_of():
    with Holder(1) as one, Holder(1) as other:
        assert len(values(once(), "gcshim_process_up")) >= 2
        text = once("-p", f"{one.pid},1")
        assert values(text, "gcshim_process_up") == [1]
        assert values(text, "gcshim_process_up", pid=one.pid)
        mine = once("-u", os.geteuid())
        assert {str(one.pid), str(other.pid)} <= {
            labels.get("pid") for _, labels, _ in samples(mine)}
        assert not values(once("-u", "4242"), "gcshim_process_up")


def test_what_is_refused_is_counted_by_a_few_reasons():
    with segment_file("gcshim.test.unfit", b"nonsense"):
        text = once()
    assert value(text, "gcshim_exporter_segments_refused", reason="unfit") == 1


# ------------------------------------------------------------------- HTTP

@pytest.fixture(name="exporter")
def an_exporter():
    with Exporter() as exporter:
        yield exporter


def test_a_scrape_is_of_its_moment(exporter):
    with Holder(8) as holder:
        before = value(exporter.metrics(), "gcshim_process_used_bytes",
                       pid=holder.pid)
        holder.take(16)
        after = value(exporter.metrics(), "gcshim_process_used_bytes",
                      pid=holder.pid)
    assert after - before >= 16 * MIB
    assert not values(exporter.metrics(), "gcshim_process_up", pid=holder.pid)


@pytest.mark.parametrize("accept, kind", [
    (None, TEXT), ("*/*", TEXT), ("text/html", TEXT),
    ("application/openmetrics-text; version=1.0.0", OPENMETRICS),
    ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.75",
     TEXT)])
def test_the_form_is_the_one_asked_for(exporter, accept, kind):
    headers = {"Accept": accept} if accept else {}
    status, answered, body = exporter.ask(**headers)
    assert status == 200
    assert answered["Content-Type"] == kind
    assert answered["Vary"] == "Accept"
    assert body.endswith("\n# EOF\n") == (kind == OPENMETRICS)
    assert ("# UNIT " in body) == (kind == OPENMETRICS)
    assert promtool("check", "metrics", input=exporter.metrics()) == ""


def test_there_is_a_page_for_people_and_one_for_watchdogs(exporter):
    status, headers, body = exporter.ask("/")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert '<a href="metrics">' in body
    assert exporter.ask("/-/healthy")[0] == 200


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/..", "//", "*"])
def test_elsewhere_is_nothing(exporter, path):
    assert exporter.ask(path)[0] == 404


def test_head_is_get_without_the_body(exporter):
    status, headers, body = exporter.ask(method="HEAD")
    assert (status, body) == (200, "")
    assert headers["Content-Type"] == TEXT
    assert int(headers["Content-Length"]) > 1000


@pytest.mark.parametrize("method, body", [
    ("POST", "a=b"), ("PUT", "x" * 1000), ("DELETE", None), ("OPTIONS", None)],
    ids=["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(exporter, method, body):
    status, headers, _ = exporter.ask(method=method, body=body)
    assert status == 405
    assert headers["Allow"] == "GET, HEAD"
    assert exporter.ask("/-/healthy")[0] == 200


@contextlib.contextmanager
def slow_clients(exporter, count):
    """Clients that ask without an end, a byte now and then: none is idle.
    Every other one asks in full first, and takes no answer."""
    over = threading.Event()

    def drip(clients):
        while not over.wait(0.2):
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(b"a")

    with contextlib.ExitStack() as open_ones:
        clients = []
        for number in range(count):
            clients.append(open_ones.enter_context(socket.create_connection(
                (exporter.host, exporter.port), timeout=20)))
            clients[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n" +
                                (b"\r\n" if number % 2 else b"B: "))
        dripping = threading.Thread(target=drip, args=(clients,))
        dripping.start()
        open_ones.callback(dripping.join)
        open_ones.callback(over.set)
        yield


def test_clients_that_are_slow_keep_nobody_out(exporter):
    with slow_clients(exporter, 200):
        for _ in range(10):
            assert exporter.ask("/-/healthy")[0] == 200
        assert "gcshim_exporter_build_info" in exporter.metrics()


def test_nonsense_harms_nobody(exporter):
    for nonsense in (b"\0\xff\n\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"):
        with socket.create_connection((exporter.host, exporter.port),
                                      timeout=20) as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(nonsense)
    assert exporter.ask("/-/healthy")[0] == 200


# --------------------------------------------------------- begin and end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(exporter, number):
    with socket.create_connection((exporter.host, exporter.port)) as client:
        client.sendall(b"GET /")
        exporter.ask("/-/healthy")
        assert exporter.end(number) == (0, "", "")
    with pytest.raises(ConnectionRefusedError):
        exporter.ask()
    with Exporter(listen=f"127.0.0.1:{exporter.port}") as next_one:
        assert next_one.port == exporter.port


def test_a_port_in_use_is_one_line_and_status_1(exporter):
    done = export("--listen", f"127.0.0.1:{exporter.port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"gcshim-export: 127.0.0.1:{exporter.port}: "
                           "Address already in use\n")


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="there is no ::1 here")
def test_it_listens_on_ipv6_too():
    with Exporter(listen="[::1]:0") as exporter:
        assert exporter.host == "::1"
        assert exporter.ask("/-/healthy")[0] == 200


@pytest.mark.parametrize("args, says", [
    (["--listen", "19909"], "'19909' is not ADDR:PORT"),
    (["--listen", ":19909"], "':19909'"), (["--listen", "::1:80"], "'::1:80'"),
    (["--listen", "127.0.0.1:65536"], "65536"),
    (["--listen", "[::zz]:1"], "no address '::zz'"),
    (["--max-processes", "0"], "'0'"), (["--threads=name"], "'name'"),
    (["-p", "x"], "'x'"), (["-u", "nobody-of-this-name"], "-u"),
    (["more"], "'more'"), (["--nonsense"], "nonsense")])
def test_a_mistake_is_one_line_and_status_2(args, says):
    done = export(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_help_and_version_go_to_stdout():
    done = export("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--listen", "--once", "--pid", "--user", "--max-processes",
                   "--threads", "--size-classes", "--list"):
        assert option in done.stdout
    assert export("-V").stdout.startswith("gcshim-export (gcshim) 0.")


@pytest.mark.parametrize("option", ["--once", "--list", "--help"])
def test_a_full_disk_is_a_failure(option):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = export(option, capture_output=False, stdout=full,
                      stderr=subprocess.PIPE)
    assert done.returncode == 1


# ------------------------------------------------------ who may see what

@AS_ROOT
def test_others_accounts_are_counted_where_they_may_not_be_read():
    with Holder(8) as holder:
        text = as_nobody()
    assert not values(text, "gcshim_process_up", pid=holder.pid)
    assert value(text, "gcshim_exporter_segments_refused",
                 reason="denied") >= 1


@AS_ROOT
def test_the_units_capabilities_suffice_to_see_all():
    with Holder(8) as holder:
        text = as_nobody(capabilities=unit_capabilities())
    assert values(text, "gcshim_process_used_bytes", pid=holder.pid)
    assert values(text, "gcshim_process_outside_bytes", pid=holder.pid)
    assert value(text, "gcshim_exporter_segments_refused",
                 reason="denied") == 0


def test_the_units_command_line_is_understood():
    program, *args = shlex.split(unit_service()["ExecStart"])
    assert program == "@bindir@/gcshim-export"
    assert once(*args)


# ------------------------------------------------- rules and the dashboard

def test_promtool_finds_nothing_wrong_with_the_rules():
    assert "5 rules found" in promtool("check", "rules", RULES)
    promtool("check", "config", DOCS / "prometheus" / "prometheus.yml")


def test_the_rules_fire_when_they_should():
    promtool("test", "rules", ROOT / "test" / "cli" / "alerts.test.yml")


def expressions(panel):
    return [target["expr"] for target in panel["targets"]]


def test_the_dashboard_asks_for_metrics_that_there_are():
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = [e for panel in board["panels"] for e in expressions(panel)]
    asked += [v["definition"] for v in board["templating"]["list"]
              if "definition" in v]
    used = {name for e in asked for name in re.findall(r"gcshim_\w+", e)}
    assert len(used) > 10 and used <= set(names())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_promtool_parses_what_the_dashboard_asks_for(tmp_path):
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    rules = [{"record": f"r:{i}", "expr": e.replace("$__rate_interval", "1m")}
             for i, e in enumerate(e for panel in board["panels"]
                                   for e in expressions(panel))]
    path = tmp_path / "rules.yml"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "a", "rules": rules}]}),
                    encoding="utf-8")
    promtool("check", "rules", path)


def test_the_rules_name_metrics_that_there_are():
    used = set(re.findall(r"gcshim_\w+", RULES.read_text(encoding="utf-8")))
    assert len(used) >= 5 and used <= set(names())


def test_the_page_has_every_metric():
    page = (DOCS / "export.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(gcshim_\w+)", page, re.M)
    assert sorted(rows) == sorted(names())


# ------------------------------------------------------ a real Prometheus

def test_a_real_prometheus_scrapes_and_alerts(tmp_path):
    with Holder(64) as holder, Exporter() as exporter, Prometheus(
            tmp_path, f"127.0.0.1:{exporter.port}", RULES) as prometheus:
        (labels, used), = prometheus.query(
            f'gcshim_process_used_bytes{{pid="{holder.pid}"}}')
        # what Python itself has from malloc comes on top
        assert 64 * MIB <= used <= 72 * MIB
        assert labels["user"] and labels["job"] == "gcshim"
        # units are in OpenMetrics alone: that is what it asked for
        meta, = prometheus.get("/api/v1/metadata", metric="gcshim_process_"
                               "used_bytes")["gcshim_process_used_bytes"]
        assert (meta["type"], meta["unit"]) == ("gauge", "bytes")
        assert meta["help"].startswith("In blocks handed out")
        holder.take(32)
        assert await_that(
            lambda: [v for _, v in prometheus.query(
                f'gcshim_process_used_bytes{{pid="{holder.pid}"}}')
                     if v >= 96 * MIB], "the next scrape", 60)
        holder.kill()
        def fired():
            return [a for a in prometheus.get("/api/v1/alerts")["alerts"]
                    if a["labels"]["alertname"] == "GcshimProcessDied"]
        alert, = await_that(fired, "the alert", 60)
        assert alert["labels"]["pid"] == str(holder.pid)
        assert re.search(r"used (9[67]|10\d)(\.\d+)?MiB then",
                         alert["annotations"]["description"])
        assert prometheus.query("up")[0][1] == 1
        assert prometheus.query("scrape_samples_scraped")[0][1] > 30
