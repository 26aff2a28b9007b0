"""The parsers of what anybody may have written: over their corpora, under the
address and undefined-behaviour sanitizers where that build is there; and, in
the long form, over inputs that libFuzzer makes."""

import os
import pathlib
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, plain_env

HERE = pathlib.Path(__file__).parent
TARGETS = sorted(p.name for p in (HERE / "corpus").iterdir())
BUILDS = [ROOT / name for name in
          os.environ.get("UNIT_BUILD_DIRS", str(BUILD)).split(":")]
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))


@pytest.mark.parametrize("build", BUILDS, ids=lambda b: b.name)
@pytest.mark.parametrize("target", TARGETS)
def test_corpus_does_no_harm(target, build):
    inputs = sorted((HERE / "corpus" / target).iterdir())
    done = subprocess.run([build / "test/fuzz" / f"replay_{target}", *inputs],
                          env=plain_env(), capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(inputs)} inputs replayed\n"


@pytest.fixture(scope="session")
def fuzz_build():
    """A build whose every module tells libFuzzer where it has been."""
    where = ROOT / "build-fuzz"
    if not (where / "build.ninja").exists():
        subprocess.run(
            ["meson", "setup", where, ROOT, "-Dtests=true", "-Db_lundef=false",
             "-Db_sanitize=address,undefined",
             "-Dc_args=-fsanitize=fuzzer-no-link"],
            env={**plain_env(), "CC": "clang", "CXX": "clang++"}, check=True)
    subprocess.run(["meson", "compile", "-C", where], check=True)
    return where


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_made_up_inputs_do_no_harm(target, fuzz_build, tmp_path):
    done = subprocess.run(
        [fuzz_build / "test/fuzz" / f"fuzz_{target}", "-max_len=16384",
         f"-max_total_time={FUZZ_SECONDS}", "-print_final_stats=1",
         f"-artifact_prefix={tmp_path}/", tmp_path, HERE / "corpus" / target],
        cwd=tmp_path, env=plain_env(), capture_output=True, text=True,
        timeout=FUZZ_SECONDS + 120, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    units = int(re.search(r"executed_units: (\d+)", done.stderr)[1])
    print(f"{target}: {units} executions")
    assert units > 1000
