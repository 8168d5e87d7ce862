"""Residuals of ours held against the recorded ones of the official code.

In float32 to 1e-4 of max(1, |value|); in float64, against the official run in float64, to 1e-5.
`*_b2` cases hold the official code's batch mix-up of Perp-Neg and are left out: `*_s0`, `*_s1`
are the same draws as they were meant.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.rules import weighting
from tests.reference import assert_matches, channels_last

INPUTS = {"latents", "noise", "t", "neg_weights", "ode_noise", "u_delta"}
both_precisions = pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])


def residual_cases(cases: dict) -> list[str]:
    """The cases that hold a gradient, without the batch mix-up."""
    return sorted(name for name in cases if "grad" in cases[name] and not name.endswith("_b2"))


def inputs(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a residual is made of: the embeddings, and the arrays that were drawn."""
    return {k: v for k, v in arrays.items() if k.startswith("emb") or k in INPUTS}


def check(actual: dict, arrays: dict[str, np.ndarray]) -> None:
    """Compare our intermediates and gradient with the recorded ones, in the precision of ours."""
    if actual["grad"].dtype == jnp.float64:
        assert_matches(actual["grad"], channels_last(arrays["grad_f64"]), 1e-5)
        return
    for name, value in actual.items():
        assert_matches(value, channels_last(arrays[name]))


def weighting_of(name: str) -> weighting.Weighting:
    """What the name of a case of threestudio says of its weighting."""
    named = {"w_uniform": weighting.constant, "w_fantasia3d": weighting.fantasia3d}
    found = [named[suffix] for suffix in named if name.endswith(suffix)]
    return found[0] if found else weighting.one_minus_alpha_cumprod
