"""gcshim-export as a scraper meets it, and Prometheus as the scraper."""

import configparser
import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.parse

import pytest

from conftest import ROOT, TOOLS, await_that, plain_env

UNIT = ROOT / "docs" / "systemd" / "gcshim-export.service.in"
NOBODY = 65534

SAMPLE = re.compile(r'^(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? '
                    r'(\d+(?:\.\d+)?)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
UNESCAPED = {r"\n": "\n", r"\"": '"', r"\\": "\\"}


def tool(name):
    """A program of Debian's package prometheus: ./check unpacks it."""
    found = shutil.which(name)
    if not found:
        pytest.fail(f"{name} is missing: run ./check")
    return found


def samples(text):
    """[(name, labels, value)] of a scrape; every line must be well formed."""
    found = []
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        match = SAMPLE.match(line)
        assert match, line
        labels = {name: re.sub(r"\\.", lambda m: UNESCAPED[m[0]], value)
                  for name, value in LABEL.findall(match[2] or "")}
        found.append((match[1], labels, float(match[3])))
    return found


def values(text, name, **labels):
    """The values of a metric's samples that have these labels."""
    return [value for found, has, value in samples(text) if found == name
            and all(has.get(k) == str(v) for k, v in labels.items())]


def value(text, name, **labels):
    found, = values(text, name, **labels)
    return found


def as_nobody(*args, capabilities=()):
    """--once of a user who owns nothing, with some of root's rights."""
    rights = ",".join("+" + c.lower().removeprefix("cap_")
                      for c in capabilities)
    given = [f"--inh-caps={rights}", f"--ambient-caps={rights}",
             f"--bounding-set=-all,{rights}"] if rights else []
    done = subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
         "--clear-groups", "--no-new-privs", *given,
         str(TOOLS / "gcshim-export"), "--once", *args], env=plain_env(),
        capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def unit_service():
    """The section of the systemd unit about the service."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNIT, encoding="utf-8")
    return unit["Service"]


def unit_capabilities():
    return unit_service()["AmbientCapabilities"].split()


class Exporter:
    """A running gcshim-export on a port of its own."""

    def __init__(self, *args, listen="127.0.0.1:0", **kwargs):
        self.process = subprocess.Popen(
            [str(TOOLS / "gcshim-export"), "--listen", listen,
             *map(str, args)], env=plain_env(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **kwargs)
        line = self.process.stderr.readline()
        said = re.match(r"gcshim-export: listening on http://(.*):(\d+)"
                        r"/metrics$", line)
        assert said, line + self.process.stderr.read()
        self.host, self.port = said[1].strip("[]"), int(said[2])

    def ask(self, path="/metrics", method="GET", body=None, **headers):
        """(status, headers, body) of one request."""
        connection = http.client.HTTPConnection(self.host, self.port,
                                                timeout=20)
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        try:
            return answer.status, dict(answer.headers), answer.read().decode()
        finally:
            connection.close()

    def metrics(self):
        status, _, body = self.ask()
        assert status == 200, body
        return body

    def end(self, number=signal.SIGTERM):
        """Asks it to end: (status, output, errors)."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """A Prometheus of our own, with its data below a directory."""

    CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: gcshim
    static_configs: [{{targets: ["{target}"]}}]
"""

    def __init__(self, directory, target, rules):
        config = directory / "prometheus.yml"
        config.write_text(self.CONFIG.format(rules=rules, target=target),
                          encoding="utf-8")
        self.port = free_port()
        with (directory / "log").open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [tool("prometheus"), f"--config.file={config}",
                 f"--storage.tsdb.path={directory / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                env=plain_env(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        self.log = directory / "log"

    def get(self, path, **parameters):
        """The answer's data; None while there is none."""
        assert self.process.poll() is None, self.log.read_text()
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=20)
        try:
            connection.request("GET", path + "?" +
                               urllib.parse.urlencode(parameters))
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body)["data"] if answer.status == 200 else None
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()

    def query(self, expression):
        """[(labels, value)], once there is any."""
        def answered():
            data = self.get("/api/v1/query", query=expression)
            return data and data["result"]
        result = await_that(answered, f"an answer to {expression}", 60)
        return [(r["metric"], float(r["value"][1])) for r in result]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
