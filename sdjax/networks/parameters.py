"""The parameters of a network before there are any."""

from typing import Any

import jax
from flax import linen as nn


def parameter_shapes(model: nn.Module) -> dict[str, Any]:
    """The tree of `jax.ShapeDtypeStruct` of a network's parameters; computes nothing.

    `model` is one of this package: its `example_inputs()` are small inputs that fit.
    """
    return jax.eval_shape(model.init, jax.random.key(0), *model.example_inputs())["params"]
