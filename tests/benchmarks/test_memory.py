"""Planned bytes beside XLA's plan of the compiled step, and beside what a device held."""

import json
import subprocess
import sys

import pytest

from sdjax.benchmarks.machine import device_peak
from sdjax.benchmarks.memory import Compared, compared
from sdjax.runs.run import open_run
from sdjax.runs.schema import load_config

CLOSE = 0.15
ONE_STAGE = {
    "run.devices": 1,
    "prior.cameras": 8,
    "stages.steps": (2,),
    "stages.resolution": (64,),
}
# What takes most: the grid of one particle, and those of several beside their renderings.
CASES = {
    "grid": {"seeds": 1, "stages.grid": (128,)},
    "several": {"seeds": 4, "run.mapping": "vmap", "stages.grid": (64,)},
    "map": {"seeds": 4, "run.mapping": "map", "stages.grid": (64,)},
}


def measure(name):
    """Here: in a process whose peak is that of the case, and that checks no shapes."""
    run = open_run(load_config("embedded_3d:sds", ONE_STAGE | CASES[name]))
    return compared(run)


def measured_apart(*names):
    call = f"print(json.dumps([measure(name) for name in {names}]))"
    code = f"import json; from tests.benchmarks.test_memory import measure; {call}"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return [Compared(*found) for found in json.loads(done.stdout.splitlines()[-1])]


@pytest.mark.slow
def test_the_plan_is_close_to_that_of_xla():
    for found in measured_apart(*CASES):
        assert abs(found.deviation("compiled")) < CLOSE, found


@pytest.mark.slow
@pytest.mark.skipif(
    device_peak() is None,
    reason="CPUs do not tell what they held: for a GPU or a TPU",
)
@pytest.mark.parametrize("name", CASES)
def test_the_plan_is_close_to_what_a_device_held(name):
    (found,) = measured_apart(name)
    assert abs(found.deviation("measured")) < CLOSE, found


def test_what_is_not_known_has_no_deviation():
    assert Compared(120, 100, None).deviation("measured") is None
    assert Compared(120, 100, None).deviation() == pytest.approx(0.2)
