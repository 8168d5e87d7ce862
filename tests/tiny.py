"""An embedded prior of random pictures: 3 objects, 4 cameras, 8 x 8 pixels; no rays are cast."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.cameras import Camera
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.mixtures import ExactPredictor, Mixture, predict_noise
from sdjax.priors.embedded import Conditioning, EmbeddedPrior, bank_cameras, resolution_schedule

# XLA's newer code generation for CPUs takes three times as long on programs of this size.
OPTIONS = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}


def accepted(options: dict) -> dict:
    """The compiler options, or none if this version of XLA does not know them."""
    try:
        jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


jit = functools.partial(jax.jit, compiler_options=accepted(OPTIONS))

SIZE = 8
SHAPE = (SIZE, SIZE, 3)
CAMERAS = bank_cameras(4, elevation=(-10.0, 45.0), distance=3.2, fovy=40.0)
PRIOR = EmbeddedPrior(
    schedule=resolution_schedule(SIZE),
    bank=jnp.asarray(np.random.default_rng(0).integers(0, 256, (3, 4, *SHAPE)), jnp.uint8),
    cameras=CAMERAS,
    names=("first", "second", "third"),
)
# The prompt names the first two objects.
CONDITIONING = Conditioning(
    positive=jnp.log(jnp.asarray([0.5, 0.5, 0.0])), unconditional=jnp.log(jnp.full(3, 1 / 3))
)


def cameras(*indices: int) -> Camera:
    """Cameras of the bank, one per view."""
    return jax.tree.map(lambda leaf: leaf[jnp.asarray(indices)], CAMERAS)


def network(exact: ExactPredictor, compute: Callable = predict_noise) -> NetworkPredictor:
    """The same predictions through the plain interface of a network."""
    branches = Branches(
        Mixture(exact.modes, exact.positive), Mixture(exact.modes, exact.unconditional)
    )
    return NetworkPredictor(
        lambda x, t, mixture: compute(exact.schedule, x, t, mixture, exact.data_std), branches
    )
