"""What a network keeps for its gradient, and what it computes again (arXiv 1604.06174)."""

from typing import Any

import jax
from flax import linen as nn
from jax.extend.core import primitives

from sdjax.config.fields import Field, literal

# The former settings True and False are names, too.
NAMES = {False: "none", True: "blocks"}
POLICIES = ("none", "products", "blocks")

REMAT = Field(
    f"one of {', '.join(POLICIES)}",
    lambda value: isinstance(value, bool | str) and NAMES.get(value, value) in POLICIES,
    convert=lambda value: NAMES.get(value, value),
    parse=lambda given: NAMES.get(literal(given.capitalize()), given),
    names=POLICIES,
)


def rematerialised(block: Any, policy: str | bool) -> Any:
    """A kind of block (a class of `nn.Module`) whose gradient keeps what `policy` says.

    "none" keeps every activation.  "products" keeps the results of convolutions and of products
    with weights, and computes norms, nonlinearities, attention's logits and sums again, which costs
    next to nothing.  "blocks" (or True) keeps what enters a block, and computes the block again.
    """
    policy = NAMES.get(policy, policy)
    if policy == "none":
        return block
    return nn.remat(block, policy=_is_product if policy == "products" else None)


def _is_product(primitive: jax.extend.core.Primitive, *_: Any, **params: Any) -> bool:
    """Whether it multiplies by weights: attention's products have an axis of the batch on both
    sides, and results as large as the square of the tokens."""
    if primitive is primitives.dot_general_p:
        return not params["dimension_numbers"][1][0]
    return primitive is primitives.conv_general_dilated_p
