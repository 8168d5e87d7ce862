"""The arithmetic of a piece of work, by XLA's cost analysis."""

import json
import os
import subprocess
import sys

import jax

from sdjax.benchmarks import networks
from sdjax.benchmarks.work import Work

KINDS = {
    "prediction": networks.guided_prediction,
    "autoencoder": networks.encode_with_gradient,
}
Case = tuple[str, str, int, int, str]  # kind, model, batch, image size, dtype


def asked_flops(work: Work) -> float:
    """Floating point operations that a program asks for, before XLA rewrites it (two for a
    multiplication with an addition, none for padding)."""
    costs = jax.jit(work.function).lower(*work.arguments).cost_analysis()
    return float(costs["flops"])


def flops_of(cases: list[Case]) -> list[float]:
    """`asked_flops` of each case, counted for a CPU: on a GPU attention and convolutions are calls
    of libraries, which the analysis of the compiled program takes for nothing.

    On other devices this starts a process on the CPU, since attention is chosen by the device.
    """
    if not cases:
        return []
    if jax.default_backend() == "cpu":
        return count(cases)
    command = [sys.executable, "-m", "sdjax.benchmarks.flops", json.dumps(cases)]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def count(cases: list[Case]) -> list[float]:
    """In this process."""
    return [
        asked_flops(KINDS[kind](model, batch, image_size, jax.numpy.dtype(dtype)))
        for kind, model, batch, image_size, dtype in cases
    ]


if __name__ == "__main__":
    print(json.dumps(count(json.loads(sys.argv[1]))))
