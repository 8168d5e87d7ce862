"""Stable Diffusion at its real size with random weights: takes minutes on a CPU and 13 GB.

    python -m pytest -m long -n 0 -s tests/networks/test_full_size.py

prints the time of one guided noise prediction (two branches) and of one encoding with its
gradient at 512 pixels, and the peak memory of the process.
"""

import subprocess
import sys

import jax
import numpy as np
import pytest

from sdjax.benchmarks.flops import KINDS
from sdjax.benchmarks.machine import peak_memory
from sdjax.benchmarks.method import runner
from sdjax.benchmarks.networks import with_random_arguments
from sdjax.benchmarks.work import compiled

MODELS = ("sd15", "sd21_base")
PARTS = (("prediction", "bfloat16"), ("autoencoder", "float32"), ("autoencoder", "bfloat16"))


def report(name, kind, dtype):
    """Run one part in this process and print what it took."""
    work = with_random_arguments(KINDS[kind](name, 1, 512, dtype))
    program = compiled(work)
    for leaf in jax.tree.leaves(program.run(*work.arguments)):
        assert np.isfinite(np.asarray(leaf, np.float32)).all() and np.any(leaf)
    seconds = runner(program.run, *work.arguments)(1)
    peak = peak_memory()[0] / 2**30
    print(f"{name}, {kind}, {dtype}: {seconds:.1f} s, peak {peak:.1f} GiB", flush=True)


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS, ids=" ".join)
@pytest.mark.parametrize("name", MODELS)
def test_it_runs_at_full_size(name, part):
    """In a process of its own, whose peak memory is that of the part."""
    call = f"report({name!r}, {part[0]!r}, {part[1]!r})"
    command = f"from tests.networks.test_full_size import report; {call}"
    assert subprocess.run([sys.executable, "-c", command]).returncode == 0
