"""Unmodified programs behave under the shim as without it: the same output,
errors and exit status, the same files, and nothing left behind."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from conftest import (PROGRAMS, await_that, document, plain_env, run_shimmed,
                      segments, shim_env)
from segment import Segment

STEADY = {
    "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0",
    "NODE_NO_WARNINGS": "1", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


def outcome(env, argv, directory, text):
    """(status, output, errors) of a run in a fresh directory of its own, at
    the same path for both runs, as programs print paths."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    done = subprocess.run([str(a) for a in argv], cwd=directory, input=text,
                          env={**env, **STEADY, "HOME": str(directory)},
                          capture_output=True, text=True, timeout=240,
                          errors="replace", check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def same(tmp_path):
    """Runs a program without and with the shim, compares, and gives its
    output.  `status` is what is expected of either; `differs` matches what
    no two runs have in common."""
    def run(argv, text="", status=0, differs="(?!)"):
        directory = tmp_path / "here"
        plain, ours = (
            tuple(re.sub(differs, "...", part) if isinstance(part, str)
                  else part for part in outcome(env, argv, directory, text))
            for env in (plain_env(), shim_env()))
        assert plain[0] == status, plain
        assert ours == plain
        return ours[1]
    return run


def python(code):
    return ["/usr/bin/python3", "-c", code]


def bash(script):
    return ["/bin/bash", "-c", "set -eu -o pipefail\n" + script]


def test_python_json(same):
    output = same(python(
        "import json\n"
        "data = {str(i): [i / 7, 'x' * (i % 700)] for i in range(5000)}\n"
        "text = json.dumps(data)\n"
        "assert json.loads(text) == data\n"
        "print(len(text), hash(text))\n"))
    assert output


@pytest.mark.parametrize("allocator", ["malloc", "pymalloc", "malloc_debug"])
def test_python_with_each_of_its_allocators(same, allocator):
    same(["env", f"PYTHONMALLOC={allocator}", *python(
        "import re, collections\n"
        "words = [str(i * i) for i in range(30000)]\n"
        "c = collections.Counter(w[-2:] for w in words)\n"
        "print(c.most_common(5), len(re.findall('1+', ''.join(words))))\n")])


def test_python_threads(same):
    output = same(python(
        "import concurrent.futures as f, zlib\n"
        "def work(n): return zlib.crc32(zlib.compress(bytes(range(256)) * n))\n"
        "with f.ThreadPoolExecutor(8) as pool:\n"
        "    print(list(pool.map(work, range(1, 400))))\n"))
    assert output.count(",") == 398


def test_python_subprocesses(same):
    assert same(python(
        "import subprocess\n"
        "for i in range(20):\n"
        "    done = subprocess.run(['/bin/sh', '-c', f'echo {i}; exit {i}'],\n"
        "                          stdout=subprocess.PIPE)\n"
        "    print(done.returncode, done.stdout)\n")).startswith("0 b'0")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_python_multiprocessing(same, method):
    same(["/bin/sh", "-c", "cat > main.py; exec /usr/bin/python3 main.py"],
         "import multiprocessing as m\n"
         "def work(n): return sum(len(str(i)) for i in range(n))\n"
         "if __name__ == '__main__':\n"
         f"    with m.get_context('{method}').Pool(4) as pool:\n"
         "        print(pool.map(work, range(0, 4000, 100)))\n"
         "        pool.close(); pool.join()\n")


def test_python_fork_while_threads_allocate(same):
    same(python(
        "import os, threading\n"
        "stop = False\n"
        "def churn():\n"
        "    while not stop: [bytearray(n) for n in range(500, 2000, 7)]\n"
        "ts = [threading.Thread(target=churn) for _ in range(4)]\n"
        "[t.start() for t in ts]\n"
        "for i in range(50):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        kept = [bytearray(n) for n in range(500, 2000)]\n"
        "        os._exit(i % 7)\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == i % 7\n"
        "stop = True\n"
        "[t.join() for t in ts]\n"
        "print('forked')\n"))


def test_perl(same):
    assert same(["perl", "-e",
                 "my %h; $h{$_ % 997} .= chr(65 + $_ % 26) for 1 .. 100000;"
                 "print join(',', map { length $h{$_} } sort keys %h), qq(\\n);"
                 "print sprintf('%s', join '', reverse split //, $h{1});"])


CPLUSPLUS = """
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>
struct alignas(128) wide { double values[16]; };
int main()
{
    std::map<std::string, std::vector<std::optional<int>>> m;
    for (int i = 0; i < 10000; i++)
        m["k" + std::to_string(i % 100)].emplace_back(i);
    std::vector<std::thread> threads;
    std::vector<std::size_t> sums(8);
    for (std::size_t t = 0; t < sums.size(); t++)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 1000; i++)
                sums[t] += std::make_unique<std::string>(i, 'x')->size();
        });
    for (auto &thread : threads)
        thread.join();
    try {
        throw std::runtime_error(std::string(300, 'e'));
    } catch (const std::exception &e) {
        std::cout << std::string(e.what()).size() << "\\n";
    }
    std::vector<wide> w(100);
    std::cout << reinterpret_cast<std::size_t>(w.data()) % 128 << "\\n";
    std::cout << std::regex_replace("a1b22c", std::regex("[0-9]+"), "#");
    std::variant<int, std::string> v = std::string(100, 'v');
    std::cout << m.size() << sums[0] << std::get<1>(v).size() << "\\n";
    return 42;
}
"""


def test_gplusplus_compiles_and_the_program_runs(same):
    output = same(bash("cat > a.cpp\n"
                       "g++ -std=c++17 -O1 -Wall -pthread a.cpp -o a\n"
                       "sha256sum < a\n"
                       "exec ./a"), CPLUSPLUS, status=42)
    assert "a#b#c100" in output


GIT = r"""
git init -q -b main one && cd one
for i in $(seq 40); do
    seq $((i * 50)) > file$((i % 7)); git add .; git commit -q -m "change $i"
done
git log --stat | sha256sum
git gc --quiet --aggressive
git fsck --strict --full
git repack -q -a -d -f --threads=2
cd .. && git clone -q one two && cd two
git log --oneline | wc -l
git checkout -q -b side HEAD~10 && git diff main | sha256sum
git archive main | sha256sum
git grep -c 99 main | sort | sed -n 1,3p
"""


def test_git(same):
    assert "40" in same(bash(GIT)).split(), "commits"


def test_sqlite(same):
    assert "ok" in same(
        ["sqlite3", "a.db"],
        "create table t (a integer primary key, b text, c real);\n"
        "with recursive n(i) as (select 1 union all select i + 1 from n "
        "where i < 50000) insert into t select i, 'v' || i, i / 3.0 from n;\n"
        "create index u on t (b);\n"
        "select count(*), sum(c), max(b) from t where b like '%7%';\n"
        "select a % 10, group_concat(a) from t where a < 500 group by 1;\n"
        "delete from t where a % 2; vacuum; pragma integrity_check;\n")


def test_ruby(same):
    assert same(["ruby", "-e",
                 "h = Hash.new { |t, k| t[k] = [] }\n"
                 "20000.times { |i| h[i % 100] << i.to_s * (i % 30) }\n"
                 "t = 4.times.map { |n| Thread.new { (1..300).map { |i| "
                 "'y' * i * n }.join.size } }\n"
                 "puts h.size, h.values.flatten.join.hash.class, "
                 "t.map(&:value).inspect\n"
                 "GC.start; GC.compact if GC.respond_to?(:compact)\n"
                 "pid = fork { puts 'child'; exit!(3) }; Process.wait(pid)\n"
                 "puts $?.exitstatus\n"])


def test_lua(same):
    assert same(["lua5.4", "-e",
                 "local t = {} for i = 1, 100000 do t[i % 1000] = "
                 "(t[i % 1000] or '') .. string.char(65 + i % 26) end "
                 "collectgarbage() local n = 0 for _, s in pairs(t) do "
                 "n = n + #s end print(n, t[7])"])


def test_node(same):
    assert same(["node", "-e",
                 "const z = require('zlib'); const w = require("
                 "'worker_threads');\n"
                 "const b = Buffer.from('x'.repeat(1e6));\n"
                 "console.log(z.gunzipSync(z.gzipSync(b)).equals(b));\n"
                 "const m = new Map(); for (let i = 0; i < 1e5; i++) "
                 "m.set('k' + i % 999, i);\n"
                 "console.log(m.size);\n"
                 "const t = new w.Worker('require(\"worker_threads\")"
                 ".parentPort.postMessage(Buffer.alloc(5000).length)', "
                 "{eval: true});\n"
                 "t.on('message', n => { console.log(n); process.exitCode "
                 "= 4; });\n"], status=4)


def test_gdb(same):
    output = same(["gdb", "--batch", "-nx", "-ex", "info functions ^main$",
                   "-ex", "print sizeof(struct ledger)",
                   "-ex", "python print(sum(range(1000)))",
                   "-ex", "disassemble main", PROGRAMS / "life"])
    assert "499500" in output


@pytest.mark.parametrize("compressor", ["xz -T2 -1", "zstd -q -T2",
                                        "gzip -1"])
def test_tar(same, compressor):
    assert same(bash(
        "mkdir in; for i in $(seq 30); do seq $((i * 3000)) > in/$i; done\n"
        "tar --sort=name --mtime=@0 --owner=0 --group=0 "
        f"-I '{compressor}' -cf a.tar.x in\n"
        "sha256sum < a.tar.x; mkdir out\n"
        f"tar -I '{compressor.split()[0]}' -xf a.tar.x -C out\n"
        "diff -r in out/in && echo same\n")).endswith("same\n")


def test_xz_in_blocks_by_two_threads(same):
    same(bash("seq 2000000 > a; xz -T2 --block-size=1MiB -1 -k a\n"
              "xz -T2 -dc a.xz | cmp - a; sha256sum < a.xz"))


def test_bash_pipelines(same):
    assert same(bash(
        "f() { for i in $(seq 200); do echo \"$1 $i\"; done; }\n"
        "f a | sed s/a/b/ | sort -rn | awk '{ s += $2 } END { print s }'\n"
        "declare -A h; for i in {1..3000}; do h[$((i % 50))]+=$i; done\n"
        "echo ${#h[@]} ${h[7]}; cat <(f x) <(f y) | md5sum\n"
        "x=$(f z | tail -1); echo \"$x\"; (exit 3) || echo $?\n"))


def test_awk_sort_and_find(same):
    same(bash("seq 100000 | sort -R --random-source=/bin/sh | sort -n -S 1M "
              "--parallel=2 | awk '{ a[$1 % 9] = a[$1 % 9] $1 } "
              "END { for (i in a) print length(a[i]) }' | sort\n"
              "find /usr/include -name '*.h' | sort | md5sum\n"))


@pytest.mark.parametrize("how", ["exit", "_exit", "_Exit", "quick_exit"])
def test_a_programs_own_exit_status(same, how):
    same([PROGRAMS / "life", how], status=5)


@pytest.mark.parametrize("how", ["spawn", "vfork", "fork"])
def test_children_by_every_call(same, how):
    same([PROGRAMS / "life", how])


def test_exec(same):
    assert same([PROGRAMS / "life", "exec"]) == "executed\n"


@pytest.fixture
def crash():
    """Removes what a program that dies of a signal leaves."""
    before = set(segments())
    yield
    for path in set(segments()) - before:
        path.unlink()


@pytest.mark.parametrize("how, number", [
    ("kill", signal.SIGKILL), ("abort", signal.SIGABRT),
    ("segv", signal.SIGSEGV), ("term", signal.SIGTERM)])
@pytest.mark.usefixtures("crash")
def test_exit_status_by_signal(same, how, number):
    same([PROGRAMS / "life", how], status=-number)


@pytest.mark.usefixtures("crash")
def test_a_handled_crash(same):
    """python's faulthandler prints from a signal handler, then dies."""
    same(python("import faulthandler, os, signal, sys, resource\n"
                "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
                "faulthandler.enable()\n"
                "os.kill(os.getpid(), signal.SIGSEGV)\n"),
         status=-signal.SIGSEGV, differs="0x[0-9a-f]+")


def test_getrusage_still_answers_the_program():
    done = run_shimmed(python(
        "import resource\n"
        "kept = bytearray(50 << 20)\n"
        "u = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(u.ru_maxrss > 50 << 10, u.ru_minflt > 0)\n"))
    assert (done.returncode, done.stdout) == (0, "True True\n")


def test_memory_limit_is_an_error_not_a_crash(same):
    same(python("import resource\n"
                "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
                "try: bytearray(2 << 30)\n"
                "except MemoryError: print('MemoryError')\n"))


# A server under load ----------------------------------------------------------

class Redis:
    """A server on a unix socket, without files or network."""

    # redis-tools' program is the server too when called by that name, so no
    # service need be installed and started on the machine.
    program = pathlib.Path(shutil.which("redis-check-rdb") or "/nowhere")

    def __init__(self, directory):
        self.socket = directory / "socket"
        (directory / "redis-server").symlink_to(self.program)
        self.process = subprocess.Popen(
            [directory / "redis-server", "--port", "0",
             "--unixsocket", self.socket, "--save", "", "--appendonly", "no", "--io-threads", "2"],
            env=shim_env(), cwd=directory,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.pid = self.process.pid
        await_that(self.answers, "redis answers")

    def client(self, name, *argv):
        return subprocess.run([name, "-s", self.socket, *argv], text=True,
                              env=plain_env(), capture_output=True,
                              check=False, timeout=120)

    def cli(self, *argv):
        return self.client("redis-cli", *argv).stdout.strip()

    def answers(self):
        assert self.process.poll() is None, self.process.stdout.read()
        return self.cli("ping") == "PONG"

    def stop(self):
        self.cli("shutdown", "nosave")
        return self.process.wait(timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        for path in segments(self.pid):
            path.unlink()


def test_redis_under_load(tmp_path):
    with Redis(tmp_path) as redis:
        idle = document(redis.pid)
        load = redis.client("redis-benchmark", "-q", "-n", "10000", "-c", "20",
                            "-d", "1000", "-r", "10000", "-t", "set,get,lpush")
        assert load.returncode == 0 and "SET" in load.stdout
        busy = document(redis.pid)
        keys = int(redis.cli("dbsize"))
        assert keys > 5000
        # Each of the keys holds a value of 1000 bytes.
        grown = busy["used_bytes"] - idle["used_bytes"]
        assert keys * 1000 < grown < keys * 1000 + (64 << 20)
        assert busy["comm"] == "redis-server" and busy["dropped"] == 0
        assert busy["used_peak_bytes"] >= busy["used_bytes"]
        assert busy["allocated_bytes"] >= busy["used_bytes"]
        assert busy["rss_bytes"] >= keys * 1000
        assert redis.cli("flushall", "sync") == "OK"
        empty = document(redis.pid)
        assert empty["used_bytes"] < idle["used_bytes"] + (4 << 20)
        # A peak between two ticks of a thread is not seen: layout.h.
        unseen = len(busy["threads"]) * (128 << 10)
        assert empty["used_peak_bytes"] >= busy["used_peak_bytes"] - unseen
        assert redis.stop() == 0
        assert not segments(redis.pid)


def test_redis_forks_to_save(tmp_path):
    with Redis(tmp_path) as redis:
        redis.cli("debug", "populate", "20000")
        before = document(redis.pid)["used_bytes"]
        assert redis.cli("bgsave") == "Background saving started"
        await_that(lambda: "rdb_bgsave_in_progress:0" in redis.cli(
            "info", "persistence"), "the child has saved")
        assert "rdb_last_bgsave_status:ok" in redis.cli("info", "persistence")
        path, = segments(redis.pid)
        assert Segment(path).pid == redis.pid
        after = document(redis.pid)["used_bytes"]
        assert abs(after - before) < 1 << 20
        assert redis.stop() == 0


def test_our_own_suites_interpreter_is_not_under_the_shim():
    """Else every comparison here would compare the shim with itself."""
    assert "libgcshim" not in os.environ.get("LD_PRELOAD", "")
    maps = pathlib.Path("/proc/self/maps").read_text()
    assert "libgcshim" not in maps
