"""What a network keeps for its gradient, and what it computes again (arXiv 1604.06174)."""

from typing import Any

import jax
from flax import linen as nn
from jax.extend.core import primitives

from sdjax.config.errors import UserError, did_you_mean, short
from sdjax.config.fields import Field

POLICIES = ("none", "products", "blocks")
_EXPECTED = f"one of {', '.join(POLICIES)}"
# The name of the results of products with weights whose primitive a policy does not see, being in
# a function with a gradient of its own.
PRODUCT = "product"


def policy_of(remat: str | bool) -> str:
    """One of `POLICIES`; the former settings False and True are "none" and "blocks".

    Raises a UserError for anything else.
    """
    if isinstance(remat, bool):
        return "blocks" if remat else "none"
    if remat not in POLICIES:
        hint = did_you_mean(remat, POLICIES) if isinstance(remat, str) else "."
        raise UserError(f"remat is {short(remat)}, expected {_EXPECTED}{hint}")
    return remat


REMAT = Field(
    _EXPECTED,
    lambda value: isinstance(value, bool) or value in POLICIES,
    convert=policy_of,
    parse=lambda given: {"true": "blocks", "false": "none"}.get(given.lower(), given),
    names=POLICIES,
)


def rematerialised(block: Any, policy: str) -> Any:
    """A kind of block (a class of `nn.Module`) whose gradient keeps what `policy` says.

    "none" keeps every activation.  "products" keeps the results of convolutions and of products
    with weights, and computes norms, nonlinearities, attention's logits and sums again, which costs
    next to nothing.  "blocks" keeps what enters a block, and computes the block again.  KeyError
    for another.
    """
    named = jax.checkpoint_policies.save_only_these_names(PRODUCT)
    kept = {
        "products": jax.checkpoint_policies.save_from_both_policies(_is_product, named),
        "blocks": None,
    }
    return block if policy == "none" else nn.remat(block, policy=kept[policy])


def _is_product(primitive: jax.extend.core.Primitive, *_: Any, **params: Any) -> bool:
    """Whether it multiplies by weights: attention's products have an axis of the batch on both
    sides, and results as large as the square of the tokens."""
    if primitive is primitives.dot_general_p:
        return not params["dimension_numbers"][1][0]
    return primitive is primitives.conv_general_dilated_p
