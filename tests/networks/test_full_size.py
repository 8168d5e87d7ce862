"""Stable Diffusion at its real size with random weights: takes minutes on a CPU and 13 GB.

    python -m pytest -m long -n 0 -s tests/networks/test_full_size.py

prints the time of one guided noise prediction (two branches) and of one encoding with its
gradient at 512 pixels, and the peak memory of the process.
"""

import resource
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.networks.parameters import parameter_shapes
from tests.networks.components import network, real_fields

MODELS = ("sd15", "sd21_base")


def full_size(name, component, dtype):
    """A published network that computes, and keeps its parameters, in `dtype`."""
    return network(component, real_fields(name, component), dtype=dtype, param_dtype=dtype)


def random_params(model, key):
    """Normal kernels of the usual size, in the network's own dtype."""
    shapes, tree = jax.tree.flatten(parameter_shapes(model))
    leaves = [
        jax.random.normal(jax.random.fold_in(key, i), leaf.shape, leaf.dtype)
        * max(1, np.prod(leaf.shape[:-1])) ** -0.5
        for i, leaf in enumerate(shapes)
    ]
    return jax.tree.unflatten(tree, leaves)


def timed(function, *arguments):
    """Seconds of the second call, and its result."""
    jax.block_until_ready(function(*arguments))
    start = time.perf_counter()
    result = jax.block_until_ready(function(*arguments))
    return time.perf_counter() - start, result


def predict(name):
    """One guided prediction of the UNet in bfloat16."""
    unet = full_size(name, "unet", jnp.bfloat16)
    params = random_params(unet, jax.random.key(0))
    text = jnp.zeros((1, 77, unet.config.cross_attention_dim))

    @jax.jit
    def guided(params, x):
        apply = lambda x, t, text: unet.apply({"params": params}, x, t, text)  # noqa: E731
        return NetworkPredictor(apply, Branches(text, text + 1.0))(x, 500, 7.5)

    return timed(guided, params, jax.random.normal(jax.random.key(1), (1, 64, 64, 4)))


def encode(name, dtype):
    """One encoding of 512 pixels, and the gradient of the latents' sum."""
    autoencoder = full_size(name, "vae", dtype)
    params = random_params(autoencoder, jax.random.key(0))

    @jax.jit
    def gradient(params, image):
        total = lambda image: jnp.sum(  # noqa: E731
            autoencoder.apply({"params": params}, image, method="encode").mean
        )
        return jax.grad(total)(image)

    return timed(gradient, params, jax.random.uniform(jax.random.key(1), (1, 512, 512, 3)))


PARTS = {
    "noise prediction, bfloat16": predict,
    "encode and gradient, float32": lambda name: encode(name, jnp.float32),
    "encode and gradient, bfloat16": lambda name: encode(name, jnp.bfloat16),
}


def report(name, part):
    """Run one part in this process and print what it took."""
    seconds, result = PARTS[part](name)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    assert np.isfinite(np.asarray(result, np.float32)).all() and np.any(result)
    print(f"{name}, {part}: {seconds:.1f} s, peak {peak:.1f} GiB", flush=True)


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", MODELS)
def test_it_runs_at_full_size(name, part):
    """In a process of its own, whose peak memory is that of the part."""
    command = f"from tests.networks.test_full_size import report; report({name!r}, {part!r})"
    assert subprocess.run([sys.executable, "-c", command]).returncode == 0
