"""The protocols between threads and readers, checked exhaustively by spin; and
the same models with one precaution left out, which spin must find wrong."""

import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent


def explore(model, where, flags=()):
    """(errors, states) of all runs of a model."""
    shutil.copy(HERE / f"{model}.pml", where)
    subprocess.run(["spin", "-a", *flags, f"{model}.pml"], cwd=where,
                   check=True, capture_output=True, timeout=60)
    subprocess.run(["cc", "-O2", "-w", "-o", "pan", "pan.c"], cwd=where,
                   check=True, timeout=120)
    done = subprocess.run(["./pan", "-m100000"], cwd=where, check=True,
                          capture_output=True, text=True, timeout=120)
    assert "max search depth too small" not in done.stdout
    return (int(re.search(r"errors: (\d+)", done.stdout)[1]),
            int(re.search(r"(\d+) states, stored", done.stdout)[1]))


@pytest.mark.parametrize("model", ["sum", "slot"])
def test_protocol_holds_in_every_interleaving(model, tmp_path):
    errors, states = explore(model, tmp_path)
    print(f"{model}: {states} states explored")
    assert errors == 0
    assert states > 1000


@pytest.mark.parametrize("model,flag", [("sum", "-DSTALE_HIGH"),
                                        ("sum", "-DALLOCATED_FIRST"),
                                        ("slot", "-DNO_EPOCH")])
def test_protocol_without_its_precaution_is_found_wrong(model, flag, tmp_path):
    errors, _ = explore(model, tmp_path, [flag])
    assert errors > 0
